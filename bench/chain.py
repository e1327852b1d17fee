"""A year of a chain of 200 stores and 24 offers, for the bench of reports: its cells, sums, purchases and open passes.

Few events come by the real way: facts, moved by the roll-up's own statement. Millions are cells as that roll-up leaves them,
summed up cut by cut, which a test holds to be the same as what the roll-up writes; cells are made span by span, so that nothing
is sorted on disk, and nothing of it is logged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from server.store import funnel, loyalty
from server.store.pool import Connection, Pool
from tests.sums import sum_up_by_cuts

START = datetime(2025, 11, 1, 0, tzinfo=UTC)
DAYS = 365
ZONE = "Europe/Berlin"
OFFERS, STORES, CUSTOMERS = 24, 200, 200_000

# A moment has 2.65 steps on average: 0.8 are delivered, 0.4 opened, 0.2 clicked, 0.15 become passes, 0.1 are redeemed. Stores and
# offers differ in size; a day has its hours. `h` are the lots of a moment, from its number alone.
MOMENTS = """
CREATE TEMPORARY TABLE lived AS
SELECT n, md5('offer' || least(floor({offers} * (h1 % 10007) ^ 1.5 / 10007 ^ 1.5), {offers} - 1)::int)::uuid AS offer_id,
       md5('store' || (h2 % {stores}))::uuid AS place_id,
       CASE WHEN h3 % 3 = 0 THEN 'push' ELSE 'in_app' END AS channel,
       (ARRAY['card', 'banner', 'inbox'])[1 + h3 % 3] AS placement, (ARRAY['card', 'banner'])[1 + h3 % 2] AS variant,
       (ARRAY['clear', 'clouds', 'rain', 'drizzle', 'snow', ''])[1 + (n * 53 / {moments} + h2 % 3)::int % 6] AS weather,
       $1::timestamptz + interval '1 day' * ({days} * n / {moments})
           + interval '1 second' * (21600 + (h4 % 14400) * 4) AS at,
       (h5 % {customers}) AS customer, h6 % 100 AS luck
FROM generate_series(0, {moments} - 1) AS n,
     LATERAL (SELECT abs(hashint8(n)) AS h1, abs(hashint8(n + 10000000000)) AS h2, abs(hashint8(n + 20000000000)) AS h3,
                     abs(hashint8(n + 30000000000)) AS h4, abs(hashint8(n + 40000000000)) AS h5,
                     abs(hashint8(n + 50000000000)) AS h6) AS lots
"""
_KEY = """date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00') AS slot, offer_id, place_id, channel, placement,
       variant, (at + interval '1 hour')::date AS local_day, extract(hour FROM at + interval '1 hour')::smallint AS local_hour,
       (extract(isodow FROM at + interval '1 hour') - 1)::smallint AS weekday, weather"""
CELLS = f"""
INSERT INTO funnel_cells (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather,
                          currency, decided, delivered, opened, clicked, passes, redeemed, value_minor, customers, in_sums,
                          in_place_sums)
SELECT {_KEY}, '', count(*), count(*) FILTER (WHERE luck < 80), count(*) FILTER (WHERE luck < 40),
       count(*) FILTER (WHERE luck < 20), count(*) FILTER (WHERE luck < 15), 0, 0,
       (array_agg(DISTINCT hashint8extended(customer, 7)))[1:64], true, true
FROM lived WHERE {{within}} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
UNION ALL
SELECT {_KEY}, 'EUR', 0, 0, 0, 0, 0, count(*), 250 * count(*), (array_agg(DISTINCT hashint8extended(customer, 7)))[1:64],
       true, true
FROM lived WHERE luck < 10 AND {{within}} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
# One moment in ten is of somebody who is tried, every other of those held out.
TRIED = f"""
INSERT INTO lift_cells (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency,
                        held_out, customers, reached, visits, visits_squared, value_minor, value_squared, in_sums, in_place_sums)
SELECT {_KEY}, 'EUR', luck % 2 = 0, count(*), count(*), count(*), count(*), 480 * count(*), 230400 * count(*), true, true
FROM lived WHERE luck >= 90 AND {{within}} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12
"""
STEPS = {"decided": 100, "delivered": 80, "opened": 40, "clicked": 20, "passes": 15, "redeemed": 10}
FACTS = f"""
INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, value_minor, currency, slot, offer_id, place_id, channel,
                          placement, variant, local_day, local_hour, weekday, weather)
SELECT customer % 1024, md5(n::text)::uuid, hashint8extended(customer, 7), step, 1, CASE step WHEN 'redeemed' THEN 250 ELSE 0 END,
       CASE step WHEN 'redeemed' THEN 'EUR' ELSE '' END, {_KEY}
FROM lived JOIN jsonb_each_text($1) AS s (step, share) ON luck < share::int ORDER BY n
"""
# One customer in ten holds a pass that is open, and everybody bought or redeemed something a few times a year. One in four is in
# each of two segments. Every moment of the last weeks came of a visit; those are written as they come.
REST = """
INSERT INTO offers (id, name, version, document, author, status)
SELECT md5('offer' || n)::uuid, 'offer-' || n, 1, '{"limits": {"total": {"units": 1000000}}}', 'bench', 'live'
FROM generate_series(0, 23) AS n;
INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, value_minor, currency,
                    uses_total, uses_left, valid_from, key_id, token_sealed)
SELECT customer % 1024, md5('pass' || n)::uuid, md5('customer' || customer)::uuid, md5(n::text)::uuid, offer_id, 1, '{}', '{}',
       250, 'EUR', 1, 1, at, 1, '' FROM lived WHERE luck < 15 AND n % 28 = 0;
INSERT INTO moments (bucket, id, customer_id, offer_id, offer_version, offer_name, variant, placement, channel, pressure, title,
                     body, action, place_id, created_at, deliver_by, state, delivered_at, opened_at, clicked_at, pass_serial,
                     local_day, local_hour, weekday, weather)
SELECT customer % 1024, md5(n::text)::uuid, md5('customer' || customer)::uuid, offer_id, 1, 'o', variant, placement, channel,
       'marketing', 't', 'b', '{}', place_id, at, at, 'opened', CASE WHEN luck < 80 THEN at END, CASE WHEN luck < 40 THEN at END,
       CASE WHEN luck < 20 THEN at END, CASE WHEN luck < 15 THEN md5('pass' || n)::uuid END, (at + interval '1 hour')::date,
       extract(hour FROM at + interval '1 hour')::smallint, (extract(isodow FROM at + interval '1 hour') - 1)::smallint, weather
FROM lived, unnest(ARRAY[{ends}]) AS edge WHERE at BETWEEN edge - interval '1 hour' AND edge + interval '1 hour'
ON CONFLICT DO NOTHING;
INSERT INTO redemptions (bucket, id, serial, use_no, uses_left, store_id, till_id, value_minor, currency, redeemed_at)
SELECT customer % 1024, md5('use' || n)::uuid, md5('pass' || n)::uuid, 1, 0, place_id, 'bench', 250, 'EUR', at
FROM lived, unnest(ARRAY[{ends}]) AS edge
WHERE luck < 10 AND at BETWEEN edge - interval '1 hour' AND edge + interval '1 hour'
ON CONFLICT DO NOTHING;
INSERT INTO customer_events (bucket, id, customer_id, name, at, amount_minor, currency)
SELECT customer % 1024, md5('event' || n)::uuid, md5('customer' || customer)::uuid, 'purchase', at, 480, 'EUR'
FROM lived WHERE luck < 10;
INSERT INTO customer_events (bucket, id, customer_id, name, at, score)
SELECT customer % 1024, md5('answer' || n)::uuid, md5('customer' || customer)::uuid, 'nps', at, n % 11 FROM lived WHERE luck = 99;
INSERT INTO customers (bucket, id, segments, profiling)
SELECT n % 1024, md5('customer' || n)::uuid, CASE WHEN n % 4 = 0 THEN ARRAY['told'] ELSE '{}' END, true
FROM generate_series(0, {customers} - 1) AS n;
INSERT INTO segments (name, id) VALUES ('saved', md5('saved')::uuid), ('told', md5('told')::uuid);
INSERT INTO segment_members (bucket, customer_id, segment)
SELECT n % 1024, md5('customer' || n)::uuid, 'saved' FROM generate_series(0, {customers} - 1, 4) AS n;
INSERT INTO visits (bucket, customer_id, at, geofence_id)
SELECT customer % 1024, md5('customer' || customer)::uuid, at, place_id FROM lived WHERE at >= timestamptz '{visited}' ORDER BY at
ON CONFLICT DO NOTHING;
INSERT INTO happened_cells (slot, what, count)
SELECT timestamptz '2026-11-01 00:00Z' + n * interval '15 minutes', what, 9999
FROM generate_series(0, 95) AS n, unnest('{pings,moments,opens,passes,redemptions}'::text[]) AS what;
ANALYZE;
"""


class Lived(NamedTuple):
    """What was made: events, cells, sums and their sizes with their indexes (bytes), and what rolling an event up took (s),
    where it was rolled up."""

    events: int
    cells: int
    sums: int
    cells_bytes: int
    sums_bytes: int
    roll_s: float | None


async def furnish(
    db: Connection, pool: Pool, *, events: int, rolled: bool, ranges: Iterable[tuple[datetime, datetime]]
) -> Lived:
    """Fill a database; gives what is in it. Moments are there around the edges of those ranges."""
    moments = round(events / 2.65)
    sizes = {"offers": OFFERS, "stores": STORES, "customers": CUSTOMERS, "days": DAYS, "moments": moments}
    await db.execute("SET work_mem = '1GB'; SET hash_mem_multiplier = 4")
    await db.execute(MOMENTS.format(**sizes).replace("$1::timestamptz", f"timestamptz '{START.isoformat()}'"))
    roll_s = None
    if rolled:
        await db.execute(FACTS, json.dumps(STEPS))
        begun = time.perf_counter()
        count = await funnel.roll(pool)
        roll_s = (time.perf_counter() - begun) / count
    else:
        await _make_cells(db)
    ends = ", ".join(f"timestamptz '{each.isoformat()}'" for of in ranges for each in of)
    visited = (START + timedelta(days=DAYS - 22)).isoformat()
    rest = REST.replace("{ends}", ends).replace("{visited}", visited).replace("{customers}", str(CUSTOMERS))
    await db.execute(rest)
    await loyalty.roll(pool, zone=ZONE)
    await db.execute("RESET work_mem; RESET hash_mem_multiplier; RESET enable_sort")
    await db.execute(
        "VACUUM (ANALYZE) funnel_cells, funnel_sums, lift_cells, lift_sums, passes, customer_events, loyalty_days, visits"
    )
    said = await db.fetchrow("""SELECT (SELECT sum(decided + delivered + opened + clicked + passes + redeemed) FROM funnel_cells
                                       )::bigint AS events, (SELECT count(*) FROM funnel_cells) AS cells,
                                       (SELECT count(*) FROM funnel_sums) AS sums,
                                       pg_total_relation_size('funnel_cells') + pg_total_relation_size('lift_cells'),
                                       pg_total_relation_size('funnel_sums') + pg_total_relation_size('lift_sums')""")
    return Lived(*said, roll_s)


_TABLES = ("funnel_cells", "funnel_sums", "lift_cells", "lift_sums")
INDEXES = """
SELECT c.relname AS name, i.indisprimary AS key, i.indrelid::regclass::text AS of, pg_get_indexdef(i.indexrelid) AS made
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::text::regclass
"""


async def _make_cells(db: Connection) -> None:
    """Make the cells of all that was lived, day by day as it lies there, and sum them up; indexes are made at the end."""
    indexes = [index for table in _TABLES for index in await db.fetch(INDEXES, table)]
    for table in _TABLES:
        await db.execute(f"ALTER TABLE {table} SET UNLOGGED; ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    for index in indexes:
        await db.execute(f"DROP INDEX IF EXISTS {index['name']}")
    for table in ("funnel_sums", "lift_sums"):
        await db.execute(f"CREATE INDEX {table}_made ON {table} USING brin (cut)")  # they are made cut by cut
    await db.execute("CREATE INDEX ON lived USING brin (at)")
    for day in range(0, DAYS, 16):
        since = START + timedelta(days=day)
        within = f"at >= '{since.isoformat()}' AND at < '{(since + timedelta(days=16)).isoformat()}'"
        for made in (CELLS, TRIED):
            await db.execute(made.replace("{within}", within))
    await db.execute(
        "ANALYZE funnel_cells, lift_cells; SET enable_sort = off"
    )  # millions of rows are added up by their hashes
    await sum_up_by_cuts(db)
    await db.execute("SET maintenance_work_mem = '1GB'; DROP INDEX funnel_sums_made, lift_sums_made")
    for index in indexes:
        await db.execute(index["made"])
        if index["key"]:
            await db.execute(f"ALTER TABLE {index['of']} ADD PRIMARY KEY USING INDEX {index['name']}")
