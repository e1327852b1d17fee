"""A demonstration's day goes forward, for the whole database at once; its sky is what the rules see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from server.pipeline.scene import FARTHEST, NoSky, Scene, TooFar, Turned, next_instant
from server.signals.weather.fixed import Fixed
from server.store import keys, sessions, users
from server.store.clock import DatabaseClock
from server.store.pool import Connection, Pool, open_pool
from server.store.time_machine import address_of, leap, travelling
from tests.builders import NOON, TOWN

BERLIN = "Europe/Berlin"
UTC_ZONE = "UTC"


@pytest.fixture
async def moved(db_dsn: str) -> AsyncIterator[Pool]:
    """A pool that lives by the dial."""
    async with (
        travelling(db_dsn),
        await open_pool(address_of(db_dsn), size=2, application_name="tests") as pool,
    ):
        yield pool


async def scene_of(pool: Pool, dsn: str) -> Scene:
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    return Scene(dsn, clock=clock, weather=Fixed({"kind": "clear", "temperature_c": 20, "wind_mps": 3}))


async def told(pool: Pool) -> datetime:
    async with pool.acquire() as db:
        now: datetime = await db.fetchval("SELECT clock_timestamp()")
        return now


async def test_the_day_moves_on_for_everybody_and_the_house_knows(moved: Pool, db_dsn: str, db: Connection) -> None:
    scene = await scene_of(moved, db_dsn)
    begun = scene.look().now
    at = begun + timedelta(days=2, hours=1)
    await scene.leap(at.weekday(), time(at.hour, at.minute), zone=UTC_ZONE)
    seen, there = scene.look(), await told(moved)
    assert seen.now.replace(second=0, microsecond=0) == at.replace(second=0, microsecond=0)
    assert abs(there - seen.now) < timedelta(seconds=5)
    assert abs(seen.ahead - (seen.now - begun)) < timedelta(minutes=1)
    assert abs(await db.fetchval("SELECT clock_timestamp()") - begun) < timedelta(minutes=1)  # the world's time goes on


async def test_a_log_in_outlasts_the_leap_and_ends_when_it_would_have(moved: Pool, db_dsn: str) -> None:
    scene = await scene_of(moved, db_dsn)
    async with moved.transaction() as db:
        made = await users.create(
            db, email="a@b.c", name="A", roles=["admin"], store_id=None, password_hash="x", one_time=False
        )
        assert made is not None
        session = await sessions.create(db, user_id=made.id, absolute_s=3600)
        left = await db.fetchval("SELECT ends_at - clock_timestamp() FROM sessions")
    await scene.leap((scene.look().now.weekday() + 3) % 7, time(8, 12), zone=BERLIN)
    async with moved.acquire() as db:
        assert await sessions.find(db, token=session.token, idle_s=60) is not None
        after = await db.fetchval("SELECT ends_at - clock_timestamp() FROM sessions")
        assert await keys.find_owners(db, buckets=[0], hashes=[b""], token_days=1) == []
    assert abs(after - left) < timedelta(seconds=30)


async def test_of_two_who_move_the_day_at_once_one_is_told(moved: Pool, db_dsn: str, db: Connection) -> None:
    scene = await scene_of(moved, db_dsn)
    assert await leap(db, before=timedelta(0), shift=timedelta(hours=5))
    with pytest.raises(Turned):
        await scene.leap(0, time(8), zone=BERLIN)
    assert scene.ahead == timedelta(hours=5)
    assert abs(scene.look().now - await told(moved)) < timedelta(seconds=5)


async def test_the_day_goes_no_farther_than_the_demonstration_is_good_for(moved: Pool, db_dsn: str) -> None:
    scene = await scene_of(moved, db_dsn)

    async def a_week() -> None:
        now = scene.look().now
        await scene.leap(now.weekday(), time(now.hour, now.minute), zone=UTC_ZONE)

    for _ in range(FARTHEST // timedelta(days=7)):
        await a_week()
    with pytest.raises(TooFar):
        await a_week()
    assert scene.ahead <= FARTHEST


def test_the_sky_is_what_the_rules_see() -> None:
    fixed, clock = Fixed({"kind": "clear", "temperature_c": 20, "wind_mps": 3}), DatabaseClock()
    clock.note(NOON, asked_s=0, heard_s=0)
    scene = Scene("postgresql://x/y", clock=clock, weather=fixed)
    scene.paint(kind="rain", temperature_c=None)
    seen = fixed.get(TOWN, NOON)
    assert seen is not None
    assert (seen.now.kind, seen.now.temperature_c, seen.now.wind_mps) == ("rain", 20.0, 3.0)
    assert seen.now.precipitation_mm
    scene.paint(kind="clear", temperature_c=-2.0)
    seen = fixed.get(TOWN, NOON)
    assert seen is not None
    assert (seen.now.kind, seen.now.temperature_c, seen.now.precipitation_mm) == ("clear", -2.0, 0.0)
    assert scene.look()[2:] == ("clear", -2.0)


def test_real_weather_cannot_be_chosen() -> None:
    class Provider:
        def get(self, point: object, now: datetime) -> None: ...
        def watch(self, points: object) -> None: ...

    clock = DatabaseClock()
    clock.note(NOON, asked_s=0, heard_s=0)
    scene = Scene("postgresql://x/y", clock=clock, weather=Provider())
    assert scene.look()[2:] == (None, None)
    with pytest.raises(NoSky):
        scene.paint(kind="rain", temperature_c=None)


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
    weekday=st.integers(0, 6),
    at=st.times().map(lambda each: each.replace(second=0, microsecond=0)),
)
def test_the_next_instant_is_the_first_one_of_that_weekday_and_time(now: datetime, weekday: int, at: time) -> None:
    begun = now.replace(tzinfo=UTC)
    found = next_instant(begun, weekday, at, zone=UTC_ZONE)
    expected = begun + relativedelta(weekday=weekday, hour=at.hour, minute=at.minute, second=0, microsecond=0)
    assert found == (expected if expected > begun else expected + timedelta(days=7))


def test_it_follows_the_wall_clock_over_a_change_of_the_clocks() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)  # the clocks go back on Sunday
    assert next_instant(before, 0, time(8, 12), zone=BERLIN) == datetime(2026, 10, 26, 7, 12, tzinfo=UTC)
    assert next_instant(before, 5, time(8, 12), zone=BERLIN) == datetime(2026, 10, 31, 7, 12, tzinfo=UTC)
