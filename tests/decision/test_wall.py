"""Zones by name, windows, and the way back from a wall clock to an instant, found by scanning every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.wall import instant_of, is_open, opening_day, utc_text, wall_clock, zone_for, zone_named
from server.model.place import DAYS, Span
from tests.decision.rulebook import scene, store

DAYS_OF_CHANGE = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Beirut", "2026-03-29"),  # at midnight: the day has no 00:30
    ("Europe/Berlin", "2026-06-01"),
]


def scan(day: date, zone: ZoneInfo) -> dict[time, list[datetime]]:
    """List, for every minute that the wall clock of a day shows, the instants at which it does."""
    shown: dict[time, list[datetime]] = {}
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    for _ in range(60 * 60):
        local = instant.astimezone(zone)
        if local.date() == day:
            shown.setdefault(local.time(), []).append(instant)
        instant += timedelta(minutes=1)
    return shown


@pytest.mark.parametrize(("name", "text"), DAYS_OF_CHANGE)
def test_every_minute_of_a_day_is_found_as_the_scan_finds_it(name, text):
    zone, day = ZoneInfo(name), date.fromisoformat(text)
    shown = scan(day, zone)
    after = {}  # the first instant on the day at which the clock shows a later time than this minute
    following = None
    for minute in range(1439, -1, -1):
        clock = time(minute // 60, minute % 60)
        following = shown[clock][0] if clock in shown else following
        after[clock] = following
    for minute in range(1440):
        clock = time(minute // 60, minute % 60)
        seen = shown.get(clock)
        assert instant_of(day, clock, zone) == (seen[0] if seen else after[clock])
        if seen:
            assert instant_of(day, clock, zone, fold=1) == seen[-1]


def test_a_day_that_was_left_out_begins_with_the_next():
    apia = ZoneInfo("Pacific/Apia")
    noon = instant_of(date(2011, 12, 30), time(12), apia)
    assert noon.astimezone(apia) == datetime(2011, 12, 31, tzinfo=apia)


@pytest.mark.parametrize(
    "name",
    ["Europe", "Europe/Atlantis", "", "../etc/passwd", "/etc/localtime", "localtime", "posix/UTC", "UTC+1", "x\0y"],
)
def test_what_is_no_name_of_a_zone_is_none(name):
    assert zone_named(name) is None


def test_a_zone_is_found_by_its_name():
    assert zone_named("Europe/Berlin") == ZoneInfo("Europe/Berlin")


def test_a_document_means_a_zone_by_place_by_home_or_by_name():
    stage = scene(where=store(zone="Asia/Tokyo"), zone="America/New_York")
    assert [str(zone_for(tz, stage)) for tz in ("place", "customer_home", "UTC")] == [
        "Asia/Tokyo",
        "America/New_York",
        "UTC",
    ]
    nowhere = scene(where=None, zone=None)
    assert [zone_for(tz, nowhere) for tz in ("place", "customer_home")] == [None, None]


MINUTES = st.integers(0, 1439)


@given(st.dates(date(2020, 1, 2), date(2030, 1, 1)), MINUTES, MINUTES, st.integers(0, 1440))
def test_a_window_is_owned_by_the_day_whose_minutes_hold_it(day, minute, start, end):
    first, last = time(start // 60, start % 60), None if end == 1440 else time(end // 60, end % 60)
    length = (end - start - 1) % 1440 + 1 if end != 1440 else 1440 - start
    owners = [back for back in (0, 1) if start <= minute + back * 1440 < start + length]
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - a wall clock has no zone
    found = opening_day(local, first, last)
    assert found == (date.fromordinal(day.toordinal() - owners[0]) if owners else None)


def test_a_store_is_open_in_any_of_its_spans():
    hours = {"fri": (Span(time(6), time(10)), Span(time(18), time(1)))}
    opened = [hour for hour in range(48) if is_open(hours, datetime(2026, 11, 6) + timedelta(hours=hour))]  # noqa: DTZ001 - a wall clock has no zone
    assert opened == [6, 7, 8, 9, 18, 19, 20, 21, 22, 23, 24]


@given(
    st.dictionaries(
        st.sampled_from(DAYS), st.lists(st.tuples(MINUTES, st.integers(0, 1440)), max_size=3), min_size=1, max_size=7
    ),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    MINUTES,
)
def test_a_store_is_open_in_the_minutes_of_the_week_that_its_spans_cover(hours, day, minute):
    covered = set()
    for name, spans in hours.items():
        for begin, end in spans:
            first = DAYS.index(name) * 1440 + begin
            length = 1440 - begin if end == 1440 else (end - begin - 1) % 1440 + 1
            covered.update((first + each) % 10_080 for each in range(length))

    def clock(minutes):
        return time(minutes // 60, minutes % 60)

    week = {
        name: tuple(Span(clock(begin), None if end == 1440 else clock(end)) for begin, end in spans)
        for name, spans in hours.items()
    }
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - a wall clock has no zone
    assert is_open(week, local) is (day.weekday() * 1440 + minute in covered)


def test_an_instant_is_written_in_utc():
    assert utc_text(datetime(2026, 11, 3, 12, tzinfo=ZoneInfo("Europe/Berlin"))) == "2026-11-03T11:00:00Z"


def test_both_readings_of_a_repeated_hour_are_written_as_the_instants_they_are():
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert [utc_text(first), utc_text(first.replace(fold=1))] == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]


def test_a_scene_has_a_wall_clock_for_each_zone_and_looks_at_each_once():
    here = scene(at=datetime(2026, 11, 3, 12, tzinfo=UTC))
    berlin, tokyo = (wall_clock(here, ZoneInfo(name)) for name in ("Europe/Berlin", "Asia/Tokyo"))
    assert (berlin.text, tokyo.text) == ("2026-11-03T13:00:00+01:00", "2026-11-03T21:00:00+09:00")
    assert wall_clock(here, ZoneInfo("Europe/Berlin")) is berlin
