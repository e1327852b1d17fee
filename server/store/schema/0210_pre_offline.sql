-- Redemptions that a till made while it had no network: the keys of tills' browsers, and what came of each record.

-- A browser's own key; its secret half never leaves that browser. `last_n` and `head` are the end of its chain: every record
-- names the one before it, so that none can be left out unnoticed (`missing` counts those that were).
CREATE TABLE till_keys (
    id            uuid        PRIMARY KEY,
    till_id       text        NOT NULL,
    store_id      uuid        NOT NULL,
    public_key    bytea       NOT NULL UNIQUE CHECK (octet_length(public_key) = 65),
    last_n        bigint      NOT NULL DEFAULT 0 CHECK (last_n >= 0),
    head          bytea       NOT NULL,
    missing       bigint      NOT NULL DEFAULT 0 CHECK (missing >= 0),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX till_keys_till ON till_keys (till_id, created_at DESC);

-- Append-only. `serial` is NULL where the code was nobody's, and the bucket then that of the record's id. `scanned_at` is
-- what the till says, `judged_at` the instant that counted. `against_…` tell the use that was there before.
CREATE TABLE offline_redemptions (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    key_id        uuid        NOT NULL,
    n             bigint      NOT NULL CHECK (n >= 1),
    digest        bytea       NOT NULL,
    till_id       text        NOT NULL,
    store_id      uuid        NOT NULL,
    serial        uuid,
    scanned_at    timestamptz NOT NULL,
    judged_at     timestamptz NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome       text        NOT NULL CHECK (outcome IN ('redeemed', 'conflict', 'refused')),
    reason        text,
    redemption_id uuid,
    uses_left     integer,
    reward        jsonb,
    against_at    timestamptz,
    against_store uuid,
    cost_minor    bigint,
    currency      text,
    PRIMARY KEY (bucket, id),
    UNIQUE (bucket, key_id, n),
    CHECK ((outcome = 'redeemed') = (redemption_id IS NOT NULL))
);
CREATE INDEX offline_redemptions_lost ON offline_redemptions (received_at DESC, id DESC) WHERE outcome <> 'redeemed';
CREATE INDEX offline_redemptions_pass ON offline_redemptions (bucket, serial);
CREATE TRIGGER offline_redemptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_redemptions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
