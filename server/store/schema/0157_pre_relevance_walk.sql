-- no-transaction
-- Stores changed: passes that may show them are walked through once, however many there are, and only those that show
-- something else are written. One row tells up to which change that is done, and how far the walk under way is.
DROP TABLE IF EXISTS relevance_walk;
CREATE TABLE relevance_walk (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    as_of         bigint      NOT NULL DEFAULT -1,
    target        bigint,
    after_bucket  smallint    NOT NULL DEFAULT -1,
    after_serial  uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
INSERT INTO relevance_walk DEFAULT VALUES;
DROP INDEX CONCURRENTLY IF EXISTS passes_relevant_as_of;
DROP INDEX CONCURRENTLY IF EXISTS passes_relevant_walk;
CREATE INDEX CONCURRENTLY passes_relevant_walk ON passes (bucket, serial) WHERE state = 'active' AND relevant_at IS NOT NULL;
