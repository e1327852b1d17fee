"""Windows on the wall clock, against a wall clock that is counted minute by minute; opening hours and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.finding import Gate, Scene, Truth
from server.model.place import DAYS, Span
from tests.decision.rulebook import ask, condition, scene, store, wrongs

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/St_Johns",
)
CLOCKS = st.builds(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}", st.integers(0, 1439))
CHANGES = {  # the days around which the clocks of each zone change, found by scanning its offsets
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),  # by half an hour
    "Pacific/Apia": ("2011-12-29", "2011-04-01"),  # a whole day that never was; and the end of a summer time
}


def minute_of_day(at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Give the local day (counted) and the minute of it, by adding the offset to the instant."""
    shifted = at.replace(tzinfo=None) + zone.utcoffset(at.astimezone(zone))
    whole = int((shifted - datetime(1970, 1, 1)).total_seconds() // 60)  # noqa: DTZ001 - a wall clock has no zone
    return divmod(whole, 1440)


def expected(at: datetime, zone: ZoneInfo, start: str, end: str, days: frozenset[str]) -> bool:
    """Say whether the window holds at an instant."""
    return covers(minute_of_day(at, zone), start, end, days)


def covers(wall: tuple[int, int], start: str, end: str, days: frozenset[str]) -> bool:
    """Say whether the window holds, by listing the minutes that it covers from each day on which it may open."""
    today, minute = wall
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    if last <= first:
        last += 1440
    for day in (today - 1, today):
        weekday = DAYS[(day + 3) % 7]  # 1970-01-01 was a Thursday
        if weekday in days and first <= (today - day) * 1440 + minute < last:
            return True
    return False


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime.fromisoformat("2011-01-01"), datetime.fromisoformat("2030-01-01"), timezones=st.just(UTC)),
    CLOCKS,
    CLOCKS | st.just("24:00"),
    st.frozensets(st.sampled_from(DAYS), min_size=1),
)
def test_a_window_holds_just_when_its_minutes_say_so(zone, at, start, end, days):
    if start == end:
        return
    found = ask({"local_time": {"tz": zone, "days": sorted(days), "from": start, "to": end}}, scene(at))
    assert found.truth is (Truth.HOLDS if expected(at, ZoneInfo(zone), start, end, days) else Truth.FAILS)


@lru_cache(maxsize=1)
def minutes_from(zone: str, day: str) -> list[tuple[tuple[int, int], Scene]]:
    """Every minute of 72 hours from the local midnight of a day: what the wall clock shows, and the scene of it."""
    begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    times = [begin + timedelta(minutes=minute) for minute in range(3 * 1440)]
    return [(minute_of_day(at, ZoneInfo(zone)), scene(at)) for at in times]


@pytest.mark.parametrize(
    ("start", "end"), [("01:30", "02:30"), ("02:00", "03:00"), ("23:00", "02:15"), ("22:00", "24:00")]
)
@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_every_minute_around_a_change_of_the_clocks_is_judged_right(zone, day, start, end):
    minutes = minutes_from(zone, day)
    window = condition({"local_time": {"tz": zone, "from": start, "to": end}})
    found = [window.check(each).truth is Truth.HOLDS for _, each in minutes]
    wanted = [covers(wall, start, end, frozenset(DAYS)) for wall, _ in minutes]
    assert found == wanted
    assert {True, False} == set(found)


def minutes_that_hold(zone: str, day: str, start: str, end: str) -> int:
    """Count the minutes of 48 hours from the local midnight of a day that a window on that weekday holds."""
    begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    weekday = DAYS[date.fromisoformat(day).weekday()]
    window = condition({"local_time": {"tz": zone, "days": [weekday], "from": start, "to": end}})
    return sum(window.check(scene(begin + timedelta(minutes=at))).truth is Truth.HOLDS for at in range(2 * 1440))


@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "minutes"),
    [
        ("Europe/Berlin", "2026-03-29", "02:00", "03:00", 0),
        ("Europe/Berlin", "2026-10-25", "02:00", "03:00", 120),
        ("Europe/Berlin", "2026-10-24", "22:00", "04:00", 420),
        ("America/New_York", "2026-03-08", "01:30", "03:30", 60),
        ("Australia/Lord_Howe", "2026-04-05", "01:30", "02:00", 60),
        ("Australia/Lord_Howe", "2026-10-04", "02:00", "02:30", 0),
        ("Pacific/Apia", "2011-12-29", "20:00", "04:00", 240),
    ],
)
def test_a_repeated_hour_counts_twice_and_a_missing_one_never(zone, day, start, end, minutes):
    assert minutes_that_hold(zone, day, start, end) == minutes


@pytest.mark.parametrize(
    ("at", "truth"),
    [
        ("2026-11-07T21:59:59+01:00", Truth.FAILS),
        ("2026-11-07T22:00:00+01:00", Truth.HOLDS),
        ("2026-11-08T01:30:00+01:00", Truth.HOLDS),
        ("2026-11-08T01:59:59.999999+01:00", Truth.HOLDS),
        ("2026-11-08T02:00:00+01:00", Truth.FAILS),
        ("2026-11-08T22:30:00+01:00", Truth.FAILS),
        ("2026-11-07T01:30:00+01:00", Truth.FAILS),
    ],
)
def test_a_saturday_over_midnight_owns_the_first_hours_of_sunday(at, truth):
    found = ask({"local_time": {"days": ["sat"], "from": "22:00", "to": "02:00"}}, scene(at))
    assert (found.gate, found.truth) == (Gate.LOCAL_TIME, truth)


@pytest.mark.parametrize(
    ("tz", "where", "home", "truth"),
    [
        ("place", store(zone="Europe/Berlin"), "America/New_York", Truth.HOLDS),
        ("place", store(zone="America/New_York"), "Europe/Berlin", Truth.FAILS),
        ("place", store(zone=None), "Europe/Berlin", Truth.UNKNOWN),
        ("place", None, "Europe/Berlin", Truth.UNKNOWN),
        ("place", store(zone="Europe/Atlantis"), "Europe/Berlin", Truth.UNKNOWN),
        ("customer_home", store(zone="America/New_York"), "Europe/Berlin", Truth.HOLDS),
        ("customer_home", store(zone="Europe/Berlin"), None, Truth.UNKNOWN),
        ("Europe/Berlin", None, None, Truth.HOLDS),
        ("Asia/Tokyo", store(zone="Europe/Berlin"), "Europe/Berlin", Truth.FAILS),
    ],
)
def test_the_zone_is_the_places_the_customers_or_the_named_one(tz, where, home, truth):
    stage = scene("2026-11-03T07:30:00+00:00", where, zone=home)
    assert ask({"local_time": {"tz": tz, "from": "08:00", "to": "09:00"}}, stage).truth is truth


def test_a_receipt_tells_the_local_time_and_its_zone():
    found = ask({"local_time": {"from": "07:00", "to": "11:00"}}, scene("2026-10-25T00:30:00+00:00"))
    assert found.values == {"local_time": "2026-10-25T02:30:00+02:00", "zone": "Europe/Berlin"}
    assert found.reason == "02:30 is not within 07:00–11:00."


HOURS = {"mon": (Span(time(8), time(20)),), "sat": (Span(time(9), time(14)), Span(time(22), time(2)))}


@pytest.mark.parametrize(
    ("hours", "at", "truth"),
    [
        (HOURS, "2026-11-02T07:59:59+01:00", Truth.FAILS),
        (HOURS, "2026-11-02T08:00:00+01:00", Truth.HOLDS),
        (HOURS, "2026-11-02T20:00:00+01:00", Truth.FAILS),
        (HOURS, "2026-11-03T12:00:00+01:00", Truth.FAILS),
        (HOURS, "2026-11-07T13:59:00+01:00", Truth.HOLDS),
        (HOURS, "2026-11-07T15:00:00+01:00", Truth.FAILS),
        (HOURS, "2026-11-08T01:30:00+01:00", Truth.HOLDS),
        (HOURS, "2026-11-07T01:30:00+01:00", Truth.FAILS),
        (HOURS, "2026-11-09T01:30:00+01:00", Truth.FAILS),
        ({"tue": (Span(time(0), None),)}, "2026-11-03T23:59:59+01:00", Truth.HOLDS),
        ({"tue": (Span(time(0), None),)}, "2026-11-04T00:00:00+01:00", Truth.FAILS),
        ({}, "2026-11-03T12:00:00+01:00", Truth.FAILS),
        (None, "2026-11-03T12:00:00+01:00", Truth.UNKNOWN),
    ],
)
def test_opening_hours_are_half_open_and_owned_by_the_day_they_open(hours, at, truth):
    assert ask({"local_time": {"place_open": True}}, scene(at, store(hours=hours))).truth is truth


def test_opening_hours_are_on_the_stores_own_clock_whatever_zone_the_window_is_in():
    shop = store(hours=HOURS, zone="America/New_York")
    window = {"local_time": {"tz": "Europe/Berlin", "from": "13:00", "to": "15:00", "place_open": True}}
    assert ask(window, scene("2026-11-02T14:30:00+01:00", shop)).truth is Truth.HOLDS
    assert ask(window, scene("2026-11-02T13:30:00+01:00", shop)).truth is Truth.FAILS


def test_a_window_that_fails_needs_no_hours_and_one_that_holds_does():
    window = {"local_time": {"from": "08:00", "to": "09:00", "place_open": True}}
    assert ask(window, scene("2026-11-02T10:00:00+01:00", store(hours=None))).truth is Truth.FAILS
    assert ask(window, scene("2026-11-02T08:30:00+01:00", store(hours=None))).truth is Truth.UNKNOWN


def test_a_closed_store_says_no_where_the_customers_zone_is_not_known():
    window = {"local_time": {"tz": "customer_home", "from": "08:00", "place_open": True}}
    assert ask(window, scene("2026-11-03T10:00:00+01:00", store(hours=HOURS), zone=None)).truth is Truth.FAILS
    assert ask(window, scene("2026-11-02T10:00:00+01:00", store(hours=HOURS), zone=None)).truth is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("country", "region", "day", "holiday"),
    [
        ("DE", "BE", "2026-03-08", True),  # International Women's Day: Berlin keeps it,
        ("DE", "BY", "2026-03-08", False),  # Bavaria does not
        ("DE", "BY", "2026-11-01", True),
        ("DE", "BE", "2026-11-01", False),
        ("DE", None, "2026-05-01", True),
        ("IE", None, "2026-03-17", True),
        ("US", "CA", "2026-07-03", True),  # Independence Day falls on a Saturday and is kept on the Friday
    ],
)
def test_holidays_are_those_of_the_places_country_and_region(country, region, day, holiday):
    stage = scene(f"{day}T12:00:00+00:00", store(country=country, region=region, zone="UTC"))
    assert ask({"local_time": {"holidays": "skip"}}, stage).truth is (Truth.FAILS if holiday else Truth.HOLDS)
    assert ask({"local_time": {"holidays": "only"}}, stage).truth is (Truth.HOLDS if holiday else Truth.FAILS)
    assert ask({"local_time": {"holidays": "ignore"}}, stage).truth is Truth.HOLDS


@pytest.mark.parametrize(
    ("at", "skip"),
    [
        ("2026-05-01T01:30:00+02:00", Truth.HOLDS),  # opened on Thursday, the eve
        ("2026-05-01T22:30:00+02:00", Truth.FAILS),
        ("2026-05-02T01:30:00+02:00", Truth.FAILS),  # opened on the first of May
        ("2026-05-02T22:30:00+02:00", Truth.HOLDS),
    ],
)
def test_over_midnight_the_holiday_is_that_of_the_opening_day(at, skip):
    window = {"local_time": {"from": "22:00", "to": "02:00", "holidays": "skip"}}
    assert ask(window, scene(at, store(country="DE"))).truth is skip


@pytest.mark.parametrize("where", [store(country=None), store(country="XX"), store(country="DE", region="ZZ"), None])
@pytest.mark.parametrize("holidays", ["skip", "only"])
def test_without_a_known_calendar_a_holiday_is_unknown(where, holidays):
    window = {"local_time": {"tz": "Europe/Berlin", "from": "08:00", "to": "20:00", "holidays": holidays}}
    assert ask(window, scene("2026-11-03T12:00:00+01:00", where)).truth is Truth.UNKNOWN
    assert ask(window, scene("2026-11-03T21:00:00+01:00", where)).truth is Truth.FAILS


def test_a_missing_end_is_the_end_of_the_day_and_a_missing_start_its_beginning():
    assert ask({"local_time": {"from": "20:00"}}, scene("2026-11-03T23:59:59+01:00")).truth is Truth.HOLDS
    assert ask({"local_time": {"from": "20:00"}}, scene("2026-11-04T00:00:00+01:00")).truth is Truth.FAILS
    assert ask({"local_time": {"to": "06:00"}}, scene("2026-11-04T00:00:00+01:00")).truth is Truth.HOLDS
    assert (
        ask({"local_time": {"from": "22:00", "to": "00:00"}}, scene("2026-11-03T23:30:00+01:00")).truth is Truth.HOLDS
    )


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"from": "07:00", "to": "07:00"}, "from"),
        ({"to": "00:00"}, "from"),
        ({"from": "24:00", "to": "07:00"}, "from"),
        ({"from": "7:00"}, "from"),
        ({"from": 7}, "from"),
        ({"from": "07:00", "to": "24:01"}, "to"),
        ({"to": "12:60"}, "to"),
        ({"days": []}, "days"),
        ({"days": ["mon", "monday"]}, "days[1]"),
        ({"days": ["mon", "mon"]}, "days"),
        ({"days": "mon"}, "days"),
        ({"tz": "Europe/Atlantis", "from": "07:00"}, "tz"),
        ({"tz": "+01:00", "from": "07:00"}, "tz"),
        ({"tz": "Europe", "from": "07:00"}, "tz"),
        ({"tz": "../etc/passwd", "from": "07:00"}, "tz"),
        ({"place_open": False}, "place_open"),
        ({"place_open": "yes"}, "place_open"),
        ({"holidays": "maybe"}, "holidays"),
        ({"until": "07:00", "from": "06:00"}, "until"),
    ],
)
def test_a_window_that_cannot_be_read_says_where(value, path):
    assert [field for field, _ in wrongs({"local_time": value})] == [f"if.local_time.{path}"]


@pytest.mark.parametrize("value", [{}, {"tz": "place"}, "07:00", None])
def test_a_window_that_asks_for_nothing_is_refused(value):
    assert [field for field, _ in wrongs({"local_time": value})] == ["if.local_time"]


def test_the_window_is_said_in_words():
    value = {"days": ["sat", "mon"], "from": "22:00", "to": "24:00", "place_open": True, "holidays": "skip"}
    said = "22:00–24:00 (place), mon, sat, while the store is open, not on holidays"
    assert condition({"local_time": value}).sentence() == said
