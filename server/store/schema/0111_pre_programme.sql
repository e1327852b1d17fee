-- The switch for everything at once: while the programme is paused no offer is chosen, in no process.

CREATE TABLE programme (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    paused        boolean     NOT NULL DEFAULT false,
    reason        text        NOT NULL DEFAULT '',
    changed_by    text,
    changed_at    timestamptz
);
INSERT INTO programme DEFAULT VALUES;
