"""The fence index from a thousand fences to a million: how fast, how exact, how large, how quickly changed.

Claimed: never wrong against geopy's geodesic, neither in the city nor at the edge; hardly slower at a million fences; a
look-up beside shapely's STRtree, PostGIS asked through asyncpg over loopback, and plain scans; a change beside a durable
update in PostgreSQL; little memory, and nothing for the garbage collector.

Measured: "which fences hold this point" by `FenceIndex.around(point, 0)`, by an STRtree over the circles' boxes whose
candidates are measured with the same flat formula, by PostGIS (`bench.postgis`), and by geopy over all fences (a sample:
it takes seconds). Exactness: points around fences, and points that geopy's direct geodesic put at a radius plus or minus
nanometres to millimetres; geopy's inverse geodesic is the judge of each. Memory by tracemalloc, without the fences' own
words; the collection with the fences themselves frozen, so that only what the index adds is gone through.

Needs PostGIS: `apt-get install --no-install-recommends postgresql-15-postgis-3`; without it the bench says so at the end
and exits with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import math
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import shapely  # type: ignore[import-untyped]
from geopy.distance import geodesic

from bench import postgis
from bench.process import house
from bench.table import curve, goal, in_turns, micro, options, per_call_s, ratio, show
from bench.town import fences, moved
from server.model.place import Circle, Geofence, Point
from server.signals.distance import within
from server.signals.fences import FenceIndex
from server.signals.grid import box_around
from server.store.pool import connect

SCANNED = 1_000
"""So many fences are scanned by geopy: that takes a fifth of a second for one point."""

POINTS = 20_000
"""So many points are asked about in turn: at a million fences they are not all in the processor's cache."""

CHANGED = 100_000
"""Among so many fences one is changed; PostGIS is asked about as many."""


class Reached(NamedTuple):
    """What one size came to: a look-up, its seconds and hits, STRtree's share, bytes a fence, seconds of a collection."""

    look: Callable[[], object]
    look_s: float
    hits: float
    tree: float
    bytes_each: float
    collect_s: float


def circle(fence: Geofence) -> Circle:
    """Give the fence's circle: all of ours here are."""
    assert isinstance(fence.shape, Circle)
    return fence.shape


def points(made: Sequence[Geofence], count: int, *, reach_m: float = 400.0) -> list[Point]:
    """Put points around fences."""
    chance = random.Random(5)
    around = (circle(chance.choice(made)).center for _ in range(count))
    return [moved(each, chance.uniform(-reach_m, reach_m), chance.uniform(-reach_m, reach_m)) for each in around]


def asking(question: Callable[[Point], object], some: Sequence[Point]) -> Callable[[], object]:
    """Ask about the next point with every call."""
    turn: Iterator[Point] = itertools.cycle(some)
    return lambda: question(next(turn))


def by_tree(made: Sequence[Geofence]) -> Callable[[Point], object]:
    """Give the question to an STRtree over the boxes of all circles."""
    shapes = [circle(each) for each in made]
    boxes = [box_around(*each.center, each.radius_m) for each in shapes]
    tree = shapely.STRtree([shapely.box(each.west, each.south, each.east, each.north) for each in boxes])

    def ask(point: Point) -> object:
        found = tree.query(shapely.Point(point.lon, point.lat))
        return [n for n in found if within(point, shapes[n].center, shapes[n].radius_m)]

    return ask


def by_scan(made: Sequence[Geofence]) -> Callable[[Point], object]:
    """Give the question to geopy, fence by fence."""
    return lambda point: [each for each in made if judged(point, each)]


def judged(point: Point, fence: Geofence) -> bool:
    """Say by geopy's geodesic whether the fence holds the point."""
    shape = circle(fence)
    return bool(geodesic(tuple(point), tuple(shape.center)).m <= shape.radius_m)


def measure(size: int, *, rounds: int, for_s: float, rows: list[list[str]]) -> Reached:
    """Time the look-up at a size beside its rivals, and weigh the index."""
    made = fences(size)
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    index = FenceIndex.build(made)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    begun = time.perf_counter()
    gc.collect()
    collect_s = time.perf_counter() - begun
    some = points(made, POINTS)
    hits = statistics.mean(len(index.around(each, 0.0)) for each in some)
    look = asking(lambda point: index.around(point, 0.0), some)
    times = in_turns(
        {
            "index": look,
            "index, 50 m around": asking(lambda point: index.around(point, 50.0), some),
            "STRtree": asking(by_tree(made), some),
        },
        rounds=rounds,
        for_s=for_s,
    )
    if size == SCANNED:
        times[f"geopy, a scan of {SCANNED:,}"] = [per_call_s(asking(by_scan(made), some), for_s=for_s)] * rounds
    for name, found in times.items():
        middle = statistics.median(found)
        rows.append(
            [
                f"{size:,} fences: {name}",
                micro(middle),
                micro(middle / (1 + hits)),
                f"{ratio(found, times['index']):.1f}",
            ]
        )
    gc.unfreeze()
    return Reached(
        look, statistics.median(times["index"]), hits, ratio(times["STRtree"], times["index"]), held / size, collect_s
    )


def wrong_in_town(count: int) -> tuple[int, int]:
    """Compare answers for points around fences with geopy's; gives (questions, wrong answers)."""
    made = fences(SCANNED)
    index, wrong = FenceIndex.build(made), 0
    # By squares of some two kilometres, in each the fences whose middle is in it or beside it: no radius is as long.
    beside: dict[tuple[int, int], list[Geofence]] = {}
    for each in made:
        row, column = square_of(circle(each).center)
        for key in itertools.product((row - 1, row, row + 1), (column - 1, column, column + 1)):
            beside.setdefault(key, []).append(each)
    for point in points(made, count):
        held = {hit.id for hit in index.around(point, 0.0)}
        wrong += held != {each.id for each in beside.get(square_of(point), ()) if judged(point, each)}
    return count, wrong


def square_of(point: Point) -> tuple[int, int]:
    """Give a square of 0.02° by 0.03° around a point."""
    return math.floor(point.lat * 50), math.floor(point.lon * 33)


def wrong_at_the_edge(count: int) -> tuple[int, int]:
    """Compare answers for points put at the edge with geopy's; gives (questions, wrong answers)."""
    chance, wrong = random.Random(9), 0
    made = fences(200)
    index = FenceIndex.build(made)
    for _ in range(count):
        fence = chance.choice(made)
        shape = circle(fence)
        off = chance.choice((-1, 0, 1)) * 10 ** chance.uniform(-9, -3)
        spot = geodesic(meters=shape.radius_m + off).destination(tuple(shape.center), chance.uniform(0, 360))
        point = Point(spot.latitude, spot.longitude)
        wrong += any(hit.id == fence.id for hit in index.around(point, 0.0)) != judged(point, fence)
    return count, wrong


async def changes(*, rounds: int, for_s: float) -> tuple[float, float, float]:
    """Time one changed fence among 100,000, and a durable update of one row; gives (s, s, the ratio)."""
    made = fences(CHANGED)
    index, turn = FenceIndex.build(made), itertools.cycle(made)
    ours, theirs = list[float](), list[float]()
    async with house() as (_, server), connect(server.dsn, application_name="bench") as db:
        await db.execute("CREATE TABLE rows_of_fences (id uuid PRIMARY KEY, lat float8, lon float8, radius_m float8)")
        records = [(each.id, *circle(each).center, circle(each).radius_m) for each in made[:10_000]]
        await db.copy_records_to_table("rows_of_fences", records=records)
        for _ in range(rounds):
            ours.append(per_call_s(lambda: index.replaced([next(turn)], ()), for_s=for_s))
            begun, count = time.perf_counter(), 0
            while time.perf_counter() - begun < for_s:
                one = records[count % len(records)]
                await db.execute("UPDATE rows_of_fences SET radius_m = radius_m + 1 WHERE id = $1", one[0])
                count += 1
            theirs.append((time.perf_counter() - begun) / count)
    return statistics.median(ours), statistics.median(theirs), ratio(theirs, ours)


async def beside_postgis(*, size: int, scans: int) -> tuple[float, postgis.Asked]:
    """Give the index's median look-up (s), and what PostGIS came to over the same points."""
    made = fences(size)
    index, some = FenceIndex.build(made), points(made, 2_000)
    times, ours = list[float](), list[set[UUID]]()
    for point in some:
        begun = time.perf_counter()
        found = index.around(point, 0.0)
        times.append(time.perf_counter() - begun)
        ours.append({hit.id for hit in found})
    return statistics.median(times), await postgis.ask(made, some, ours, scans=scans)


def grown(reached: dict[int, Reached], *, rounds: int, for_s: float) -> None:
    """Print how the look-up grows, what it weighs, and the goals that go with them.

    The smallest and the largest are timed once more, in turns: sizes measured minutes apart bear different loads.
    """
    small, large = reached[min(reached)], reached[max(reached)]
    each = {size: one.look_s / (1 + one.hits) * 1e6 for size, one in reached.items()}
    curve("fences", "µs per (1 + hits)", {float(size): value for size, value in each.items()}, x="fences", y="µs")
    show(
        "what an index weighs",
        ["", "bytes each", "full collection (ms)"],
        [[f"{size:,} fences", f"{one.bytes_each:,.0f}", f"{one.collect_s * 1e3:.1f}"] for size, one in reached.items()],
    )
    times = in_turns({"small": small.look, "large": large.look}, rounds=2 * rounds, for_s=for_s)
    of = ratio(times["large"], times["small"]) * (1 + small.hits) / (1 + large.hits)
    goal(f"fences: time per (1 + hits) at {max(reached):,} of that at {min(reached):,}", of, "<=", 2.5)
    goal(
        "fences: STRtree's time, of the index's (least of all sizes)", min(r.tree for r in reached.values()), ">=", 2.5
    )
    goal(f"fences: bytes each at {max(reached):,}", large.bytes_each, "<=", 600)
    goal(f"fences: a full collection at {max(reached):,}", large.collect_s * 1e3, "<=", 20, unit=" ms")


async def bench(asked: argparse.Namespace) -> bool:
    """Measure and print; tell whether PostGIS was there."""
    rounds, for_s = asked.rounds or (1 if asked.quick else 5), 0.1 if asked.quick else 0.4
    sizes = (1_000, 10_000) if asked.quick else (1_000, 10_000, 100_000, 1_000_000)
    rows: list[list[str]] = []
    reached = {size: measure(size, rounds=rounds, for_s=for_s, rows=rows) for size in sizes}
    show(
        f"which fences hold a point, {rounds} rounds of {for_s} s each",
        ["", "µs", "µs per (1 + hits)", "of the index's"],
        rows,
    )
    grown(reached, rounds=rounds, for_s=for_s)
    town = wrong_in_town(500 if asked.quick else asked.points)
    edge = wrong_at_the_edge(500 if asked.quick else asked.edge)
    ours, theirs, of = await changes(rounds=rounds, for_s=for_s)
    show(
        "the fence index beside geopy's geodesic and PostgreSQL",
        ["", ""],
        [
            ["points in town: asked / wrong", f"{town[0]:,} / {town[1]}"],
            ["points at the edge: asked / wrong", f"{edge[0]:,} / {edge[1]}"],
            [f"one fence changed among {CHANGED:,} (µs)", micro(ours)],
            ["one durable update in PostgreSQL (µs)", micro(theirs)],
        ],
    )
    goal("fences: wrong answers against geopy", town[1] + edge[1], "<=", 0)
    goal("fences: a durable update in PostgreSQL, of a change of the index", of, ">=", 10)
    if not postgis.is_there():
        print(f"\n{postgis.MISSING}", file=sys.stderr)
        return False
    size = 10_000 if asked.quick else CHANGED
    look_s, beside = await beside_postgis(size=size, scans=10)
    show(
        f"{size:,} fences: the median look-up, PostGIS by asyncpg over loopback",
        ["", "µs", "of the index's"],
        [
            ["index", micro(look_s), "1.0"],
            ["PostGIS, GiST index", micro(beside.index_s), f"{beside.index_s / look_s:,.0f}"],
            ["PostGIS, plain scan", micro(beside.scan_s), f"{beside.scan_s / look_s:,.0f}"],
        ],
        f"answers that were not the index's: {beside.different}",
    )
    goal("fences: PostGIS's median, of the index's", beside.index_s / look_s, ">=", 20)
    return True


def main() -> None:
    """Run."""
    parser = options("the fence index beside STRtree, PostGIS, geopy and PostgreSQL, from 1,000 fences to 1,000,000")
    parser.add_argument("--points", type=int, default=100_000, help="points in town, half a millisecond each")
    parser.add_argument("--edge", type=int, default=30_000, help="points at the edge, a millisecond each")
    if not asyncio.run(bench(parser.parse_args())):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
