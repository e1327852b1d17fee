-- The counter: what a pass needs beyond its row, and who typed wrong codes.

-- `place_tag`: redeemable at every store of the tag, also at one that gets it later. A changed pass has tag -1 until it is
-- numbered (server.store.pass_tags): so no redemption waits for another one's commit.
ALTER TABLE passes
    ADD COLUMN place_tag        text,
    ADD COLUMN minimum_currency text,
    ADD COLUMN voided_at        timestamptz,
    ADD COLUMN void_reason      text,
    ADD CHECK ((minimum_minor IS NULL) = (minimum_currency IS NULL)),
    ADD CHECK (uses_made >= uses_total - uses_left);
CREATE INDEX passes_changed ON passes (bucket, serial) WHERE tag < 0;

-- A till's wrong codes within a minute of the first one. One row per till that ever mistyped.
CREATE TABLE wrong_codes (
    till_id       text        PRIMARY KEY,
    since         timestamptz NOT NULL,
    count         integer     NOT NULL CHECK (count >= 1)
);
