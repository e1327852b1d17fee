-- Messages that other systems sent: they count into the same caps as ours. `id` is the sender's own, `at` by its word.

CREATE TABLE external_sends (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    id            text        NOT NULL,
    channel       text        NOT NULL,
    pressure      text        NOT NULL,
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX external_sends_received ON external_sends (received_at);
