"""Redemptions per second: exactly once, in one statement, durable.

Claimed: the statement on 8 connections reaches at least the rate of `select 1` on one connection; the endpoint
(`POST /v1/redemptions`, with its Idempotency-Key) reaches at least half of the statement's rate.

Measured: `server.store.redemptions.claim`, each call another pass with its moment, customer and ledger row; `select 1`
on one connection of the same PostgreSQL; and a real `kairos serve`, asked by 40 tills' connections. In turns.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from bench.load import Heard, Make, press, request
from bench.process import Served, house, kairos
from bench.table import goal, micro, options, ratio, show
from server.model.ids import bucket_of, with_bucket
from server.store import epoch, geofences, keys, stores
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Connection, Pool, connect, open_pool
from server.store.redemptions import Purchase, Till, claim
from server.store.stores import NewStore, StoreDraft
from server.wallet.codes import code_for
from server.wallet.keyring import Key, Kind, open_keyring

CONNECTIONS = 8
TILLS = 40
REWARD = {"type": "free_item", "sku": "coffee", "value": {"minor": 250, "currency": "EUR"}, "uses": 1}


class Stock(NamedTuple):
    """What is redeemed: serials that nobody has used yet, at a store, with a till's token."""

    serials: Iterator[UUID]
    store_id: UUID
    token: str


async def a_store(db: Connection) -> UUID:
    """Open a store with its fence."""
    store, fence = new_id(), new_id()
    async with db.transaction():
        changed = await epoch.bump(db)
        await stores.insert(db, stores=[NewStore(store, fence, StoreDraft("Mitte", 52.5, 13.4, 100, "Europe/Berlin"))])
        draft = GeofenceDraft("Mitte", "Europe/Berlin", (), 52.5, 13.4, 100, None, store)
        await geofences.insert(db, fences=[NewGeofence(fence, draft)], changed=changed)
    return store


async def passes(db: Connection, *, count: int, key_id: int) -> list[UUID]:
    """Write so many customers, each with an accepted moment and its pass."""
    customers, offer, now = [new_id() for _ in range(count)], new_id(), datetime.now(UTC)
    serials = [with_bucket(new_id(), bucket_of(each)) for each in customers]
    moments = [with_bucket(new_id(), bucket_of(each)) for each in customers]
    rows = list(zip((bucket_of(each) for each in customers), customers, moments, serials, strict=True))
    await db.executemany(
        "INSERT INTO customers (bucket, id, location, push, profiling) VALUES ($1, $2, true, true, true)",
        [(bucket, customer) for bucket, customer, _, _ in rows],
    )
    await db.executemany(
        "INSERT INTO moments (bucket, id, customer_id, offer_id, offer_version, offer_name, variant, placement, channel,"
        " pressure, title, body, action, reward, state, created_at, deliver_by, local_day, local_hour, weekday, value_minor,"
        " currency) VALUES ($1, $2, $3, $4, 1, 'coffee', 'card', 'card', 'in_app', 'marketing', 'Coffee', '…', '{}', $5,"
        " 'accepted', $6, $7, $8, 9, 0, 250, 'EUR')",
        [
            (bucket, moment, customer, offer, json.dumps(REWARD), now, now + timedelta(hours=1), now.date())
            for bucket, customer, moment, _ in rows
        ],
    )
    await db.executemany(
        "INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, value_minor,"
        " currency, uses_total, uses_left, valid_from, key_id, token_sealed)"
        " VALUES ($1, $2, $3, $4, $5, 1, '{}', $6, 250, 'EUR', 1, 1, $7, $8, '')",
        [
            (bucket, serial, customer, moment, offer, json.dumps(REWARD), now - timedelta(hours=1), key_id)
            for bucket, customer, moment, serial in rows
        ],
    )
    return serials


async def select_one(db: Connection, *, for_s: float) -> float:
    """Give the rate of `select 1` on one connection."""
    begun, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < for_s:
        await db.fetchval("SELECT 1")
        count += 1
    return count / spent


async def claimed(pool: Pool, stock: Stock, *, for_s: float) -> float:
    """Give the rate of the statement on all connections of the pool."""
    begun, counts = time.perf_counter(), [0] * CONNECTIONS

    async def work(number: int) -> None:
        till = Till(stock.store_id, f"key:bench-{number}", 30)
        async with pool.acquire() as db:
            while time.perf_counter() - begun < for_s:
                serial = next(stock.serials)
                made = await claim(db, id=new_id(), serial=serial, till=till, purchase=Purchase())
                assert made is not None, "a fresh pass is redeemed"
                counts[number] += 1

    await asyncio.gather(*(work(number) for number in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - begun)


def scans(stock: Stock, key: Key) -> Make:
    """Make requests of the tills: each a code that nobody has used."""

    def make() -> bytes:
        body = json.dumps({"code": code_for(next(stock.serials), key=key)})
        bearer = f"Bearer {stock.token}"
        return request("/v1/redemptions", body, Authorization=bearer, Idempotency_Key=str(uuid4()))

    return make


async def measure(
    dsn: str, ours: Served, stock: Stock, key: Key, *, rounds: int, for_s: float
) -> tuple[dict[str, list[float]], list[Heard]]:
    """Measure the three in turns; gives rates by name, and what the endpoint answered."""
    rates: dict[str, list[float]] = {name: [] for name in ("select 1", "statement", "endpoint")}
    heard = []
    async with (
        connect(dsn, application_name="bench") as db,
        await open_pool(dsn, size=CONNECTIONS, application_name="bench") as pool,
    ):
        for _ in range(rounds):
            rates["select 1"].append(await select_one(db, for_s=for_s))
            rates["statement"].append(await claimed(pool, stock, for_s=for_s))
            found = await press(ours.url, scans(stock, key), connections=TILLS, for_s=for_s, pid=ours.pid)
            rates["endpoint"].append(found.per_second)
            heard.append(found)
    return rates, heard


async def bench(folder: Path, dsn: str, *, rounds: int, for_s: float) -> None:
    """Fill the database, start the server, measure, print."""
    async with kairos(folder) as ours, connect(dsn, application_name="bench") as db:
        now = datetime.now(UTC)
        key = open_keyring(folder, now=now).current(Kind.CODE, now=now)
        store = await a_store(db)
        till = await keys.create(db, kind="till", store_id=store)
        assert till is not None
        count = int(9_000 * for_s * rounds) + 1_000
        stock = Stock(itertools.chain(await passes(db, count=count, key_id=key.id)), store, till.token)
        await db.execute("ANALYZE")
        await press(ours.url, scans(stock, key), connections=TILLS, for_s=0.3, pid=ours.pid)
        rates, heard = await measure(dsn, ours, stock, key, rounds=rounds, for_s=for_s)
    titles = {
        "select 1": "`select 1` on one connection",
        "statement": f"the statement on {CONNECTIONS} connections",
        "endpoint": f"POST /v1/redemptions from {TILLS} connections",
    }
    rows = [
        [
            titles[name],
            f"{statistics.median(found):,.0f}",
            f"{ratio(found, rates['select 1']):.2f}",
            f"{ratio(found, rates['statement']):.2f}",
        ]
        for name, found in rates.items()
    ]
    other = sum(len(each.waits_s) - each.statuses.get(201, 0) for each in heard)
    show(
        f"redemptions, {rounds} rounds of {for_s} s each",
        ["", "per second", "of select 1", "of the statement"],
        rows,
        f"the endpoint: p50 {statistics.median(each.percentile_s(50) for each in heard) * 1e3:.1f} ms, "
        f"p99 {statistics.median(each.percentile_s(99) for each in heard) * 1e3:.1f} ms, "
        f"{micro(statistics.median(each.cpu_each_s for each in heard))} µs of the process each, "
        f"{other} answers other than 201",
    )
    of_select = ratio(rates["statement"], rates["select 1"])
    of_statement = ratio(rates["endpoint"], rates["statement"])
    goal("redemptions: the statement on 8 connections, of `select 1` on one", of_select, ">=", 1.0)
    goal("redemptions: the endpoint, of the statement", of_statement, ">=", 0.5)


async def main() -> None:
    """Run."""
    asked = options("redemptions by the statement and by the endpoint").parse_args()
    rounds, for_s = asked.rounds or (2 if asked.quick else 5), 0.5 if asked.quick else 1.5
    async with house() as (folder, server):
        await bench(folder, server.dsn, rounds=rounds, for_s=for_s)


if __name__ == "__main__":
    asyncio.run(main())
