-- no-transaction
-- What a customer bought is read by itself, however much else happened to them.

DROP INDEX CONCURRENTLY IF EXISTS customer_events_bought;
CREATE INDEX CONCURRENTLY customer_events_bought ON customer_events (bucket, customer_id, at DESC)
    WHERE name IN ('purchase', 'redemption');
