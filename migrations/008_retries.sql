-- How often a finished task was begun again for its failed nodes.
ALTER TABLE longshore.tasks ADD COLUMN retries integer NOT NULL DEFAULT 0;
