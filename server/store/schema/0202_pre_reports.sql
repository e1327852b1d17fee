-- no-transaction
-- What reports read besides their cells: answers by time, what active passes may still cost (from the index alone), and the cells of
-- one place and of one offer.
DROP INDEX CONCURRENTLY IF EXISTS customer_events_scored;
CREATE INDEX CONCURRENTLY customer_events_scored ON customer_events (at) INCLUDE (bucket, customer_id, id, score)
    WHERE score IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS passes_open;
CREATE INDEX CONCURRENTLY passes_open ON passes (offer_id, currency, bucket) INCLUDE (uses_left, value_minor, customer_id, serial)
    WHERE state = 'active';
DROP INDEX CONCURRENTLY IF EXISTS funnel_cells_place;
CREATE INDEX CONCURRENTLY funnel_cells_place ON funnel_cells (place_id, slot);
DROP INDEX CONCURRENTLY IF EXISTS funnel_cells_offer;
CREATE INDEX CONCURRENTLY funnel_cells_offer ON funnel_cells (offer_id, slot);
