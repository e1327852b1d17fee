"""POST /v1/pings, durable before the answer, beside what aiohttp can do at all.

Claimed: with one fix a request a real `kairos serve` (embedded PostgreSQL, fsync on) answers at least 60 % of the
requests per second of a trivial aiohttp endpoint, at least 3.5 times those of a textbook SELECT + INSERT on the same
PostgreSQL; with 20 fixes a request it decides at least 5 times the fixes per second.

Measured: one load generator on keep-alive connections, thousands of customers, the three servers in processes of their
own, in turns; of each the median over the rounds, of the ratios the median of each round's. `cpu` is the server
process's alone and `PG cpu` PostgreSQL's; the generator takes a share of the same cores, too. Where the machine is shared,
the ratio of processor time tells more than that of rates.

`--customers 1000,1000000` measures how waits and memory grow with the number of customers instead: one process, one
database that is filled up meanwhile, callers drawn from all of them, the trivial endpoint beside each size.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from bench import crowd, rivals, town
from bench.load import Heard, Make, press, request
from bench.process import Served, database_pid, house, kairos, serving
from bench.table import curve, goal, micro, options, ratio, show
from server.store.pool import Connection, connect

CUSTOMERS = 2_000
SLOW_FROM = 10_000
"""So many fences take their time to be written and loaded: then there are fewer rounds."""

WARM_UP_S = 20.0
"""The longest that is waited until everybody has come in for the first time: that day's moments are made then."""


DRAWN = 8_000
"""So many of a crowd's customers call: each has come in and gone on before the measuring begins."""


class Target(NamedTuple):
    """One thing that is measured: a server, a path, and fixes per request."""

    server: Served
    path: str
    fixes: int = 1


def requests(callers: list[town.Caller], path: str, fixes: int) -> Make:
    """Make requests of all customers in turn: each fix a few metres from where they are, under an id of its own."""
    chance, base = random.Random(3), random.SystemRandom().getrandbits(48)
    numbers: Iterator[int] = itertools.count()
    everybody = itertools.cycle(callers)
    jitter = itertools.cycle([chance.uniform(-3e-5, 3e-5) for _ in range(997)])
    now = datetime.now(UTC).isoformat()

    def make() -> bytes:
        who = next(everybody)
        pings = ",".join(
            f'{{"id":"{base:012x}{next(numbers):020x}","captured_at":"{now}","lat":{who.at.lat + next(jitter):.6f},'
            f'"lon":{who.at.lon + next(jitter):.6f},"accuracy_m":9}}'
            for _ in range(fixes)
        )
        body = f'{{"sent_at":"{now}","app":{{"foreground":true}},"pings":[{pings}]}}'
        return request(path, body, Authorization=f"Bearer {who.token}", X_Customer=str(who.id))

    return make


async def prepare(db: Connection, asked: argparse.Namespace) -> list[town.Caller]:
    """Fill the database for all of them."""
    made = town.fences(asked.fences, offers=asked.offers)
    callers = await town.settle(db, made=made, offers=asked.offers, customers=CUSTOMERS)
    await db.execute(rivals.TABLES)
    await db.executemany(
        "INSERT INTO rival_customers (id, name) VALUES ($1, $2)", [(each.id, "somebody") for each in callers]
    )
    await db.execute("ANALYZE")
    return callers


async def measure(
    targets: Mapping[str, Target],
    callers: list[town.Caller],
    *,
    rounds: int,
    for_s: float,
    connections: int,
    database: int,
) -> dict[str, list[Heard]]:
    """Press all targets in turns."""
    names, heard = list(targets), {name: list[Heard]() for name in targets}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            server, path, fixes = targets[name]
            make = requests(callers, path, fixes)
            found = await press(
                server.url, make, connections=connections, for_s=for_s, pid=server.pid, database=database
            )
            heard[name].append(found)
    return heard


async def warm_up(target: Target, callers: list[town.Caller], *, connections: int) -> None:
    """Let everybody report twice: the first report of a day brings somebody in, and may make a moment."""
    make, answered = requests(callers, target.path, 1), 0
    end = asyncio.get_running_loop().time() + WARM_UP_S
    while answered < 2 * len(callers) and asyncio.get_running_loop().time() < end:
        found = await press(target.server.url, make, connections=connections, for_s=0.5, pid=target.server.pid)
        answered += len(found.waits_s)


def tell(heard: Mapping[str, list[Heard]], targets: Mapping[str, Target], title: str, *notes: str, size: str) -> None:
    """Print what was found, with every ratio; `size` is the country's, in words."""
    rates = {name: [each.per_second for each in found] for name, found in heard.items()}
    rows = []
    for name, found in heard.items():
        fine = sum(each.statuses.get(200, 0) for each in found)
        fixes = targets[name].fixes * statistics.median(rates[name])
        rows.append(
            [
                name,
                f"{statistics.median(rates[name]):,.0f}",
                f"{fixes:,.0f}",
                f"{ratio(rates[name], rates['trivial']):.2f}",
                f"{ratio(rates[name], rates['textbook']):.2f}",
                f"{ratio([each.cpu_each_s for each in found], [each.cpu_each_s for each in heard['trivial']]):.2f}",
                f"{statistics.median(each.percentile_s(50) for each in found) * 1e3:.1f}",
                f"{statistics.median(each.percentile_s(99) for each in found) * 1e3:.1f}",
                micro(statistics.median(each.cpu_each_s for each in found)),
                micro(statistics.median(each.database_cpu_each_s for each in found)),
                str(sum(len(each.waits_s) for each in found) - fine),
            ]
        )
    heads = [
        "",
        "requests/s",
        "fixes/s",
        "of trivial",
        "of textbook",
        "cpu of trivial",
        "p50 ms",
        "p99 ms",
        "cpu µs",
        "PG cpu µs",
        "not 200",
    ]
    many = ratio([20 * each for each in rates["kairos, 20 fixes"]], rates["kairos"])
    show(title, heads, rows, *notes)
    goal(f"pings: of the trivial endpoint, {size}", ratio(rates["kairos"], rates["trivial"]), ">=", 0.6)
    goal(f"pings: of the textbook handler, {size}", ratio(rates["kairos"], rates["textbook"]), ">=", 3.5)
    goal(f"pings: fixes/s with 20 a request, of single ones, {size}", many, ">=", 5.0)


async def bench(asked: argparse.Namespace, folder: Path, dsn: str) -> None:
    """Start the servers and measure."""
    async with connect(dsn, application_name="bench") as db:
        callers = await prepare(db, asked)
    settings = {"weather.fixed": '{kind = "rain", temperature_c = 6.0}'}
    async with kairos(folder, settings) as ours, serving("bench.rivals", dsn) as other:
        targets = {
            "trivial": Target(other, "/trivial"),
            "textbook": Target(other, "/textbook"),
            "kairos": Target(ours, "/v1/pings"),
            "kairos, 20 fixes": Target(ours, "/v1/pings", 20),
        }
        rounds = asked.rounds or (2 if asked.quick else 4 if asked.fences > SLOW_FROM else 7)
        for_s = 0.7 if asked.quick else 2.5
        await warm_up(targets["kairos"], callers, connections=asked.connections)
        heard = await measure(
            targets, callers, rounds=rounds, for_s=for_s, connections=asked.connections, database=database_pid(folder)
        )
        answer = json.loads(heard["kairos"][-1].sample.split(b"\r\n\r\n", 1)[1])
        size = len(heard["kairos"][-1].sample)
        title = f"POST /v1/pings: {asked.fences:,} fences, {asked.offers:,} offers, {CUSTOMERS:,} customers"
        tell(
            heard,
            targets,
            f"{title}, {asked.connections} connections, {rounds} rounds of {for_s} s each",
            f"an answer of ours has {size:,} bytes and {len(answer['watch']['circles'])} circles to watch; "
            f"the process was ready {ours.ready_s:.1f} s after its start",
            size=f"{asked.fences:,} fences",
        )


async def grow(asked: argparse.Namespace, folder: Path, dsn: str) -> None:
    """Measure the same process with ever more customers."""
    made, rows = town.fences(asked.fences, offers=asked.offers), []
    waits: dict[float, float] = {}
    async with connect(dsn, application_name="bench") as db:
        await town.settle(db, made=made, offers=asked.offers, customers=0)
        settings = {"weather.fixed": '{kind = "rain", temperature_c = 6.0}'}
        async with kairos(folder, settings) as ours, serving("bench.rivals", dsn) as other:
            have = 0
            for size in asked.customers:
                await crowd.fill(db, have=have, want=size)
                have = size
                callers = await crowd.draw(db, made, min(size, DRAWN))
                targets = {"trivial": Target(other, "/trivial"), "kairos": Target(ours, "/v1/pings")}
                await warm_up(targets["kairos"], callers, connections=asked.connections)
                heard = await measure(
                    targets,
                    callers,
                    rounds=asked.rounds or 3,
                    for_s=0.7 if asked.quick else 3.0,
                    connections=asked.connections,
                    database=database_pid(folder),
                )
                p99 = statistics.median(each.percentile_s(99) for each in heard["kairos"])
                waits[size] = p99 * 1e3
                rows.append(_grown(size, heard, ours, waits[size] / waits[asked.customers[0]]))
    heads = [
        "customers",
        "pings/s",
        "p50 ms",
        "p99 ms",
        "of the first",
        "p99 of trivial",
        "cpu µs",
        "PG cpu µs",
        "RSS MB",
        "not 200",
    ]
    show(f"Growth: {asked.fences:,} fences, {asked.connections} connections, {DRAWN:,} callers", heads, rows)
    few, many = asked.customers[0], asked.customers[-1]
    goal(f"pings: p99 with {many:,} customers, of that with {few:,}", waits[many] / waits[few], "<=", 2.0)
    curve("Waiting and the number of customers", "p99 of a ping", waits, x="customers", y="ms")


def _grown(size: int, heard: Mapping[str, list[Heard]], ours: Served, grown: float) -> list[str]:
    found = heard["kairos"]
    return [
        f"{size:,}",
        f"{statistics.median(each.per_second for each in found):,.0f}",
        f"{statistics.median(each.percentile_s(50) for each in found) * 1e3:.1f}",
        f"{statistics.median(each.percentile_s(99) for each in found) * 1e3:.1f}",
        f"{grown:.2f}",
        f"{ratio([each.percentile_s(99) for each in found], [each.percentile_s(99) for each in heard['trivial']]):.1f}",
        micro(statistics.median(each.cpu_each_s for each in found)),
        micro(statistics.median(each.database_cpu_each_s for each in found)),
        f"{psutil.Process(ours.pid).memory_info().rss / 2**20:,.0f}",
        str(sum(len(each.waits_s) - each.statuses.get(200, 0) for each in found)),
    ]


def sizes(text: str) -> list[int]:
    """Read `1000,1000000`; they grow."""
    return sorted(int(each) for each in text.split(","))


async def main() -> None:
    """Run."""
    parser = options("pings beside a trivial endpoint and a textbook handler")
    parser.add_argument("--fences", type=int, default=1_000)
    parser.add_argument("--offers", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--customers", type=sizes, default=[], help="numbers of customers to grow by: 1000,1000000")
    asked = parser.parse_args()
    async with house() as (folder, server):
        await (grow if asked.customers else bench)(asked, folder, server.dsn)


if __name__ == "__main__":
    asyncio.run(main())
