-- no-transaction
DROP INDEX CONCURRENTLY IF EXISTS passes_relevant;
CREATE INDEX CONCURRENTLY passes_relevant ON passes (relevant_at) WHERE state = 'active' AND relevant_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS passes_relevant_as_of;
CREATE INDEX CONCURRENTLY passes_relevant_as_of ON passes (relevant_as_of) WHERE state = 'active' AND relevant_at IS NOT NULL;
