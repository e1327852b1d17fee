-- Occasions: what sets offers off that is no fix. A row is there from the transaction of what happened until the one that
-- decides on it, so that nothing is lost when a process is killed, and nothing is decided twice.

-- `kind` held: a push that waits for the end of the quiet hours; then `at` is that end, `ends_at` until when it may be told.
-- `due_at` -infinity is at once; it moves on where deciding failed.
CREATE TABLE occasions (
    bucket        smallint    NOT NULL,
    id            uuid        NOT NULL,
    customer_id   uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('event', 'schedule', 'weather_change', 'held')),
    name          text        NOT NULL,
    offer_id      uuid,
    offer_version integer,
    geofence_id   uuid,
    after_s       bigint,
    at            timestamptz NOT NULL,
    due_at        timestamptz NOT NULL DEFAULT '-infinity',
    ends_at       timestamptz,
    tries         integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX occasions_owner ON occasions (bucket, customer_id);
CREATE INDEX occasions_due ON occasions (due_at);
CREATE INDEX occasions_at ON occasions (at);

-- What is about to reach many customers: a schedule's instant in a zone, a zone's birthdays, spells of absence, weather that
-- has changed. The id is derived from what it is, so there is one row whoever makes it; `next_chunk` is how far it came.
CREATE TABLE firings (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('schedule', 'birthday', 'inactivity', 'weather_change')),
    offer_id      uuid,
    offer_version integer,
    zone          text,
    after_s       bigint,
    cells         text[],
    at            timestamptz NOT NULL,
    next_chunk    smallint    NOT NULL DEFAULT 0 CHECK (next_chunk BETWEEN 0 AND 1024),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX firings_at ON firings (at);
CREATE INDEX firings_open ON firings (at) WHERE next_chunk < 1024;

-- The sky over each watched cell as it was taken last: `episode` counts its changes, compared and swapped.
CREATE TABLE weather_cells (
    cell          text        PRIMARY KEY,
    kind          text        NOT NULL,
    wet           boolean     NOT NULL,
    episode       bigint      NOT NULL DEFAULT 0,
    observed_at   timestamptz NOT NULL
);

-- What was bought, as the shop told it: [{"sku", "quantity", "amount_minor"}].
ALTER TABLE customer_events ADD COLUMN items jsonb;
