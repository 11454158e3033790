-- The read model and the delivery log of Longshore.
--
-- Everything here but the delivery log can be rebuilt from Kafka. Nothing here is a credential: `spec` holds references,
-- and no column holds secret bytes, sealed or not.

CREATE SCHEMA IF NOT EXISTS longshore;

-- One row for each task. Inserted as 'accepting' before Kafka has the task; turned by the projector from then on.
CREATE TABLE longshore.tasks (
    id text PRIMARY KEY,
    project text NOT NULL,
    cluster text NOT NULL,
    phase text NOT NULL CHECK (phase IN (
        'accepting', 'queued', 'checking', 'pulling', 'paused', 'succeeded', 'failed', 'cancelled', 'rejected')),
    priority integer NOT NULL,
    priority_class text NOT NULL CHECK (priority_class IN ('high', 'normal', 'low')),
    source text NOT NULL CHECK (source IN ('http', 'kafka', 'kubernetes')),
    spec jsonb NOT NULL,
    labels jsonb NOT NULL DEFAULT '{}',
    -- Canonical references, for the filter by image.
    images text[] NOT NULL DEFAULT '{}',
    -- SHA-256 of the canonical request without its secrets; null for tasks that were not asked of intake.
    request_hash bytea,
    idempotency_key text,
    webhook_url text,
    webhook_events text[] NOT NULL DEFAULT '{}',
    nodes_total integer NOT NULL DEFAULT 0,
    nodes_succeeded integer NOT NULL DEFAULT 0,
    nodes_failed integer NOT NULL DEFAULT 0,
    nodes_skipped integer NOT NULL DEFAULT 0,
    nodes_pulling integer NOT NULL DEFAULT 0,
    -- The highest sequence of an event that has been applied.
    sequence bigint NOT NULL DEFAULT 0,
    cause text,
    message text,
    reason text,
    accepted_at timestamptz NOT NULL,
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz,
    cancel_requested_at timestamptz,
    traceparent text
);

-- A derived id does not sort by time, so lists go by time and id.
CREATE INDEX tasks_by_time ON longshore.tasks (accepted_at DESC, id DESC);
CREATE INDEX tasks_by_project ON longshore.tasks (project, accepted_at DESC, id DESC);
CREATE INDEX tasks_unfinished ON longshore.tasks (phase, accepted_at)
    WHERE phase IN ('accepting', 'queued', 'checking', 'pulling', 'paused');
CREATE INDEX tasks_finished ON longshore.tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_by_label ON longshore.tasks USING gin (labels jsonb_path_ops);
CREATE INDEX tasks_by_image ON longshore.tasks USING gin (images);

-- One row for each node of a task.
CREATE TABLE longshore.task_nodes (
    task_id text NOT NULL,
    node text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('pending', 'pulling', 'succeeded', 'failed', 'skipped')),
    attempt integer NOT NULL DEFAULT 0,
    -- [{"image", "phase", "digest", "bytes", "cause", "message"}]
    images jsonb NOT NULL DEFAULT '[]',
    cause text,
    message text,
    reason text,
    -- Of the event that was applied last.
    sequence bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, node)
);

CREATE INDEX task_nodes_by_phase ON longshore.task_nodes (task_id, phase, node);

-- The events themselves, for resuming a stream; partitioned by day.
CREATE TABLE longshore.task_events (
    event_id text NOT NULL,
    task_id text NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    event jsonb NOT NULL,
    UNIQUE (event_id, time)
) PARTITION BY RANGE (time);

CREATE TABLE longshore.task_events_default PARTITION OF longshore.task_events DEFAULT;
CREATE INDEX task_events_by_task ON longshore.task_events (task_id, sequence);

-- Where a consumer goes on, written in the transaction that holds what it has consumed.
CREATE TABLE longshore.consumer_offsets (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
);

-- Subscriptions that outlive a task; the signing secret is a reference to a Kubernetes Secret.
CREATE TABLE longshore.webhook_endpoints (
    id text PRIMARY KEY,
    project text NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL DEFAULT '{}',
    secret_name text NOT NULL,
    state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
    disabled_reason text,
    failing_since timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX webhook_endpoints_by_project ON longshore.webhook_endpoints (project);

-- One row for each event and receiver.
CREATE TABLE longshore.deliveries (
    -- The event's id, with the endpoint's where there is one.
    id text PRIMARY KEY,
    event_id text NOT NULL,
    task_id text NOT NULL,
    project text NOT NULL,
    endpoint_id text,
    url text NOT NULL,
    secret_name text NOT NULL,
    -- The CloudEvent as it is sent, byte for byte: it is what the signature covers.
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivering', 'delivered', 'retrying', 'exhausted', 'disabled')),
    attempt integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    lease_until timestamptz,
    lease_owner text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    last_status integer,
    last_error text
);

CREATE INDEX deliveries_due ON longshore.deliveries (next_attempt_at) WHERE state IN ('pending', 'retrying');
CREATE INDEX deliveries_leased ON longshore.deliveries (lease_until) WHERE state = 'delivering';
CREATE INDEX deliveries_by_task ON longshore.deliveries (task_id, created_at);
CREATE INDEX deliveries_finished ON longshore.deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- Each request that was made to a receiver; partitioned by day.
CREATE TABLE longshore.delivery_attempts (
    delivery_id text NOT NULL,
    attempt integer NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text,
    response_excerpt text,
    UNIQUE (delivery_id, attempt, started_at)
) PARTITION BY RANGE (started_at);

CREATE TABLE longshore.delivery_attempts_default PARTITION OF longshore.delivery_attempts DEFAULT;

-- Makes the partitions of the coming days. Rows that come before their partition stay in the default one: a day for which
-- the default partition already holds rows gets no partition of its own, which costs nothing but the quick drop later.
CREATE FUNCTION longshore.make_partitions(days_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    day date;
    made integer := 0;
BEGIN
    -- Several services call this at the same time.
    PERFORM pg_advisory_xact_lock(7310868736829190501);
    FOREACH parent IN ARRAY ARRAY['task_events', 'delivery_attempts'] LOOP
        FOR day IN SELECT current_date + n FROM generate_series(0, days_ahead) n LOOP
            CONTINUE WHEN to_regclass(format('longshore.%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NOT NULL;
            BEGIN
                EXECUTE format('CREATE TABLE longshore.%I PARTITION OF longshore.%I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent, day::timestamptz, (day + 1)::timestamptz);
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'the default partition of % holds rows of %', parent, day;
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops what is older than the given number of days: whole partitions, and at most `batch` finished tasks and deliveries
-- a call, so that no call holds locks for long. Returns how many tasks went.
CREATE FUNCTION longshore.remove_old(keep_days integer, batch integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    child record;
    horizon date := current_date - keep_days;
    gone text[];
BEGIN
    IF keep_days < 1 THEN
        RAISE EXCEPTION 'keep_days must be at least 1';
    END IF;
    PERFORM pg_advisory_xact_lock(7310868736829190501);
    FOR child IN
        SELECT c.relname, right(c.relname, 8) AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('longshore.task_events'::regclass, 'longshore.delivery_attempts'::regclass)
            AND c.relname ~ '_[0-9]{8}$'
    LOOP
        IF to_date(child.day, 'YYYYMMDD') < horizon THEN
            EXECUTE format('DROP TABLE longshore.%I', child.relname);
        END IF;
    END LOOP;
    DELETE FROM longshore.task_events_default WHERE time < horizon;
    DELETE FROM longshore.delivery_attempts_default WHERE started_at < horizon;
    DELETE FROM longshore.deliveries WHERE id IN (
        SELECT id FROM longshore.deliveries WHERE finished_at < horizon LIMIT batch);
    WITH doomed AS (
        SELECT id FROM longshore.tasks WHERE finished_at < horizon LIMIT batch FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM longshore.tasks t USING doomed WHERE t.id = doomed.id RETURNING t.id
    )
    SELECT array_agg(id) INTO gone FROM removed;
    DELETE FROM longshore.task_nodes WHERE task_id = ANY (gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

REVOKE ALL ON FUNCTION longshore.make_partitions, longshore.remove_old FROM PUBLIC;

SELECT longshore.make_partitions(7);

-- What each service may do, as roles without login: an operator grants them to the accounts of the services. Where the
-- migrating account may not create roles, it goes without them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['longshore_intake', 'longshore_notifier'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION
                WHEN insufficient_privilege THEN RAISE NOTICE 'no right to create the role %', name;
                -- Roles belong to the whole server; another database's migration was quicker.
                WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'longshore_intake') THEN
        GRANT USAGE ON SCHEMA longshore TO longshore_intake;
        GRANT SELECT, INSERT, UPDATE ON longshore.tasks, longshore.task_nodes, longshore.consumer_offsets
            TO longshore_intake;
        GRANT SELECT, INSERT ON longshore.task_events TO longshore_intake;
        GRANT SELECT ON longshore.webhook_endpoints, longshore.deliveries, longshore.delivery_attempts
            TO longshore_intake;
        GRANT EXECUTE ON FUNCTION longshore.make_partitions, longshore.remove_old TO longshore_intake;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'longshore_notifier') THEN
        GRANT USAGE ON SCHEMA longshore TO longshore_notifier;
        -- Which receiver a task names, and nothing else of it.
        GRANT SELECT (id, project, cluster, phase, webhook_url, webhook_events, accepted_at, finished_at)
            ON longshore.tasks TO longshore_notifier;
        GRANT SELECT, INSERT, UPDATE ON longshore.deliveries, longshore.webhook_endpoints, longshore.consumer_offsets
            TO longshore_notifier;
        GRANT SELECT, INSERT ON longshore.delivery_attempts TO longshore_notifier;
        GRANT EXECUTE ON FUNCTION longshore.make_partitions TO longshore_notifier;
    END IF;
END $$;
