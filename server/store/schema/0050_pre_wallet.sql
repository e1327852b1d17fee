-- Apple's wallets: which device holds which pass, and where it is told of a change. Whoever knows a device's own id may list
-- its passes, so the id is a secret and only its SHA-256 is stored; the bucket is that of the hash, `pass_bucket` the pass's.
-- `push_token` is NULL once another device has registered with the same one.

CREATE TABLE registrations (
    bucket        smallint    NOT NULL,
    device_hash   bytea       NOT NULL,
    pass_type     text        NOT NULL,
    serial        uuid        NOT NULL,
    pass_bucket   smallint    NOT NULL,
    push_token    text,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, device_hash, pass_type, serial)
);
CREATE INDEX registrations_pass ON registrations (pass_bucket, serial, registered_at);
CREATE INDEX registrations_token ON registrations (push_token);
