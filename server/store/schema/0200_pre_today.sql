-- What happened today, by when it happened: sums by the quarter of an hour, so that a local midnight is always the edge of one.
-- Pings come as rows that are only added (one for each group that was decided together), and a consumer moves them; the other
-- figures come out of the funnel's facts as they are rolled up. On the day of the upgrade they begin with it.

CREATE TABLE ping_facts (
    slot          timestamptz NOT NULL DEFAULT date_bin('15 minutes', clock_timestamp(), timestamptz '2000-01-01 00:00:00+00'),
    pings         bigint      NOT NULL CHECK (pings > 0)
);

CREATE TABLE happened_cells (
    slot          timestamptz NOT NULL,
    what          text        NOT NULL CHECK (what IN ('pings', 'moments', 'opens', 'passes', 'redemptions')),
    count         bigint      NOT NULL,
    PRIMARY KEY (slot, what)
) WITH (fillfactor = 70);  -- a few rows, changed twice a second: room on the page keeps those updates heap-only
