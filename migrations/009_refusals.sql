-- What was wrong with a request or a PullTask that never became a task, or with a task that an executor has rejected.
ALTER TABLE longshore.tasks ADD COLUMN refusal jsonb;

-- Endpoints that outlive a task are not part of this release: nobody has written or read their table.
DROP TABLE longshore.webhook_endpoints;
-- Services of the release before read this column, which is always null, until they are replaced: it stays as it is until a later
-- release, whose predecessor is this one, removes it.
COMMENT ON COLUMN longshore.deliveries.endpoint_id IS 'written and read by nobody; to be removed';
