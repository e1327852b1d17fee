"""Pings while the weather provider misbehaves, beside pings while it is well.

Claimed: whatever the provider does (cut connections, hang, answer after 10 s, 500, HTML, NaN, 1e999, a wrong type, a gigabyte, a
bomb of gzip, a redirect to loopback), the p99 of `POST /v1/pings` stays within 1.2 times that of the same process while the
provider is well, and no ping is refused.

Measured: a real `kairos serve` that asks Open-Meteo in another process (tests/standins/weather.py) for every cell again and
again, a thousand times as often as it would; every third question is answered well even then, or the breaker would soon
keep the provider from being asked at all. For each misdeed, well and unwell take turns, each round beginning with the
other one; of the ratios the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from pathlib import Path

import aiohttp

from bench import town
from bench.load import Heard, press
from bench.pings import Target, requests, warm_up
from bench.process import Served, house, kairos, serving
from bench.table import goal, options, ratio, show
from server.store.pool import connect
from tests.standins.weather import GOOD, ORDERS

CUSTOMERS, FENCES, OFFERS, CONNECTIONS = 1_000, 400, 20, 32
REFRESH_S = 0.5
MISDEEDS = [
    each for each in ORDERS if each not in (GOOD, "refused")
]  # who does not listen cannot be told to listen again


async def tell(sky: Served, order: str) -> None:
    """Have the provider do something else from now on."""
    async with aiohttp.ClientSession() as http, http.put(f"{sky.url}/order", data=order) as answer:
        assert answer.status == 204, order


async def measure(
    ours: Served, sky: Served, callers: list[town.Caller], *, order: str, rounds: int, for_s: float
) -> dict[str, list[Heard]]:
    """Press pings in turns while the provider is well, and while it is not."""
    heard: dict[str, list[Heard]] = {GOOD: [], order: []}
    for number in range(rounds):
        for name in (GOOD, order) if number % 2 == 0 else (order, GOOD):
            await tell(sky, name)
            await asyncio.sleep(REFRESH_S)  # a round of questions goes out
            make = requests(callers, "/v1/pings", 1)
            heard[name].append(await press(ours.url, make, connections=CONNECTIONS, for_s=for_s, pid=ours.pid))
    return heard


def row_of(order: str, heard: dict[str, list[Heard]]) -> list[str]:
    """Tell one misdeed as a row."""
    well, unwell = heard[GOOD], heard[order]
    fine = sum(each.statuses.get(200, 0) for each in unwell)
    return [
        order,
        f"{statistics.median(each.per_second for each in well):,.0f}",
        f"{statistics.median(each.per_second for each in unwell):,.0f}",
        f"{statistics.median(each.percentile_s(99) for each in well) * 1e3:.1f}",
        f"{statistics.median(each.percentile_s(99) for each in unwell) * 1e3:.1f}",
        f"{of(heard, order):.2f}",
        str(sum(len(each.waits_s) for each in unwell) - fine),
    ]


def of(heard: dict[str, list[Heard]], order: str) -> float:
    """Give the p99 while the provider is unwell, of that while it is well."""
    return ratio([each.percentile_s(99) for each in heard[order]], [each.percentile_s(99) for each in heard[GOOD]])


async def bench(asked: argparse.Namespace, folder: Path, dsn: str) -> None:
    """Start the servers and measure."""
    async with connect(dsn, application_name="bench") as db:
        callers = await town.settle(db, made=town.fences(FENCES), offers=OFFERS, customers=CUSTOMERS)
        await db.execute("ANALYZE")
    rounds, for_s = asked.rounds or (2 if asked.quick else 3), 0.5 if asked.quick else 1.2
    async with serving("tests.standins", "weather", "--quiet", "--good-every", "3") as sky:
        settings = {"weather.provider": "open_meteo", "weather.base_url": sky.url, "weather.refresh_s": str(REFRESH_S)}
        async with kairos(folder, settings) as ours:
            await warm_up(Target(ours, "/v1/pings"), callers, connections=CONNECTIONS)
            found = {
                order: await measure(ours, sky, callers, order=order, rounds=rounds, for_s=for_s) for order in MISDEEDS
            }
    heads = ["the provider", "pings/s well", "unwell", "p99 ms well", "unwell", "ratio", "not 200"]
    title = f"Weather: {FENCES} fences, {CONNECTIONS} connections, {rounds} rounds of {for_s} s each"
    show(title, heads, [row_of(order, heard) for order, heard in found.items()])
    ratios = {order: of(heard, order) for order, heard in found.items()}
    worst = max(ratios, key=lambda order: ratios[order])
    goal(
        "weather: p99 of pings beside an unwell provider, median of its misdeeds",
        statistics.median(ratios.values()),
        "<=",
        1.2,
    )
    goal(f"weather: the same, the worst of them ({worst})", ratios[worst], "<=", 1.2)


async def main() -> None:
    """Run."""
    asked = options("pings while the weather provider misbehaves").parse_args()
    async with house() as (folder, server):
        await bench(asked, folder, server.dsn)


if __name__ == "__main__":
    asyncio.run(main())
