-- no-transaction
-- The job that forgets finds the oldest rows by an index, however many there are: without one it read whole tables every
-- hour, and longer than a statement may take.

DROP INDEX CONCURRENTLY IF EXISTS customer_events_at;
CREATE INDEX CONCURRENTLY customer_events_at ON customer_events (at);
DROP INDEX CONCURRENTLY IF EXISTS customer_tokens_used;
CREATE INDEX CONCURRENTLY customer_tokens_used ON customer_tokens (coalesce(last_used_at, created_at));
