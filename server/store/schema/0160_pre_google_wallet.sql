-- What Google Wallet has of a pass. `known_at`: since when an object is there, inserted by us or saved by a customer; NULL
-- until then. `digests` are those of the object's members as Google took them last (a code is in none of them): empty where
-- nobody knows, as while a send is under way, under the lease `sending`. `sent_state` and `sent_uses` are what the pass was
-- when Google took it, `noticed` the delivery with which the customer was told something, `noticed_loud` whether with a
-- sound. `said_until` and `said_count` put callbacks in their order. `totp_sealed` opens
-- with the keyring alone: the secret of a barcode that changes.

CREATE TABLE google_objects (
    bucket        smallint    NOT NULL,
    serial        uuid        NOT NULL,
    kind          text        NOT NULL,  -- offer, loyalty or generic: the class's kind
    known_at      timestamptz,
    saved_at      timestamptz,
    removed_at    timestamptz,
    said_until    timestamptz,
    said_count    bigint,
    digests       jsonb       NOT NULL DEFAULT '{}',
    sent_state    text,
    sent_uses     integer,
    sending       uuid,
    noticed       uuid,
    noticed_loud  boolean,
    totp_sealed   bytea,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, serial)
);

-- What Google told us, each message once by its nonce.
CREATE TABLE google_callbacks (
    bucket        smallint    NOT NULL,
    serial        uuid        NOT NULL,
    nonce_hash    bytea       NOT NULL,
    event         text        NOT NULL,  -- save or del
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, serial, nonce_hash)
);
CREATE INDEX google_callbacks_received ON google_callbacks (received_at);

-- Classes as Google took them last, by a digest of their bodies.
CREATE TABLE google_classes (
    id            text        PRIMARY KEY,
    digest        bytea       NOT NULL,
    sent_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The half minute in which a changing barcode was shown: each counts for one redemption, whoever scans it again.
ALTER TABLE redemptions ADD COLUMN totp_step bigint;
CREATE UNIQUE INDEX redemptions_step ON redemptions (bucket, serial, totp_step) WHERE totp_step IS NOT NULL;

-- What of one pass is under way: its next news waits for it.
CREATE INDEX deliveries_google_out ON deliveries (bucket, serial) WHERE channel = 'google_wallet' AND state = 'leased';
