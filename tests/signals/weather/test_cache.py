"""Weather at hand: nobody waits for it, watched cells are fetched when due, and a bad provider changes nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Point
from server.model.weather import Sky, Weather
from server.signals.weather.cache import WeatherCache, cell_of, middle_of
from server.signals.weather.open_meteo import OpenMeteo
from tests.signals.standin import standing_in

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN, HAMBURG, MUNICH = Point(52.52, 13.405), Point(53.55, 9.99), Point(48.137, 11.575)

Answer = Callable[[Point, datetime], Awaitable[Weather | None]]


class Sayer:
    """A provider that says what a function says and keeps what it was asked."""

    name = "sayer"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Point] = []
        self.busy = self.busiest = 0

    async def at(self, point: Point, now: datetime) -> Weather | None:
        self.asked.append(point)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            return await self.answer(point, now)
        finally:
            self.busy -= 1


async def drizzle(point: Point, now: datetime) -> Weather | None:
    await asyncio.sleep(0)
    return Weather(Sky(now, "drizzle", round(point.lat, 2)))


async def nothing(point: Point, now: datetime) -> Weather | None:
    return None


async def broken(point: Point, now: datetime) -> Weather | None:
    raise RuntimeError("canary")


def cache_of(answer: Answer, *, refresh_s: float = 900, **more: int) -> tuple[WeatherCache, Sayer]:
    sayer = Sayer(answer)
    return WeatherCache(sayer, refresh_s=refresh_s, **more), sayer


async def test_before_the_first_round_nothing_is_known_and_asking_fetches_nothing() -> None:
    cache, sayer = cache_of(drizzle)
    cache.watch([BERLIN])
    assert cache.get(BERLIN, NOON) is None
    assert sayer.asked == []


async def test_a_round_fetches_every_watched_cell_once_at_its_middle() -> None:
    cache, sayer = cache_of(drizzle)
    cache.watch([BERLIN, Point(52.53, 13.41), HAMBURG])
    assert await cache.refresh(NOON) == 2
    assert sorted(sayer.asked) == sorted([middle_of(cell_of(BERLIN)), middle_of(cell_of(HAMBURG))])
    assert cache.get(BERLIN, NOON) == Weather(Sky(NOON, "drizzle", 52.55))
    assert cache.get(Point(52.59, 13.49), NOON) == cache.get(BERLIN, NOON)
    assert cache.get(MUNICH, NOON) is None, "where nobody watches nothing is fetched"


async def test_a_cell_is_fetched_again_when_it_is_old_and_not_before() -> None:
    cache, sayer = cache_of(drizzle)
    cache.watch([BERLIN])
    for minutes, total in ((0, 1), (5, 1), (14, 1), (15, 2), (20, 2), (31, 3)):
        await cache.refresh(NOON + timedelta(minutes=minutes))
        assert len(sayer.asked) == total


async def test_a_newly_watched_cell_is_due_at_once_and_the_others_keep_their_time() -> None:
    cache, sayer = cache_of(drizzle)
    cache.watch([BERLIN])
    await cache.refresh(NOON)
    cache.watch([BERLIN, HAMBURG])
    assert cache.get(BERLIN, NOON) is not None
    assert await cache.refresh(NOON + timedelta(seconds=1)) == 1
    assert sayer.asked[-1] == middle_of(cell_of(HAMBURG))


async def test_a_cell_that_is_watched_while_a_round_runs_comes_before_the_old_ones() -> None:
    asked: list[float] = []

    async def answer(point: Point, now: datetime) -> Weather | None:
        asked.append(point.lat)
        if len(asked) == 4:
            cache.watch([*old, MUNICH])
        return await drizzle(point, now)

    cache, _ = cache_of(answer, concurrency=1)
    old = [BERLIN, HAMBURG, Point(50, 8)]
    cache.watch(old)
    await cache.refresh(NOON)
    await cache.refresh(NOON + timedelta(hours=1))
    assert asked[4] == middle_of(cell_of(MUNICH)).lat
    assert len(asked) == 7


async def test_what_is_not_watched_any_more_is_forgotten_even_while_it_is_asked_for() -> None:
    async def answer(point: Point, now: datetime) -> Weather | None:
        cache.watch([HAMBURG])
        return await drizzle(point, now)

    cache, _ = cache_of(answer, concurrency=1)
    cache.watch([BERLIN])
    await cache.refresh(NOON)
    assert cache.get(BERLIN, NOON) is None
    assert cache.get(HAMBURG, NOON) is not None
    cache.watch([])
    assert cache.get(HAMBURG, NOON) is None


@pytest.mark.parametrize("bad", [nothing, broken])
async def test_a_failure_leaves_the_older_observation_and_is_tried_again_after_a_minute(bad: Answer) -> None:
    cache, sayer = cache_of(drizzle)
    cache.watch([BERLIN])
    await cache.refresh(NOON)
    before = cache.get(BERLIN, NOON)
    sayer.answer = bad
    later = NOON + timedelta(minutes=15)
    assert await cache.refresh(later) == 0
    assert cache.get(BERLIN, later) == before
    assert await cache.refresh(later + timedelta(seconds=59)) == 0
    assert len(sayer.asked) == 2
    sayer.answer = drizzle
    assert await cache.refresh(later + timedelta(seconds=60)) == 1
    assert len(sayer.asked) == 3


async def test_one_cell_that_fails_does_not_hold_up_the_others() -> None:
    async def answer(point: Point, now: datetime) -> Weather | None:
        return await (broken if point == middle_of(cell_of(BERLIN)) else drizzle)(point, now)

    cache, _ = cache_of(answer)
    cache.watch([HAMBURG, BERLIN, MUNICH])
    assert await cache.refresh(NOON) == 2
    assert cache.get(BERLIN, NOON) is None
    assert cache.get(MUNICH, NOON) is not None


async def test_only_so_many_questions_are_asked_at_once_and_only_so_many_cells_are_kept() -> None:
    cache, sayer = cache_of(drizzle, concurrency=3, cells_max=50)
    cache.watch(Point(40 + n / 10, 8.05) for n in range(80))
    assert await cache.refresh(NOON) == 50
    assert sayer.busiest == 3
    assert len(set(sayer.asked)) == 50


class Bed:
    """A sleep that lasts until it is told to end, and counts how often somebody lay down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.lying = asyncio.Event()
        self.bell = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.lying.set()
        await self.bell.wait()
        self.bell.clear()

    async def until_lying(self) -> None:
        await asyncio.wait_for(self.lying.wait(), 20)
        self.lying.clear()


async def test_the_run_keeps_cells_fresh_wakes_for_new_ones_and_ends_when_cancelled() -> None:
    cache, sayer = cache_of(drizzle)
    bed, now = Bed(), NOON
    task = asyncio.create_task(cache.run(lambda: now, bed))
    await bed.until_lying()
    assert sayer.asked == []
    cache.watch([BERLIN])  # the sleep has not ended
    await bed.until_lying()
    assert cache.get(BERLIN, NOON) is not None
    now = NOON + timedelta(minutes=16)
    bed.bell.set()
    await bed.until_lying()
    assert len(sayer.asked) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(0 < seconds <= 30 for seconds in bed.slept)


async def test_a_run_cancelled_amid_a_round_leaves_no_question_behind() -> None:
    entered = asyncio.Event()

    async def hang(point: Point, now: datetime) -> Weather | None:
        entered.set()
        await asyncio.sleep(60)
        return None

    cache, sayer = cache_of(hang)
    cache.watch([BERLIN, HAMBURG])
    task = asyncio.create_task(cache.run(lambda: NOON, asyncio.sleep))
    await asyncio.wait_for(entered.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sayer.busy == 0
    assert cache.get(BERLIN, NOON) is None


async def test_a_sleep_that_fails_ends_the_run_and_does_not_spin() -> None:
    async def insomnia(seconds: float) -> None:
        raise OSError("no clock")

    cache, _ = cache_of(drizzle)
    with pytest.raises(OSError, match="no clock"):
        await asyncio.wait_for(cache.run(lambda: NOON, insomnia), 20)


PLACES = [Point(40 + n / 2, 10.05) for n in range(5)]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("watch"), st.sets(st.integers(0, 4))),
        st.tuples(st.just("wait"), st.sampled_from([1, 59, 60, 300, 899, 900, 4000])),
        st.tuples(st.just("fail"), st.sets(st.integers(0, 4))),
    ),
    max_size=25,
)


@given(steps=steps)
@settings(max_examples=80, deadline=None)
def test_after_any_history_exactly_what_is_due_is_asked_for_and_the_last_good_answer_is_known(
    steps: list[tuple[str, Any]],
) -> None:
    found, wanted = asyncio.run(_replayed(steps))
    assert len(found) == len(steps)
    assert found == wanted


async def _replayed(steps: list[tuple[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Run a history through the cache and through a plain model of it: who was asked, how many came, what is known."""
    failing: set[int] = set()
    asked: list[int] = []

    async def answer(point: Point, now: datetime) -> Weather | None:
        number = next(n for n, place in enumerate(PLACES) if cell_of(place) == cell_of(point))
        asked.append(number)
        return None if number in failing else Weather(Sky(now, "rain"))

    cache, _ = cache_of(answer)
    now, due, known = NOON, dict[int, datetime](), dict[int, datetime]()
    found: list[Any] = []
    model: list[Any] = []
    for action, argument in steps:
        if action == "watch":
            cache.watch([PLACES[n] for n in argument])
            due = {n: due.get(n, NOON) for n in argument}
            known = {n: at for n, at in known.items() if n in argument}
        elif action == "wait":
            now += timedelta(seconds=argument)
        else:
            failing = argument
        asked.clear()
        came = await cache.refresh(now)
        wanted = {n for n, at in due.items() if at <= now}
        for n in wanted:
            due[n] = now + timedelta(seconds=60 if n in failing else 900)
            known = known if n in failing else {**known, n: now}
        at_hand = [cache.get(place, now) for place in PLACES]
        found.append((sorted(asked), came, [each.now.at if each else None for each in at_hand]))
        model.append((sorted(wanted), len(wanted - failing), [known.get(n) for n in range(len(PLACES))]))
    return found, model


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180))
def test_every_point_of_the_world_has_a_cell_whose_middle_is_near(lat: float, lon: float) -> None:
    cell = cell_of(Point(lat, lon))
    middle = middle_of(cell)
    assert cell_of(middle) == cell
    assert abs(middle.lat - lat) <= 0.05 + 1e-9
    assert min(abs(middle.lon - lon), 360 - abs(middle.lon - lon)) <= 0.05 + 1e-9


def test_both_sides_of_the_antimeridian_are_one_cell_and_the_poles_have_theirs() -> None:
    assert cell_of(Point(0, 180)) == cell_of(Point(0, -180))
    assert cell_of(Point(90, 0)) == cell_of(Point(89.95, 0))


async def test_while_a_real_server_hangs_the_weather_is_asked_for_and_nobody_waits() -> None:
    entered = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        entered.set()
        await asyncio.sleep(60)
        return web.Response()

    async with standing_in(hang) as base, ClientSession() as session:
        cache = WeatherCache(OpenMeteo(session, base_url=base), refresh_s=900)
        cache.watch([BERLIN])
        task = asyncio.create_task(cache.run(lambda: NOON, asyncio.sleep))
        await asyncio.wait_for(entered.wait(), 20)
        assert [cache.get(BERLIN, NOON) for _ in range(10_000)] == [None] * 10_000
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
