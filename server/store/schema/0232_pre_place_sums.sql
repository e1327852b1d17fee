-- Sums of what one place had (server/store/cuts.py): by offer, by hour of the week, and by offer and day; they lie place by place.

-- As in 0203: code that does not know of these sums must write no cell any more; facts wait for the code that does.
ALTER TABLE funnel_cells RENAME COLUMN in_word_sums TO in_place_sums;
ALTER TABLE lift_cells RENAME COLUMN in_word_sums TO in_place_sums;

CREATE TEMPORARY TABLE of_place ON COMMIT DROP AS SELECT * FROM (VALUES
        (27, NULL::int, interval '384 hours', False, False, True),
        (28, NULL::int, interval '24 hours', True, True, False),
        (29, 6, interval '384 hours', True, False, False)
    ) AS k (cut, source, length, offer, day, clock);

-- From the cells; each counts once, however many people it remembers.
INSERT INTO funnel_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    decided, delivered, opened, clicked, passes, redeemed, control, converted, value_minor, customers)
WITH persons AS (
    SELECT k.cut, c.place_id AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           c.place_id,
           '' AS channel,
           '' AS placement,
           '' AS variant,
           '' AS weather,
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
    FROM funnel_cells c JOIN of_place k ON k.source IS NULL
    LEFT JOIN LATERAL unnest(c.customers) WITH ORDINALITY AS u (customer, n) ON true
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
)
SELECT cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
       coalesce(sum(decided), 0),
       coalesce(sum(delivered), 0),
       coalesce(sum(opened), 0),
       coalesce(sum(clicked), 0),
       coalesce(sum(passes), 0),
       coalesce(sum(redeemed), 0),
       coalesce(sum(control), 0),
       coalesce(sum(converted), 0),
       coalesce(sum(value_minor), 0),
       (coalesce(array_agg(customer) FILTER (WHERE customer IS NOT NULL), '{}'))[1:64]
FROM persons
GROUP BY cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency;

INSERT INTO lift_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    held_out, customers, reached, visits, visits_squared, value_minor, value_squared)
SELECT k.cut, c.place_id AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           c.place_id,
           '' AS channel,
           '' AS placement,
           '' AS variant,
           '' AS weather,
           CASE WHEN k.day THEN c.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN c.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN c.weekday ELSE -1::smallint END AS weekday, c.currency, c.held_out,
       sum(c.customers), sum(c.reached), sum(c.visits), sum(c.visits_squared), sum(c.value_minor), sum(c.value_squared)
FROM lift_cells c JOIN of_place k ON k.source IS NULL AND (k.offer OR c.offer_id <> '00000000-0000-0000-0000-000000000000')
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;

-- From sums.
INSERT INTO funnel_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    decided, delivered, opened, clicked, passes, redeemed, control, converted, value_minor, customers)
WITH persons AS (
    SELECT k.cut, s.place_id AS lead,
           date_bin(k.length, s.at, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           s.place_id,
           '' AS channel,
           '' AS placement,
           '' AS variant,
           '' AS weather,
           CASE WHEN k.day THEN s.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN s.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN s.weekday ELSE -1::smallint END AS weekday, s.currency, u.customer,
           sum(s.decided) FILTER (WHERE coalesce(u.n, 1) = 1) AS decided,
           sum(s.delivered) FILTER (WHERE coalesce(u.n, 1) = 1) AS delivered,
           sum(s.opened) FILTER (WHERE coalesce(u.n, 1) = 1) AS opened,
           sum(s.clicked) FILTER (WHERE coalesce(u.n, 1) = 1) AS clicked,
           sum(s.passes) FILTER (WHERE coalesce(u.n, 1) = 1) AS passes,
           sum(s.redeemed) FILTER (WHERE coalesce(u.n, 1) = 1) AS redeemed,
           sum(s.control) FILTER (WHERE coalesce(u.n, 1) = 1) AS control,
           sum(s.converted) FILTER (WHERE coalesce(u.n, 1) = 1) AS converted,
           sum(s.value_minor) FILTER (WHERE coalesce(u.n, 1) = 1) AS value_minor
    FROM funnel_sums s JOIN of_place k ON s.cut = k.source
    LEFT JOIN LATERAL unnest(s.customers) WITH ORDINALITY AS u (customer, n) ON true
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
)
SELECT cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
       coalesce(sum(decided), 0),
       coalesce(sum(delivered), 0),
       coalesce(sum(opened), 0),
       coalesce(sum(clicked), 0),
       coalesce(sum(passes), 0),
       coalesce(sum(redeemed), 0),
       coalesce(sum(control), 0),
       coalesce(sum(converted), 0),
       coalesce(sum(value_minor), 0),
       (coalesce(array_agg(customer) FILTER (WHERE customer IS NOT NULL), '{}'))[1:64]
FROM persons
GROUP BY cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency;

INSERT INTO lift_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    held_out, customers, reached, visits, visits_squared, value_minor, value_squared)
SELECT k.cut, s.place_id AS lead,
           date_bin(k.length, s.at, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           s.place_id,
           '' AS channel,
           '' AS placement,
           '' AS variant,
           '' AS weather,
           CASE WHEN k.day THEN s.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN s.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN s.weekday ELSE -1::smallint END AS weekday, s.currency, s.held_out,
       sum(s.customers), sum(s.reached), sum(s.visits), sum(s.visits_squared), sum(s.value_minor), sum(s.value_squared)
FROM lift_sums s JOIN of_place k ON s.cut = k.source
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;
