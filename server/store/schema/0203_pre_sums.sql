-- Sums of the reports' cells over hours, days and spans of 16 days, each cut by some of the columns that reports group by
-- (server/store/cuts.py): what a report over years adds up. A column that a cut does not keep holds what nothing else does.
-- `customers` is as in the cells.

CREATE TABLE funnel_sums (
    cut           smallint    NOT NULL,
    lead          uuid        NOT NULL,
    at            timestamptz NOT NULL,
    offer_id      uuid        NOT NULL,
    place_id      uuid        NOT NULL,
    channel       text        NOT NULL,
    placement     text        NOT NULL,
    variant       text        NOT NULL,
    weather       text        NOT NULL,
    local_day     date        NOT NULL,
    local_hour    smallint    NOT NULL,
    weekday       smallint    NOT NULL,
    currency      text        NOT NULL,
    decided       bigint      NOT NULL,
    delivered     bigint      NOT NULL,
    opened        bigint      NOT NULL,
    clicked       bigint      NOT NULL,
    passes        bigint      NOT NULL,
    redeemed      bigint      NOT NULL,
    control       bigint      NOT NULL,
    converted     bigint      NOT NULL,
    value_minor   bigint      NOT NULL,
    customers     bigint[]    NOT NULL,
    PRIMARY KEY (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour, weekday,
        currency)
) WITH (fillfactor = 80);  -- sums grow: room on the page keeps those updates heap-only

CREATE TABLE lift_sums (
    cut           smallint    NOT NULL,
    lead          uuid        NOT NULL,
    at            timestamptz NOT NULL,
    offer_id      uuid        NOT NULL,
    place_id      uuid        NOT NULL,
    channel       text        NOT NULL,
    placement     text        NOT NULL,
    variant       text        NOT NULL,
    weather       text        NOT NULL,
    local_day     date        NOT NULL,
    local_hour    smallint    NOT NULL,
    weekday       smallint    NOT NULL,
    currency      text        NOT NULL,
    held_out      boolean     NOT NULL,
    customers     bigint      NOT NULL,
    reached       bigint      NOT NULL,
    visits        bigint      NOT NULL,
    visits_squared numeric    NOT NULL,
    value_minor   bigint      NOT NULL,
    value_squared numeric     NOT NULL,
    PRIMARY KEY (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour, weekday,
        currency, held_out)
);

-- Code that does not know of sums must write no cell any more: facts wait for the code that does, and none is lost.
ALTER TABLE funnel_cells ADD COLUMN in_sums boolean NOT NULL DEFAULT true;
ALTER TABLE funnel_cells ALTER COLUMN in_sums DROP DEFAULT;
ALTER TABLE lift_cells ADD COLUMN in_sums boolean NOT NULL DEFAULT true;
ALTER TABLE lift_cells ALTER COLUMN in_sums DROP DEFAULT;

CREATE TEMPORARY TABLE cuts ON COMMIT DROP AS SELECT * FROM (VALUES
        (1, interval '384 hours', False, True, False, False, False, False),
        (2, interval '384 hours', False, False, True, False, False, False),
        (3, interval '384 hours', False, False, False, False, False, True),
        (4, interval '384 hours', False, False, False, True, False, False),
        (5, interval '384 hours', True, True, False, False, False, True),
        (6, interval '384 hours', True, True, True, False, False, False),
        (7, interval '384 hours', False, True, False, True, False, False),
        (8, interval '384 hours', False, False, False, True, False, True),
        (9, interval '384 hours', False, False, True, True, False, False),
        (11, interval '24 hours', False, True, False, False, True, False),
        (12, interval '24 hours', False, False, True, False, False, False),
        (14, interval '24 hours', False, False, False, True, True, False),
        (16, interval '24 hours', True, True, True, False, False, False),
        (17, interval '24 hours', False, True, False, True, True, False),
        (19, interval '24 hours', False, False, True, True, False, False),
        (21, interval '1 hours', False, True, False, False, True, True),
        (24, interval '1 hours', False, False, False, True, True, True)
    ) AS k (cut, length, leads, offer, place, words, day, clock);

-- Each cell counts once, however many people it remembers.
INSERT INTO funnel_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency, decided, delivered, opened, clicked, passes, redeemed, control, converted, value_minor, customers)
WITH persons AS (
    SELECT k.cut, CASE WHEN k.leads THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN c.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.words THEN c.channel ELSE '' END AS channel,
           CASE WHEN k.words THEN c.placement ELSE '' END AS placement,
           CASE WHEN k.words THEN c.variant ELSE '' END AS variant,
           CASE WHEN k.words THEN c.weather ELSE '' END AS weather,
           CASE WHEN k.day THEN c.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN c.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN c.weekday ELSE -1::smallint END AS weekday, c.currency, u.customer,
           sum(c.decided) FILTER (WHERE coalesce(u.n, 1) = 1) AS decided,
           sum(c.delivered) FILTER (WHERE coalesce(u.n, 1) = 1) AS delivered,
           sum(c.opened) FILTER (WHERE coalesce(u.n, 1) = 1) AS opened,
           sum(c.clicked) FILTER (WHERE coalesce(u.n, 1) = 1) AS clicked,
           sum(c.passes) FILTER (WHERE coalesce(u.n, 1) = 1) AS passes,
           sum(c.redeemed) FILTER (WHERE coalesce(u.n, 1) = 1) AS redeemed,
           sum(c.control) FILTER (WHERE coalesce(u.n, 1) = 1) AS control,
           sum(c.converted) FILTER (WHERE coalesce(u.n, 1) = 1) AS converted,
           sum(c.value_minor) FILTER (WHERE coalesce(u.n, 1) = 1) AS value_minor
    FROM funnel_cells c CROSS JOIN cuts k LEFT JOIN LATERAL unnest(c.customers) WITH ORDINALITY AS u (customer, n) ON true
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
)
SELECT cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour, weekday, currency,
    coalesce(sum(decided), 0), coalesce(sum(delivered), 0), coalesce(sum(opened), 0), coalesce(sum(clicked), 0),
    coalesce(sum(passes), 0), coalesce(sum(redeemed), 0), coalesce(sum(control), 0), coalesce(sum(converted), 0),
    coalesce(sum(value_minor), 0),
       (coalesce(array_agg(customer) FILTER (WHERE customer IS NOT NULL), '{}'))[1:64]
FROM persons GROUP BY cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency;

INSERT INTO lift_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency, held_out, customers, reached, visits, visits_squared, value_minor, value_squared)
SELECT k.cut, CASE WHEN k.leads THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN c.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.words THEN c.channel ELSE '' END AS channel,
           CASE WHEN k.words THEN c.placement ELSE '' END AS placement,
           CASE WHEN k.words THEN c.variant ELSE '' END AS variant,
           CASE WHEN k.words THEN c.weather ELSE '' END AS weather,
           CASE WHEN k.day THEN c.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN c.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN c.weekday ELSE -1::smallint END AS weekday, c.currency, c.held_out,
           sum(c.customers), sum(c.reached), sum(c.visits), sum(c.visits_squared), sum(c.value_minor), sum(c.value_squared)
FROM lift_cells c CROSS JOIN cuts k
WHERE k.offer OR c.offer_id <> '00000000-0000-0000-0000-000000000000'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;
