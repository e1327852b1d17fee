-- The funnel. Each step of a moment is a fact, written in the transaction of the step; a consumer moves facts into cells
-- (delete and add in one transaction), so that hot offers do not make every ping wait for one row.

CREATE TABLE funnel_facts (
    bucket        smallint    NOT NULL,
    moment_id     uuid        NOT NULL,
    customer      bigint      NOT NULL,
    step          text        NOT NULL CHECK (step IN
                  ('decided', 'delivered', 'opened', 'clicked', 'passes', 'redeemed', 'control')),
    delta         smallint    NOT NULL CHECK (delta IN (1, -1)),
    value_minor   bigint      NOT NULL DEFAULT 0,
    currency      text        NOT NULL DEFAULT '',
    slot          timestamptz NOT NULL,
    offer_id      uuid        NOT NULL,
    place_id      uuid,
    channel       text        NOT NULL,
    placement     text        NOT NULL,
    variant       text        NOT NULL,
    local_day     date        NOT NULL,
    local_hour    smallint    NOT NULL,
    weekday       smallint    NOT NULL,
    weather       text        NOT NULL DEFAULT ''
);

-- One cell per quarter of an hour (every zone's offset is a multiple of it) and combination of what reports group by.
-- `customers` holds at most 64 distinct customers' hashes: enough to tell whether a group has fewer than the minimum.
CREATE TABLE funnel_cells (
    slot          timestamptz NOT NULL,
    offer_id      uuid        NOT NULL,
    place_id      uuid        NOT NULL,
    channel       text        NOT NULL,
    placement     text        NOT NULL,
    variant       text        NOT NULL,
    local_day     date        NOT NULL,
    local_hour    smallint    NOT NULL,
    weekday       smallint    NOT NULL,
    weather       text        NOT NULL,
    currency      text        NOT NULL,
    decided       bigint      NOT NULL DEFAULT 0,
    delivered     bigint      NOT NULL DEFAULT 0,
    opened        bigint      NOT NULL DEFAULT 0,
    clicked       bigint      NOT NULL DEFAULT 0,
    passes        bigint      NOT NULL DEFAULT 0,
    redeemed      bigint      NOT NULL DEFAULT 0,
    control       bigint      NOT NULL DEFAULT 0,
    value_minor   bigint      NOT NULL DEFAULT 0,
    customers     bigint[]    NOT NULL DEFAULT '{}',
    PRIMARY KEY (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency)
);
