-- no-transaction
-- Sums by their words before offer and place: whoever asks for one word reads the sums of that word alone.

DROP INDEX CONCURRENTLY IF EXISTS funnel_sums_words;
CREATE UNIQUE INDEX CONCURRENTLY funnel_sums_words ON funnel_sums (cut, lead, at, channel, placement, variant, weather, offer_id,
    place_id, local_day, local_hour, weekday, currency);
