-- Integrations whose requests are signed: what they sign with, sealed, and which of their messages have counted. A message's
-- row is written in the transaction of what it asked for, so that it counts once and may be sent again where nothing came of it.

ALTER TABLE api_keys ADD COLUMN secret_sealed bytea CHECK (secret_sealed IS NULL OR kind = 'crm');

CREATE TABLE signed_messages (
    key_id  uuid        NOT NULL,
    id_hash bytea       NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key_id, id_hash)
);
CREATE INDEX signed_messages_at ON signed_messages (at);
