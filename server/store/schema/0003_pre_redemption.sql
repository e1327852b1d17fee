-- Rewards, and the ledger of what was redeemed. Exactness is a matter of these constraints, not of the code above them.

CREATE TABLE passes (
    bucket        smallint    NOT NULL,
    serial        uuid        NOT NULL,
    customer_id   uuid,
    moment_id     uuid        NOT NULL,
    offer_id      uuid        NOT NULL,
    offer_version integer     NOT NULL,
    state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'redeemed', 'expired', 'voided')),
    design        jsonb       NOT NULL,
    reward        jsonb       NOT NULL,
    value_minor   bigint      NOT NULL DEFAULT 0,
    currency      text,
    minimum_minor bigint,
    uses_total    integer     NOT NULL CHECK (uses_total BETWEEN 1 AND 1000),
    uses_left     integer     NOT NULL,
    uses_made     integer     NOT NULL DEFAULT 0,
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,
    places        uuid[],
    key_id        smallint    NOT NULL,
    token_sealed  bytea       NOT NULL,
    held_by       text,
    held_until    timestamptz,
    tag           bigint      NOT NULL DEFAULT 0,
    modified_at   timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, serial),
    UNIQUE (bucket, moment_id),
    CHECK (uses_left >= 0 AND uses_left <= uses_total)
);
CREATE INDEX passes_owner ON passes (bucket, customer_id, created_at DESC);
CREATE INDEX passes_offer ON passes (offer_id);
CREATE INDEX passes_expiry ON passes (valid_until) WHERE state = 'active';

-- Append-only: a redemption is a row, its reversal another one.
CREATE TABLE redemptions (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    serial        uuid        NOT NULL,
    use_no        integer     NOT NULL CHECK (use_no >= 1),
    uses_left     integer     NOT NULL,
    store_id      uuid        NOT NULL,
    till_id       text        NOT NULL,
    order_id      text,
    amount_minor  bigint,
    value_minor   bigint      NOT NULL DEFAULT 0,
    currency      text,
    redeemed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, id),
    UNIQUE (bucket, serial, use_no)
);
CREATE INDEX redemptions_store ON redemptions (store_id, redeemed_at DESC);
CREATE INDEX redemptions_at ON redemptions (redeemed_at);

CREATE TABLE reversals (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    redemption_id uuid        NOT NULL,
    serial        uuid        NOT NULL,
    reversed_by   text        NOT NULL,
    reason        text        NOT NULL,
    reversed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, id),
    UNIQUE (bucket, redemption_id)
);

-- A pass update tag must never skip a commit: it comes from this row, locked until the change is committed.
CREATE TABLE pass_tags (
    pass_type     text        PRIMARY KEY,
    tag           bigint      NOT NULL DEFAULT 0
);

-- Answers that were given under an Idempotency-Key; the bucket is that of the key's hash.
CREATE TABLE idempotency_keys (
    bucket        smallint    NOT NULL,
    principal     text        NOT NULL,
    route         text        NOT NULL,
    key           text        NOT NULL,
    body_hash     bytea       NOT NULL,
    status        smallint,
    body          bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, principal, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
