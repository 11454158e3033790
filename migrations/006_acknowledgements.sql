-- What Kafka has acknowledged and the projector may not have read yet, one row for each hand-over of many tasks: to note it in
-- each task's own row made another version of it, for what the projector writes there a moment later anyway.
CREATE TABLE longshore.acknowledgements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tasks text[] NOT NULL,
    partitions bigint[] NOT NULL,
    -- Null where the broker did not tell.
    offsets bigint[] NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'longshore_intake') THEN
        GRANT SELECT, INSERT, DELETE ON longshore.acknowledgements TO longshore_intake;
    END IF;
END $$;
