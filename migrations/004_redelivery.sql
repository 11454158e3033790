-- Who may read the deliveries of a project may have them sent again, and change nothing else of them.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'longshore_intake') THEN
        GRANT UPDATE (state, next_attempt_at, finished_at) ON longshore.deliveries TO longshore_intake;
    END IF;
END $$;
