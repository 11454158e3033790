-- A node whose end was told and is gone from Kafka: nobody knows any more how it ended, or the task's record does not say.
-- Rows that are there meet the stricter condition of before: they need not be read.
ALTER TABLE longshore.task_nodes
    DROP CONSTRAINT task_nodes_phase_check,
    ADD CONSTRAINT task_nodes_phase_check
        CHECK (phase IN ('pending', 'pulling', 'succeeded', 'failed', 'skipped', 'unknown')) NOT VALID;

-- Tasks that have ended and of which some nodes' ends were not heard: executors are asked, while they can still know.
CREATE TABLE longshore.node_repairs (
    task_id text PRIMARY KEY,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    asked_at timestamptz
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'longshore_intake') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON longshore.node_repairs TO longshore_intake;
    END IF;
END $$;
