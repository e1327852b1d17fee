-- Wallets hear of changes. `apns`: whether Apple's push service takes the wallet's token; wallets of Android have others, and
-- ask by themselves. `saved_at`: when a wallet first held the pass. `erased_at`: its customer was erased then; while a wallet
-- is told that the pass is void, it still gets an answer, without a customer (server.store.farewell).
-- A changed pass has tag -1 until it is numbered, or -2 where nobody stands at a counter and waits for it.

ALTER TABLE registrations
    ADD COLUMN apns      boolean NOT NULL DEFAULT true,
    ADD COLUMN erased_at timestamptz;
UPDATE registrations SET apns = false WHERE push_token !~ '^[0-9a-fA-F]{32,200}$';
CREATE INDEX registrations_erased ON registrations (erased_at) WHERE erased_at IS NOT NULL;

ALTER TABLE passes
    ADD COLUMN saved_at  timestamptz,
    ADD COLUMN erased_at timestamptz;
UPDATE passes p SET saved_at = r.at
FROM (SELECT pass_bucket, serial, min(registered_at) AS at FROM registrations GROUP BY 1, 2) AS r
WHERE p.bucket = r.pass_bucket AND p.serial = r.serial;
CREATE INDEX passes_erased ON passes (erased_at) WHERE erased_at IS NOT NULL;

DROP INDEX passes_changed;
CREATE INDEX passes_changed ON passes (tag DESC, modified_at, bucket, serial) WHERE tag < 0;
-- By the time of issue, too: for reports of a range, and for who walks all of an offer's passes.
DROP INDEX passes_offer;
CREATE INDEX passes_offer ON passes (offer_id, created_at, bucket, serial);

-- Rows of erased customers that still name a wallet: for as long as it takes to tell it.
CREATE INDEX deliveries_farewell ON deliveries (created_at) WHERE customer_id IS NULL AND device_hash IS NOT NULL;
