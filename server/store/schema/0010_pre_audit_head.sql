-- Where the audit's chain ends: its lock puts the rows in order, and a row cut off from the end is missed by it.
CREATE TABLE audit_head (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    seq           bigint      NOT NULL DEFAULT 0,
    at            timestamptz NOT NULL DEFAULT '-infinity',
    hash          bytea       NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'
);
INSERT INTO audit_head DEFAULT VALUES;
