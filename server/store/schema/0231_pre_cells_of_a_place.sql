-- no-transaction
-- The cells of one place, found by what else is asked for: what is not is not read.
DROP INDEX CONCURRENTLY IF EXISTS funnel_cells_at_place;
CREATE INDEX CONCURRENTLY funnel_cells_at_place ON funnel_cells (place_id, slot, offer_id, channel, placement, variant, weather);
DROP INDEX CONCURRENTLY IF EXISTS funnel_cells_place;
