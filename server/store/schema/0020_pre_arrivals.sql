-- Until when a customer is known to listen on an event stream, on whichever process: who listens needs no push.
ALTER TABLE customer_state ADD COLUMN stream_until timestamptz;

-- What a moment has reserved of its offer's budget: {"units", "liability", "place_id", "period"}; NULL: nothing, or given back.
ALTER TABLE moments ADD COLUMN reserved jsonb;

-- Moments that were told and not used end with their reward.
CREATE INDEX moments_told ON moments (valid_until) WHERE state IN ('delivered', 'opened', 'clicked') AND NOT held_out;
-- Shares of places in rolling periods are counted here.
CREATE INDEX moments_reserved ON moments (offer_id, place_id, created_at) WHERE reserved IS NOT NULL;
