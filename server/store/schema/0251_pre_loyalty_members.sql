-- no-transaction
-- The members of one segment, for key figures of theirs alone.
DROP INDEX CONCURRENTLY IF EXISTS segment_members_segment;
CREATE INDEX CONCURRENTLY segment_members_segment ON segment_members (segment, customer_id);
DROP INDEX CONCURRENTLY IF EXISTS customers_segments;
CREATE INDEX CONCURRENTLY customers_segments ON customers USING gin (segments) WHERE profiling;
