"""The database's time, carried on by a monotonic clock: the best look counts, and wall clocks do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Unavailable
from server.store.clock import DatabaseClock
from server.store.pool import Connection

NOON = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)


class Quartz:
    """A monotonic clock that the test turns."""

    def __init__(self) -> None:
        self.s = 5_000.0

    def __call__(self) -> float:
        return self.s


def test_before_the_first_look_nobody_knows_the_time() -> None:
    clock = DatabaseClock(Quartz())
    for ask in (clock.now, lambda: clock.at(1.0)):
        with pytest.raises(Unavailable):
            ask()
    assert clock.monotonic() == 5_000.0


def test_time_goes_on_between_two_looks() -> None:
    quartz = Quartz()
    clock = DatabaseClock(quartz)
    clock.note(NOON, asked_s=4_999.9, heard_s=5_000.1)
    assert clock.now() == NOON
    quartz.s += 90
    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.at(4_990.0) == NOON - timedelta(seconds=10)


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_look_is_off_by_half_its_duration_at_most(before_s: float, after_s: float) -> None:
    clock = DatabaseClock(Quartz())
    clock.note(NOON, asked_s=5_000.0 - before_s, heard_s=5_000.0 + after_s)
    assert abs((clock.now() - NOON).total_seconds()) <= (before_s + after_s) / 2 + 1e-6


def test_a_slow_look_does_not_displace_a_quick_one_that_is_young() -> None:
    quartz = Quartz()
    clock = DatabaseClock(quartz)
    clock.note(NOON, asked_s=4_999.999, heard_s=5_000.001)
    clock.note(NOON + timedelta(seconds=9), asked_s=5_000.0, heard_s=5_002.0)
    assert clock.now() == NOON
    clock.note(NOON + timedelta(seconds=40.5), asked_s=5_040.0, heard_s=5_041.0)
    assert clock.at(5_040.5) == NOON + timedelta(seconds=40.5)


def test_a_quicker_look_counts_at_once() -> None:
    clock = DatabaseClock(Quartz())
    clock.note(NOON, asked_s=4_999.0, heard_s=5_001.0)
    clock.note(NOON + timedelta(milliseconds=700), asked_s=5_000.0, heard_s=5_000.002)
    assert clock.at(5_000.001) == NOON + timedelta(milliseconds=700)


def test_a_look_that_was_under_way_when_the_clock_was_set_tells_the_old_time() -> None:
    quartz = Quartz()
    clock = DatabaseClock(quartz)
    clock.note(NOON, asked_s=5_000.0, heard_s=5_000.0)
    clock.forget()
    with pytest.raises(Unavailable):
        clock.now()
    clock.note(NOON, asked_s=4_999.9, heard_s=5_000.1)
    with pytest.raises(Unavailable):
        clock.now()
    clock.note(NOON + timedelta(days=3), asked_s=5_000.0, heard_s=5_000.0)
    assert clock.now() == NOON + timedelta(days=3)


async def test_a_clock_that_was_set_is_known_at_once_and_older_looks_no_longer_count(db: Connection) -> None:
    clock = DatabaseClock()
    clock.note(NOON, asked_s=clock.monotonic(), heard_s=clock.monotonic())
    asked = clock.monotonic()
    await clock.begin_anew(db)
    told = await db.fetchval("SELECT clock_timestamp()")
    assert abs(clock.now() - told) < timedelta(seconds=5)
    clock.note(NOON, asked_s=asked, heard_s=clock.monotonic())
    assert abs(clock.now() - told) < timedelta(seconds=5)


async def test_the_database_is_asked(db: Connection) -> None:
    clock = DatabaseClock()
    told = await clock.sync(db)
    later = await db.fetchval("SELECT clock_timestamp()")
    assert told <= later
    assert abs((clock.now() - later).total_seconds()) < 1
