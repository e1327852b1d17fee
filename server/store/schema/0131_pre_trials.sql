-- What comes of showing: a customer's first moment of an offer that holds somebody out begins a trial, in the one arm or the
-- other, and it is followed for as long as the offer's goal says. `offer_id` 0 is the programme's own trial. `followed` is up
-- to when visits are counted in, `next_at` when it is looked at next (NULL: it is over, and its cell has it).

CREATE TABLE trials (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    offer_id      uuid        NOT NULL,
    moment_id     uuid        NOT NULL,
    held_out      boolean     NOT NULL,
    started_at    timestamptz NOT NULL,
    goal_until    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    next_at       timestamptz,
    followed_until timestamptz NOT NULL,
    visits        integer     NOT NULL DEFAULT 0,
    reached       boolean     NOT NULL DEFAULT false,
    value_minor   bigint      NOT NULL DEFAULT 0,
    currency      text        NOT NULL DEFAULT '',
    PRIMARY KEY (bucket, customer_id, offer_id)
);
CREATE INDEX trials_next ON trials (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX trials_started ON trials (started_at);

-- Sums and sums of squares of the trials that are over, by the quarter of an hour in which they began and all that reports
-- group by: enough for every mean and every interval, without a look at any customer.
CREATE TABLE lift_cells (
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
    held_out      boolean     NOT NULL,
    customers     bigint      NOT NULL,
    reached       bigint      NOT NULL,
    visits        bigint      NOT NULL,
    visits_squared numeric    NOT NULL,
    value_minor   bigint      NOT NULL,
    value_squared numeric     NOT NULL,
    PRIMARY KEY (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency,
                 held_out)
);

-- The roll-up asks of each offer whether it is tried.
CREATE INDEX offer_versions_tried ON offer_versions (offer_id) WHERE (document->'holdout'->>'share') IS NOT NULL;
