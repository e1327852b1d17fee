-- no-transaction
-- A shop's order counts once for its customer, however often and by whichever way it is told.

DROP INDEX CONCURRENTLY IF EXISTS customer_events_order;
CREATE UNIQUE INDEX CONCURRENTLY customer_events_order ON customer_events (bucket, customer_id, order_id)
    WHERE name = 'purchase' AND order_id IS NOT NULL;
