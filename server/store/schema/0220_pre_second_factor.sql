-- What a log-in asks for beside the password, and where log-ins come from.

CREATE TABLE second_factors (
    user_id       uuid        PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret_sealed bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at  timestamptz,
    last_step     bigint      NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    user_id       uuid        NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    hash          bytea       NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (user_id, hash)
);

-- Somebody gave the right password and has yet to give a code. This is no log-in.
CREATE TABLE half_logins (
    hash          bytea       PRIMARY KEY,
    user_id       uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at       timestamptz NOT NULL
);
CREATE INDEX half_logins_user ON half_logins (user_id);

-- `id` is told to people, who end a log-in by it; `proven_at` is when its password (and code) was last given.
ALTER TABLE sessions
    ADD COLUMN id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN network   text,
    ADD COLUMN browser   text,
    ADD COLUMN proven_at timestamptz NOT NULL DEFAULT clock_timestamp();
UPDATE sessions SET proven_at = created_at;
CREATE UNIQUE INDEX sessions_id ON sessions (id);
