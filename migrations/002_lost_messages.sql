-- Where a task's message is in Kafka, and what was found out when it is there no more.
ALTER TABLE longshore.tasks
    -- The topic follows from the cluster and the class. Null: no acknowledgement was noted.
    ADD COLUMN message_partition integer,
    -- Null also where the broker did not tell.
    ADD COLUMN message_offset bigint,
    -- Since when the message seems to be gone.
    ADD COLUMN suspected_at timestamptz,
    -- When the executors were last asked about the task.
    ADD COLUMN asked_at timestamptz,
    -- When their answer came that there is no PullTask of it.
    ADD COLUMN lost_at timestamptz;

CREATE INDEX tasks_by_message ON longshore.tasks (cluster, priority_class, message_partition, message_offset)
    WHERE message_partition IS NOT NULL AND phase IN ('accepting', 'queued', 'checking', 'pulling', 'paused');
CREATE INDEX tasks_suspected ON longshore.tasks (suspected_at)
    WHERE suspected_at IS NOT NULL AND phase IN ('accepting', 'queued', 'checking', 'pulling', 'paused');
