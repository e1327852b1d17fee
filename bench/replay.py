"""Replays: recorded fixes decided again per second, in one process, read from PostgreSQL page by page.

Measured: a draft among some live offers over days of made-up fixes beside 200 shops, by `server.pipeline.past` as the
worker runs it; beside it the reading of the same pages and traces without a decision. Memory is what the process grew by.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from bench.process import house
from bench.table import micro, options, ratio, show
from server.configuration import load
from server.pipeline.past import PAGE, replay_past
from server.pipeline.rules import Rules, programme_of
from server.pipeline.traces import read_trace
from server.store import epoch, geofences, past, stores
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Connection, Pool, open_pool
from server.store.stores import NewStore, StoreDraft

SHOPS = 200
START = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = timedelta(days=2)

WHENS = (
    {"trigger": "enter", "places": {"any": True}},
    {"trigger": "inside", "places": {"tag": "even"}, "min_confidence": 0.5},
    {"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"},
    {"trigger": "exit", "places": {"tag": "odd"}},
)
CONDITIONS: tuple[dict[str, Any] | None, ...] = (
    {"local_time": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "20:00"}},
    {
        "all": [
            {"local_time": {"from": "06:00", "to": "22:00"}},
            {"not": {"event": {"name": "purchase", "within": "P7D"}}},
        ]
    },
    None,
    {"weather": {"temperature_c": {"lte": 12}}},
)

# Everybody stands beside a shop five times an hour, mostly inside.
FILL = """
INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, trace)
SELECT c.bucket, c.id, gen_random_uuid(), t, t, '52.50,13.40',
       json_build_object('fences', json_build_array(json_build_object('id', f.id, 'p', CASE WHEN n % 5 = 0 THEN 0 ELSE 97 END,
                         'edge', CASE WHEN n % 5 = 0 THEN 'beyond' ELSE 'within' END)), 'foreground', n % 4 <> 0)
FROM (SELECT bucket, id, row_number() OVER (ORDER BY id) AS place FROM customers) AS c
CROSS JOIN generate_series(1, $1::integer) AS n
CROSS JOIN LATERAL (SELECT $2::timestamptz + n * $3::interval / $1 + c.place * interval '7 ms' AS t) AS time
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM geofences) AS f
  ON f.place = 1 + (c.place + n / 5) % $4::integer
"""


def document(number: int) -> dict[str, Any]:
    """Write one of the offers."""
    written = {
        "name": f"offer-{number}",
        "priority": 90 - number,
        "when": WHENS[number % len(WHENS)],
        "if": CONDITIONS[number % len(CONDITIONS)],
        "limits": {"per_customer": [{"max": 2, "period": {"calendar": "day", "tz": "customer_home"}}]},
        "moment": {"content": {"en-US": {"title": "Coffee", "body": "Come in."}}, "fallback_locale": "en-US"},
        "reward": {"type": "free_item", "sku": "c", "value": {"minor": 250, "currency": "EUR"}},
    }
    return {key: value for key, value in written.items() if value is not None}


async def furnish(db: Connection, *, customers: int, fixes: int, offers: int) -> UUID:
    """Fill the database; gives the draft."""
    shops, fences = [], []
    for number in range(SHOPS):
        store, fence, lat = new_id(), new_id(), 50 + number / 50
        tags = ("even" if number % 2 == 0 else "odd",)
        draft = StoreDraft(f"Shop {number}", lat, 13.4, 100, "Europe/Berlin", tags=tags)
        shops.append(NewStore(store, fence, draft))
        of = GeofenceDraft(f"Shop {number}", "Europe/Berlin", tags, lat, 13.4, 100, None, store)
        fences.append(NewGeofence(fence, of))
    made = [new_id() for _ in range(customers)]
    ids = [new_id() for _ in range(offers + 1)]
    async with db.transaction():
        changed = await epoch.bump(db)
        await stores.insert(db, stores=shops)
        await geofences.insert(db, fences=fences, changed=changed)
        for number, identifier in enumerate(ids):
            text, live = json.dumps(document(number)), number > 0
            await db.execute(
                "INSERT INTO offers (id, name, status, version, live_version, document, author)"
                " VALUES ($1, $2, $3, 1, $4, $5, 'bench')",
                identifier,
                f"offer-{number}",
                "live" if live else "draft",
                1 if live else None,
                text,
            )
            await db.execute(
                "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, $2, 'bench')",
                identifier,
                text,
            )
        await db.execute(
            "INSERT INTO customers (bucket, id, time_zone, location, push, profiling)"
            " SELECT b, i, 'Europe/Berlin', true, true, true FROM unnest($1::smallint[], $2::uuid[]) AS c (b, i)",
            [each.int & 1023 for each in made],
            made,
        )
        await db.execute(FILL, max(1, fixes // customers), START, DAYS, SHOPS)
    await db.execute("ANALYZE")
    return ids[0]


async def read_only(pool: Pool) -> int:
    """Read the same pages and traces, and decide nothing."""
    mark, count = past.first(START), 0
    while True:
        async with pool.acquire() as db:
            page = await past.page(db, after=mark, end=START + DAYS + timedelta(hours=1), limit=PAGE)
        for ping in page:
            read_trace(ping.trace)
        count += len(page)
        if len(page) < PAGE:
            return count
        mark = page[-1].received_at, page[-1].customer_id, page[-1].at, page[-1].id


async def decide_again(pool: Pool, rules: Rules, draft: UUID) -> dict[str, Any]:
    """Replay the draft."""

    async def go_on(fraction: float) -> bool:
        return True

    return await replay_past(
        pool,
        offer_id=draft,
        version=None,
        start=START,
        end=START + DAYS + timedelta(hours=1),
        snapshot=rules.current,
        min_group=10,
        progress=go_on,
    )


async def bench(dsn: str, *, customers: int, fixes: int, offers: int, rounds: int) -> None:
    """Measure and print."""
    settings = load(Path("config/default.toml"), {})
    async with await open_pool(
        dsn, size=2, application_name="bench", command_timeout_s=120, statement_timeout_s=120
    ) as pool:
        async with pool.acquire() as db:
            draft = await furnish(db, customers=customers, fixes=fixes, offers=offers)
        rules = Rules(pool, programme_of(settings))
        await rules.refresh()
        before = psutil.Process().memory_info().rss
        reading, replaying, result = [], [], {}
        busy: dict[str, list[float]] = {"reading": [], "replaying": []}
        for _ in range(rounds):
            begun, worked = time.perf_counter(), time.process_time()
            count = await read_only(pool)
            reading.append(time.perf_counter() - begun)
            busy["reading"].append((time.process_time() - worked) / count)
            begun, worked = time.perf_counter(), time.process_time()
            result = await decide_again(pool, rules, draft)
            replaying.append(time.perf_counter() - begun)
            busy["replaying"].append((time.process_time() - worked) / count)
            assert result["pings"] == count
        grown = (psutil.Process().memory_info().rss - before) / 2**20
    rows = [
        [
            "pages and traces read",
            f"{count / statistics.median(reading):,.0f}",
            micro(statistics.median(busy["reading"])),
            "1.00",
        ],
        [
            f"replayed among {offers} live offers",
            f"{count / statistics.median(replaying):,.0f}",
            micro(statistics.median(busy["replaying"])),
            f"{ratio(reading, replaying):.2f}",
        ],
    ]
    show(
        f"Replay of {count:,} fixes of {customers:,} customers, {rounds} rounds",
        ["", "fixes/s", "µs of the process a fix", "of reading"],
        rows,
        f"{result['moments']:,} moments for {result['customers']:,} customers; the process grew by {grown:.0f} MB.",
    )


async def main() -> None:
    """Run."""
    parser = options("a draft replayed on recorded fixes")
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--fixes", type=int, default=100_000)
    parser.add_argument("--offers", type=int, default=8)
    asked = parser.parse_args()
    customers, fixes = (200, 5_000) if asked.quick else (asked.customers, asked.fixes)
    async with house() as (_, server):
        await bench(
            server.dsn,
            customers=customers,
            fixes=fixes,
            offers=asked.offers,
            rounds=asked.rounds or (1 if asked.quick else 3),
        )


if __name__ == "__main__":
    asyncio.run(main())
