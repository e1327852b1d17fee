"""The fence index: how fast, how exact, how large, how quickly changed.

Claimed: never wrong against geopy's geodesic, neither in the city nor at the edge; at least 2.5 times as fast as
shapely's STRtree; a fence is changed in at most a tenth of what a durable PostgreSQL update takes.

Measured: "which fences hold this point" by `FenceIndex.around(point, 0)`, by an STRtree over the circles' boxes whose
candidates are measured with the same flat formula, and by geopy over all fences (on a sample: it takes seconds).
Exactness: points around fences, and points that geopy's direct geodesic put at a radius plus or minus nanometres to
millimetres; geopy's inverse geodesic is the judge of each. Memory by tracemalloc, without the fences' own words.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import shapely  # type: ignore[import-untyped]
from geopy.distance import geodesic

from bench.process import house
from bench.table import in_turns, micro, options, per_call_s, ratio, show
from bench.town import fences, moved
from server.model.place import Circle, Geofence, Point
from server.signals.distance import within
from server.signals.fences import FenceIndex
from server.signals.grid import box_around
from server.store.pool import connect

SCANNED = 1_000
"""So many fences are scanned by geopy: that takes a fifth of a second for one point."""


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


def speed(sizes: Sequence[int], *, rounds: int, for_s: float) -> list[list[str]]:
    """Time the look-up at each size beside its rivals."""
    rows = []
    for size in sizes:
        made = fences(size)
        index, some = FenceIndex.build(made), points(made, 2_000)
        hits = statistics.mean(len(index.around(each, 0.0)) for each in some)
        work = {
            "index": asking(lambda point, index=index: index.around(point, 0.0), some),  # type: ignore[misc]
            "index, 50 m around": asking(lambda point, index=index: index.around(point, 50.0), some),  # type: ignore[misc]
            "STRtree": asking(by_tree(made), some),
        }
        times = in_turns(work, rounds=rounds, for_s=for_s)
        scan = per_call_s(asking(by_scan(made[:SCANNED]), some), for_s=for_s)
        times[f"geopy, a scan of {SCANNED:,}"] = [scan] * rounds
        for name, found in times.items():
            rows.append(
                [
                    f"{size:,} fences: {name}",
                    micro(statistics.median(found)),
                    micro(statistics.median(found) / (1 + hits)),
                    f"{ratio(found, times['index']):.1f}",
                ]
            )
    return rows


def wrong_in_town(count: int) -> tuple[int, int]:
    """Compare answers for points around fences with geopy's; gives (questions, wrong answers)."""
    made = fences(SCANNED)
    index, asked, wrong = FenceIndex.build(made), 0, 0
    for point in points(made, count):
        held = {hit.id for hit in index.around(point, 0.0)}
        # By the sphere, 1 % wider than its error, so that geopy is asked about a few fences instead of a thousand.
        near = [each for each in made if _roughly_m(point, circle(each).center) < circle(each).radius_m * 1.5 + 50]
        asked += 1
        wrong += held != {each.id for each in near if judged(point, each)}
    return asked, wrong


def _roughly_m(a: Point, b: Point) -> float:
    return float(((a.lat - b.lat) ** 2 + ((a.lon - b.lon) * 0.6) ** 2) ** 0.5 * 111_000)


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


def size_of(count: int) -> tuple[float, float]:
    """Give bytes per fence of an index, and how long (s) a full garbage collection takes with it."""
    made = fences(count)
    gc.collect()
    tracemalloc.start()
    index = FenceIndex.build(made)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    begun = time.perf_counter()
    gc.collect()
    spent = time.perf_counter() - begun
    return held / len(index), spent


async def changes(*, rounds: int, for_s: float) -> tuple[float, float, float]:
    """Time one changed fence among 100,000, and a durable update of one row; gives (s, s, the ratio)."""
    made = fences(100_000)
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


async def bench(asked: argparse.Namespace) -> None:
    """Measure and print."""
    rounds, for_s = asked.rounds or (1 if asked.quick else 5), 0.1 if asked.quick else 0.6
    sizes = (1_000,) if asked.quick else (1_000, 100_000)
    show(
        f"which fences hold a point, {rounds} rounds of {for_s} s each",
        ["", "µs", "µs per (1 + hits)", "of the index's"],
        speed(sizes, rounds=rounds, for_s=for_s),
    )
    town, edge = wrong_in_town(200 if asked.quick else 10_000), wrong_at_the_edge(200 if asked.quick else asked.edge)
    each, collection = size_of(10_000 if asked.quick else 100_000)
    ours, theirs, of = await changes(rounds=rounds, for_s=for_s)
    show(
        "the fence index beside geopy's geodesic and PostgreSQL",
        ["", ""],
        [
            ["points in town: asked / wrong", f"{town[0]:,} / {town[1]}"],
            ["points at the edge: asked / wrong", f"{edge[0]:,} / {edge[1]}"],
            ["bytes per fence", f"{each:,.0f}"],
            ["full garbage collection (ms), not frozen", f"{collection * 1e3:.0f}"],
            ["one fence changed among 100,000 (µs)", micro(ours)],
            ["one durable update in PostgreSQL (µs)", micro(theirs)],
            ["… of the index's change", f"{of:.1f}"],
        ],
    )


def main() -> None:
    """Run."""
    parser = options("the fence index beside STRtree, geopy and PostgreSQL")
    parser.add_argument("--edge", type=int, default=30_000, help="points at the edge, half a millisecond each")
    asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    main()
