-- The outbox carries pass updates beside moments. `channel` is what the funnel and the exports know (in_app, push,
-- apple_wallet, google_wallet); `way` the service that takes it (apns, fcm, webpush, apple_wallet, google_wallet), NULL for
-- in_app and for a push that no device was found for yet. A lease is fenced by its own id: who lost it can finish nothing.
-- A push has a row for each device; an update of Apple's wallet one for each wallet that holds changed passes, whatever
-- number of them; one of Google's wallet a row for each pass.

ALTER TABLE deliveries ALTER COLUMN moment_id DROP NOT NULL, ALTER COLUMN offer_id DROP NOT NULL;
ALTER TABLE deliveries
    ADD COLUMN way         text,
    ADD COLUMN device_id   text,
    ADD COLUMN device_hash bytea,
    ADD COLUMN serial      uuid,
    ADD COLUMN lease       uuid;
-- (An erased customer's rows name no device any more.)
ALTER TABLE deliveries ADD CONSTRAINT deliveries_subject CHECK (customer_id IS NULL OR
    CASE channel WHEN 'apple_wallet' THEN device_hash IS NOT NULL
                 WHEN 'google_wallet' THEN serial IS NOT NULL
                 ELSE moment_id IS NOT NULL AND offer_id IS NOT NULL END);

CREATE INDEX deliveries_out ON deliveries (channel, way, not_before)
    WHERE state IN ('queued', 'leased') AND channel <> 'in_app';
-- What waits already tells the wallet of the next change, too.
CREATE UNIQUE INDEX deliveries_wallet ON deliveries (bucket, device_hash)
    WHERE channel = 'apple_wallet' AND state = 'queued';
CREATE UNIQUE INDEX deliveries_google ON deliveries (bucket, serial)
    WHERE channel = 'google_wallet' AND state = 'queued';
-- One row for each device of a push.
CREATE UNIQUE INDEX deliveries_device ON deliveries (bucket, moment_id, device_id) WHERE device_id IS NOT NULL;
