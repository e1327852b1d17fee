-- Customers and everything that is theirs. `bucket` (0..1023) comes first in every key: it is the shard, carried in the
-- lowest ten bits of every customer-scoped id, so that no statement on the hot path ever looks into a second shard.

CREATE TABLE customers (
    bucket        smallint    NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    id            uuid        NOT NULL,
    external_id   text,
    locale        text,
    time_zone     text,
    attributes    jsonb       NOT NULL DEFAULT '{}',
    segments      text[]      NOT NULL DEFAULT '{}',
    location      boolean     NOT NULL DEFAULT false,
    push          boolean     NOT NULL DEFAULT false,
    profiling     boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, id)
);

-- Found by the brand's own number: the bucket here is that of the name's hash, the customer's own is in its id.
CREATE TABLE external_ids (
    bucket        smallint    NOT NULL,
    external_id   text        NOT NULL,
    customer_id   uuid        NOT NULL,
    PRIMARY KEY (bucket, external_id)
);

-- One row per customer, compared and swapped: caps are exact because they live inside it.
CREATE TABLE customer_state (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    version       bigint      NOT NULL DEFAULT 0,
    state         json        NOT NULL DEFAULT '{}',
    wake_at       timestamptz,
    PRIMARY KEY (bucket, customer_id)
) WITH (fillfactor = 70);  -- updated with every ping: room on the page keeps those updates heap-only
CREATE INDEX customer_state_wake ON customer_state (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE customer_tokens (
    bucket        smallint    NOT NULL,
    hash          bytea       NOT NULL,
    customer_id   uuid        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    PRIMARY KEY (bucket, hash)
);
CREATE INDEX customer_tokens_owner ON customer_tokens (bucket, customer_id);

-- The consent ledger: what was agreed to, under which words, when and where. Rows are only added.
CREATE TABLE consents (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    customer_id   uuid        NOT NULL,
    purpose       text        NOT NULL CHECK (purpose IN ('location', 'push', 'profiling')),
    granted       boolean     NOT NULL,
    terms         text        NOT NULL,
    source        text        NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, id)
);
CREATE INDEX consents_owner ON consents (bucket, customer_id, at);

CREATE TABLE devices (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    device_id     text        NOT NULL,
    platform      text        NOT NULL CHECK (platform IN ('ios', 'android', 'web')),
    push_token    text,
    subscription  jsonb,
    app_version   text,
    registered_at timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    PRIMARY KEY (bucket, customer_id, device_id)
);
-- A push token belongs to the customer who registered it last: the bucket here is that of the token's hash.
CREATE TABLE push_tokens (
    bucket        smallint    NOT NULL,
    hash          bytea       NOT NULL,
    customer_id   uuid        NOT NULL,
    device_id     text        NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, hash)
);
CREATE INDEX push_tokens_owner ON push_tokens (customer_id);

-- What happened in a customer's life that rules may ask for (purchase, redemption, sign-up, …).
CREATE TABLE customer_events (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    customer_id   uuid        NOT NULL,
    name          text        NOT NULL,
    offer         text,
    at            timestamptz NOT NULL,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX customer_events_owner ON customer_events (bucket, customer_id, at DESC);

-- One fact per acknowledged fix: which fences, which answer. No position: fixes live in memory alone.
CREATE TABLE pings (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    id            uuid        NOT NULL,
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    cell          text        NOT NULL,
    geofence_ids  uuid[]      NOT NULL DEFAULT '{}',
    reason        text,
    moment_id     uuid,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX pings_received ON pings (received_at);

-- Why: for each decision that looked at an offer, the first gate that failed and the values compared.
CREATE TABLE receipts (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    customer_id   uuid        NOT NULL,
    at            timestamptz NOT NULL,
    moment_id     uuid,
    verdicts      jsonb       NOT NULL,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX receipts_owner ON receipts (bucket, customer_id, at DESC);
CREATE INDEX receipts_moment ON receipts (bucket, moment_id) WHERE moment_id IS NOT NULL;
CREATE INDEX receipts_at ON receipts (at);

CREATE TABLE moments (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    customer_id   uuid,
    offer_id      uuid        NOT NULL,
    offer_version integer     NOT NULL,
    offer_name    text        NOT NULL,
    held_out      boolean     NOT NULL DEFAULT false,
    variant       text        NOT NULL,
    placement     text        NOT NULL CHECK (placement IN ('banner', 'card', 'interstitial', 'inbox')),
    channel       text        NOT NULL CHECK (channel IN ('in_app', 'push')),
    pressure      text        NOT NULL,
    title         text        NOT NULL,
    body          text        NOT NULL,
    image_url     text,
    action        jsonb       NOT NULL,
    reward        jsonb,
    place_id      uuid,
    place_kind    text,
    place_name    text,
    valid_from    timestamptz,
    valid_until   timestamptz,
    redeem_at     jsonb       NOT NULL DEFAULT '{"any": true}',
    state         text        NOT NULL DEFAULT 'created' CHECK (state IN
                  ('created', 'delivered', 'opened', 'clicked', 'dismissed', 'accepted', 'redeemed', 'expired')),
    created_at    timestamptz NOT NULL,
    deliver_by    timestamptz NOT NULL,
    delivered_at  timestamptz,
    opened_at     timestamptz,
    clicked_at    timestamptz,
    dismissed_at  timestamptz,
    accepted_at   timestamptz,
    redeemed_at   timestamptz,
    expired_at    timestamptz,
    pass_serial   uuid,
    -- what the funnel groups by, fixed when the moment was decided
    local_day     date        NOT NULL,
    local_hour    smallint    NOT NULL,
    weekday       smallint    NOT NULL,
    weather       text,
    value_minor   bigint      NOT NULL DEFAULT 0,
    currency      text,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX moments_owner ON moments (bucket, customer_id, created_at DESC);
CREATE INDEX moments_created ON moments (created_at);
CREATE INDEX moments_open ON moments (deliver_by) WHERE state = 'created' AND NOT held_out;

-- The outbox: a way out for each moment, written in the deciding transaction.
CREATE TABLE deliveries (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    moment_id     uuid        NOT NULL,
    customer_id   uuid,
    offer_id      uuid        NOT NULL,
    channel       text        NOT NULL,
    state         text        NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'leased', 'delivered', 'expired', 'dead', 'suppressed')),
    attempts      integer     NOT NULL DEFAULT 0,
    not_before    timestamptz NOT NULL,
    deliver_by    timestamptz NOT NULL,
    leased_until  timestamptz,
    reason        text,
    created_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX deliveries_due ON deliveries (not_before) WHERE state IN ('queued', 'leased');
CREATE INDEX deliveries_moment ON deliveries (bucket, moment_id);
CREATE INDEX deliveries_created ON deliveries (created_at);

-- What the app says happened to a moment; a repeat of an id changes nothing.
CREATE TABLE app_events (
    bucket        smallint    NOT NULL,
    customer_id   uuid,
    id            uuid        NOT NULL,
    moment_id     uuid        NOT NULL,
    type          text        NOT NULL CHECK (type IN ('delivered', 'opened', 'clicked', 'dismissed')),
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, id)
);
CREATE INDEX app_events_owner ON app_events (bucket, customer_id);
CREATE INDEX app_events_received ON app_events (received_at);
