-- Whose places a delivery takes, and who waits behind whom: claims go through the due deliveries again and again, and
-- finding the host in the text of each URL was most of what a delivery cost.
ALTER TABLE longshore.deliveries
    ADD COLUMN host text GENERATED ALWAYS AS (coalesce(lower(substring(url FROM '://([^/?#]*)')), '')) STORED;
