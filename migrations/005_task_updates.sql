-- A task's row changes with each phase, and no index may name what changes then: an update that touches no indexed column
-- stays on its page and leaves all indexes alone (heap-only tuples), where it otherwise had an entry made in each of them, one
-- for each image included. That a task has not ended is said by finished_at, which changes once.
DROP INDEX longshore.tasks_unfinished;
CREATE INDEX tasks_unfinished ON longshore.tasks (accepted_at) WHERE finished_at IS NULL;
DROP INDEX longshore.tasks_by_message;
CREATE INDEX tasks_by_message ON longshore.tasks (cluster, priority_class, message_partition, message_offset)
    WHERE message_partition IS NOT NULL AND finished_at IS NULL;
DROP INDEX longshore.tasks_suspected;
CREATE INDEX tasks_suspected ON longshore.tasks (suspected_at) WHERE suspected_at IS NOT NULL AND finished_at IS NULL;
-- Room on each page for the versions to come.
ALTER TABLE longshore.tasks SET (fillfactor = 60);
