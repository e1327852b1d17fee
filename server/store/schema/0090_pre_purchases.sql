-- A purchase is an event with what was paid: `order_id` is the shop's own number of it, `store_id` where it was made.
ALTER TABLE customer_events
    ADD COLUMN amount_minor bigint,
    ADD COLUMN currency     text,
    ADD COLUMN order_id     text,
    ADD COLUMN store_id     uuid;
ALTER TABLE customer_events ADD CHECK ((amount_minor IS NULL) = (currency IS NULL)) NOT VALID;
