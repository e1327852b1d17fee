-- Endpoints of other systems, what happened that they asked for, and how telling each of it to each of them went.
-- An event is written when somebody listens: from the funnel's facts as they are rolled up, and from passes as their
-- changes are numbered, in the transaction that does so. A fact therefore says when it was, and of which redemption or
-- reversal. What an endpoint signs with is sealed.

CREATE TABLE webhooks (
    id            uuid        PRIMARY KEY,
    url           text        NOT NULL,
    description   text,
    events        text[]      NOT NULL CHECK (cardinality(events) > 0),
    enabled       boolean     NOT NULL DEFAULT true,
    disabled_for  text        CHECK (disabled_for IN ('gone', 'failing')),
    secret_sealed bytea       NOT NULL,
    old_sealed    bytea,
    old_until     timestamptz,
    failing_since timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((old_sealed IS NULL) = (old_until IS NULL)),
    CHECK (NOT (enabled AND disabled_for IS NOT NULL))
);

CREATE TABLE webhook_events (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    type          text        NOT NULL,
    at            timestamptz NOT NULL,
    subject       text        NOT NULL,
    customer_id   uuid,
    data          jsonb       NOT NULL,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX webhook_events_owner ON webhook_events (bucket, customer_id);
CREATE INDEX webhook_events_at ON webhook_events (at);

CREATE TABLE webhook_calls (
    bucket        smallint    NOT NULL,
    event_id      uuid        NOT NULL,
    webhook_id    uuid        NOT NULL,
    state         text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'leased', 'sent', 'dead')),
    attempts      integer     NOT NULL DEFAULT 0,
    queued_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    not_before    timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until  timestamptz,
    lease         uuid,
    reason        text,
    tried_at      timestamptz,
    PRIMARY KEY (bucket, event_id, webhook_id)
);
-- What each endpoint is to be told next: one that is slow holds up itself alone.
CREATE INDEX webhook_calls_due ON webhook_calls (webhook_id, not_before) WHERE state IN ('queued', 'leased');
CREATE INDEX webhook_calls_out ON webhook_calls (webhook_id, leased_until) WHERE state = 'leased';
CREATE INDEX webhook_calls_log ON webhook_calls (webhook_id, queued_at DESC, event_id DESC);
CREATE INDEX webhook_calls_queued ON webhook_calls (queued_at);

ALTER TABLE funnel_facts
    ADD COLUMN at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN subject_id uuid;
