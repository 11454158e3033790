-- A node whose end was told and is gone from Kafka: nobody knows any more how it ended, or the task's record does not say.
-- Rows that are there meet the stricter condition of before: they need not be read.
ALTER TABLE longshore.task_nodes
    DROP CONSTRAINT task_nodes_phase_check,
    ADD CONSTRAINT task_nodes_phase_check
        CHECK (phase IN ('pending', 'pulling', 'succeeded', 'failed', 'skipped', 'unknown')) NOT VALID;
