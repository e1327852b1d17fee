"""Pushes through the outbox: how many a second, and that none is lost whoever is killed (P11 at its full size).

Claimed: one process sends at least 400 pushes a second to an APNs on loopback, over one connection, each leased, asked about
again and written down in PostgreSQL; and of 5,000 pushes, with an Apple that fails and cuts, five kill -9 of the senders and
one of PostgreSQL, each is sent at least once, always with the same ids, none that is too late or whose consent is
withdrawn, and none twice that a kill or a cut does not explain.

Measured: from the first end to the last one that is stored, by the database's clock; the stand-in for APNs is a process of
its own for the rate, and this one for the promise.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from bench.process import ROOT, house
from bench.table import goal, micro, options, show
from server.store.pool import Connection, connect
from tests.standins.apns import Apns
from tests.street import pushing
from tests.street.process import ServerProcess
from tests.street.test_exactly_once import crash

AT_ONCE = 200
KILLS, SERVERS = 5, 2
ASKED_PER_S = 400.0

SPAN = """
SELECT count(*) AS count, extract(epoch FROM max(finished_at) - min(finished_at))::float8 AS span_s
FROM deliveries WHERE state = 'delivered'
"""


class Elsewhere(NamedTuple):
    """An APNs in a process of its own, as far as a server must know it."""

    url: str
    ca_file: Path


@contextlib.asynccontextmanager
async def apple_elsewhere(folder: Path) -> AsyncIterator[Elsewhere]:
    """Run the stand-in by its command line, on a processor of its own where there is one."""
    ca = folder / "ca.pem"
    arguments = ["apns", "--port", "0", "--ca-out", str(ca), "--quiet"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.standins", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield Elsewhere(line.removeprefix("listening on ").strip(), ca)
    finally:
        process.terminate()
        await process.wait()


class Rate(NamedTuple):
    """Pushes a second, and the server's processor time for one (s): the start and the rest of the house in it."""

    per_s: float
    busy_s: float


async def rate(count: int) -> Rate:
    """Give how fast one process sends so many pushes that wait."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with (
            house() as (data_dir, database),
            apple_elsewhere(folder) as apple,
            connect(database.dsn, application_name="bench") as db,
        ):
            crowd = await pushing.gather(db, wanted=count, others=0)
            pushing.apples(folder, crowd, delay_s=0)  # its key is the app's
            given = pushing.environment(folder, data_dir, apple, at_once=AT_ONCE, lease_s=30.0)
            server = ServerProcess(given, "--port", "0", log=folder / "log")
            await server.start()
            try:
                await pushing.ended(db, crowd)
                times = psutil.Process(server.pid).cpu_times()
            finally:
                await server.stop()
            row = await db.fetchrow(SPAN)
            assert row is not None
            assert row["count"] == count
            return Rate(row["count"] / row["span_s"], (times.user + times.system) / count)


async def promise(count: int) -> pushing.Judged:
    """Send so many through kills and crashes; whatever was promised and is not so ends the bench."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with house() as (data_dir, database), connect(database.dsn, application_name="bench") as db:
            crowd = await pushing.gather(db, wanted=count, others=max(8, count // 100))
            async with pushing.apples(folder, crowd, delay_s=0.05) as apple:
                given = pushing.environment(folder, data_dir, apple, at_once=AT_ONCE // 8)
                servers = [ServerProcess(given, "--port", "0", log=folder / "log") for _ in range(SERVERS)]
                try:
                    await asyncio.gather(*(server.start() for server in servers))
                    await _trouble(servers, apple, data_dir, count)
                    async with connect(database.dsn, application_name="bench") as again:
                        await pushing.ended(again, crowd)
                        return await _judged(again, crowd, apple)
                finally:
                    for server in servers:
                        if server.process is not None:
                            await server.stop()


async def _trouble(servers: list[ServerProcess], apple: Apns, data_dir: Path, count: int) -> None:
    """Kill servers in turns, and PostgreSQL in the middle, spread over the whole work."""
    for number in range(KILLS):
        await pushing.until(apple, int(count * (number + 1) / (KILLS + 2)))
        await pushing.kill(servers[number % SERVERS])
        if number == KILLS // 2:
            await crash(data_dir)


async def _judged(db: Connection, crowd: pushing.Crowd, apple: Apns) -> pushing.Judged:
    return await pushing.judge(db, crowd, apple.seen, in_flight=AT_ONCE // 8 * (KILLS + SERVERS))


def main() -> None:
    """Measure, and print."""
    given: Namespace = options(__doc__.partition("\n")[0]).parse_args()
    count, rounds = (500, 1) if given.quick else (5000, given.rounds or 3)
    rates = [asyncio.run(rate(count)) for _ in range(rounds)]
    begun = time.monotonic()
    judged = asyncio.run(promise(count))
    took_s = time.monotonic() - begun
    show(
        "Pushes through the outbox",
        ("", "figure"),
        [
            ("apns, one process, one connection: sends/s", f"{median(each.per_s for each in rates):,.0f}"),
            (
                "… processor time of one in the server (µs), its start in it",
                micro(median(each.busy_s for each in rates)),
            ),
            (f"pushes with {KILLS} kill -9 and one of PostgreSQL: taken", f"{judged.taken:,}"),
            ("… taken more than once", f"{judged.twice:,}"),
            ("… since Apple cut the connection", f"{judged.by_cuts:,}"),
            ("… since somebody was killed, at most", f"{judged.by_kills_at_most:,}"),
            ("… seconds", f"{took_s:.0f}"),
        ],
        f"rounds: {', '.join(f'{each.per_s:,.0f}' for each in rates)} sends/s",
        f"{os.cpu_count()} cores for server, stand-in and PostgreSQL",
    )
    met = [
        goal("apns sends through the outbox", median(each.per_s for each in rates), ">=", ASKED_PER_S, unit="/s"),
        goal("pushes lost", count - judged.taken, "<=", 0),
        goal(
            "pushes sent twice without a reason",
            max(0, judged.twice - judged.by_cuts - judged.by_kills_at_most),
            "<=",
            0,
        ),
    ]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
