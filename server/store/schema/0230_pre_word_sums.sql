-- More sums of the reports' cells (server/store/cuts.py): by one word each (channel, placement, variant, weather) of what a place
-- or an offer had, and all that one offer had, by place and by hour of the week. The narrow are summed up from the wide.

-- As in 0203: code that does not know of these sums must write no cell any more; facts wait for the code that does.
ALTER TABLE funnel_cells ADD COLUMN in_word_sums boolean NOT NULL DEFAULT true;
ALTER TABLE funnel_cells ALTER COLUMN in_word_sums DROP DEFAULT;
ALTER TABLE lift_cells ADD COLUMN in_word_sums boolean NOT NULL DEFAULT true;
ALTER TABLE lift_cells ALTER COLUMN in_word_sums DROP DEFAULT;

CREATE TEMPORARY TABLE one_word ON COMMIT DROP AS SELECT * FROM (VALUES
        (25, NULL::int, interval '384 hours', True, True, False, True, True, True, True, False, True),
        (26, NULL::int, interval '384 hours', True, True, True, True, True, True, True, False, False),
        (30, 9, interval '384 hours', False, False, True, True, False, False, False, False, False),
        (31, 9, interval '384 hours', False, False, True, False, True, False, False, False, False),
        (32, 9, interval '384 hours', False, False, True, False, False, True, False, False, False),
        (33, 9, interval '384 hours', False, False, True, False, False, False, True, False, False),
        (34, 8, interval '384 hours', False, False, False, True, False, False, False, False, True),
        (35, 8, interval '384 hours', False, False, False, False, True, False, False, False, True),
        (36, 8, interval '384 hours', False, False, False, False, False, True, False, False, True),
        (37, 8, interval '384 hours', False, False, False, False, False, False, True, False, True),
        (38, 25, interval '384 hours', True, True, False, True, False, False, False, False, True),
        (39, 25, interval '384 hours', True, True, False, False, True, False, False, False, True),
        (40, 25, interval '384 hours', True, True, False, False, False, True, False, False, True),
        (41, 25, interval '384 hours', True, True, False, False, False, False, True, False, True),
        (42, 26, interval '384 hours', True, True, True, True, False, False, False, False, False),
        (43, 26, interval '384 hours', True, True, True, False, True, False, False, False, False),
        (44, 26, interval '384 hours', True, True, True, False, False, True, False, False, False),
        (45, 26, interval '384 hours', True, True, True, False, False, False, True, False, False),
        (50, 19, interval '24 hours', False, False, True, True, False, False, False, False, False),
        (51, 19, interval '24 hours', False, False, True, False, True, False, False, False, False),
        (52, 19, interval '24 hours', False, False, True, False, False, True, False, False, False),
        (53, 19, interval '24 hours', False, False, True, False, False, False, True, False, False),
        (54, 17, interval '24 hours', False, True, False, True, False, False, False, True, False),
        (55, 17, interval '24 hours', False, True, False, False, True, False, False, True, False),
        (56, 17, interval '24 hours', False, True, False, False, False, True, False, True, False),
        (57, 17, interval '24 hours', False, True, False, False, False, False, True, True, False),
        (60, NULL::int, interval '1 hours', False, True, False, True, False, False, False, True, True),
        (61, NULL::int, interval '1 hours', False, True, False, False, True, False, False, True, True),
        (62, NULL::int, interval '1 hours', False, True, False, False, False, True, False, True, True),
        (63, NULL::int, interval '1 hours', False, True, False, False, False, False, True, True, True)
    ) AS k (cut, source, length, leads, offer, place, channel, placement, variant, weather, day, clock);

-- From the cells; each counts once, however many people it remembers.
INSERT INTO funnel_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    decided, delivered, opened, clicked, passes, redeemed, control, converted, value_minor, customers)
WITH persons AS (
    SELECT k.cut, CASE WHEN k.leads THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN c.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.channel THEN c.channel ELSE '' END AS channel,
           CASE WHEN k.placement THEN c.placement ELSE '' END AS placement,
           CASE WHEN k.variant THEN c.variant ELSE '' END AS variant,
           CASE WHEN k.weather THEN c.weather ELSE '' END AS weather,
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
    FROM funnel_cells c JOIN one_word k ON k.source IS NULL
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
SELECT k.cut, CASE WHEN k.leads THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, c.slot, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN c.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN c.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.channel THEN c.channel ELSE '' END AS channel,
           CASE WHEN k.placement THEN c.placement ELSE '' END AS placement,
           CASE WHEN k.variant THEN c.variant ELSE '' END AS variant,
           CASE WHEN k.weather THEN c.weather ELSE '' END AS weather,
           CASE WHEN k.day THEN c.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN c.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN c.weekday ELSE -1::smallint END AS weekday, c.currency, c.held_out,
       sum(c.customers), sum(c.reached), sum(c.visits), sum(c.visits_squared), sum(c.value_minor), sum(c.value_squared)
FROM lift_cells c JOIN one_word k ON k.source IS NULL AND (k.offer OR c.offer_id <> '00000000-0000-0000-0000-000000000000')
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;

-- From sums.
INSERT INTO funnel_sums (cut, lead, at, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
    weekday, currency,
    decided, delivered, opened, clicked, passes, redeemed, control, converted, value_minor, customers)
WITH persons AS (
    SELECT k.cut, CASE WHEN k.leads THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, s.at, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN s.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.channel THEN s.channel ELSE '' END AS channel,
           CASE WHEN k.placement THEN s.placement ELSE '' END AS placement,
           CASE WHEN k.variant THEN s.variant ELSE '' END AS variant,
           CASE WHEN k.weather THEN s.weather ELSE '' END AS weather,
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
    FROM funnel_sums s JOIN one_word k ON s.cut = k.source
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
SELECT k.cut, CASE WHEN k.leads THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS lead,
           date_bin(k.length, s.at, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN s.offer_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS offer_id,
           CASE WHEN k.place THEN s.place_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS place_id,
           CASE WHEN k.channel THEN s.channel ELSE '' END AS channel,
           CASE WHEN k.placement THEN s.placement ELSE '' END AS placement,
           CASE WHEN k.variant THEN s.variant ELSE '' END AS variant,
           CASE WHEN k.weather THEN s.weather ELSE '' END AS weather,
           CASE WHEN k.day THEN s.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN s.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN s.weekday ELSE -1::smallint END AS weekday, s.currency, s.held_out,
       sum(s.customers), sum(s.reached), sum(s.visits), sum(s.visits_squared), sum(s.value_minor), sum(s.value_squared)
FROM lift_sums s JOIN one_word k ON s.cut = k.source
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;
