-- People and machines with a credential, and what they did.

CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL,
    name          text        NOT NULL,
    roles         text[]      NOT NULL,
    store_id      uuid,
    password_hash text        NOT NULL,
    one_time      boolean     NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE sessions (
    hash          bytea       PRIMARY KEY,
    user_id       uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf          text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz NOT NULL DEFAULT now(),
    ends_at       timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Failed log-ins by account and network; counted in the database, since any process may be asked.
CREATE TABLE login_failures (
    account       text        NOT NULL,
    network       text        NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_failures_key ON login_failures (account, network, at);

CREATE TABLE api_keys (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('app', 'till', 'crm', 'marketer', 'analyst', 'admin')),
    hash          bytea       NOT NULL UNIQUE,
    hint          text        NOT NULL,
    store_id      uuid,
    name          text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    not_after     timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    CHECK ((kind = 'till') = (store_id IS NOT NULL))
);

-- Who did what: written in the transaction of the deed, chained by hashes, never changed.
CREATE TABLE audit (
    seq           bigint      PRIMARY KEY,
    at            timestamptz NOT NULL,
    actor         text        NOT NULL,
    action        text        NOT NULL,
    object        text        NOT NULL,
    before_hash   text,
    after_hash    text,
    address       text,
    request_id    text,
    previous      bytea       NOT NULL,
    hash          bytea       NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER redemptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON redemptions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reversals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reversals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consents_append_only BEFORE UPDATE OR TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
