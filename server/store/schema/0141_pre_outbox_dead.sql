-- Deliveries that nobody took: few, and looked at by people.
CREATE INDEX deliveries_dead ON deliveries (finished_at, id) WHERE state = 'dead';
-- Senders ask by channel and way (deliveries_out); what waits for an app to open is nothing to send.
DROP INDEX deliveries_due;
