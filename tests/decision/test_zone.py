"""Days, weeks and months of caps, and quiet hours, against wall clocks counted minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.zone import calendar_window, home_zone, quiet_until, quiet_zone, window_of
from server.model.customer import LastFix
from server.model.offer import Period
from tests.builders import NOON, TOWN, context, customer, place, programme, ruleset

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut", "UTC"]
)
INSTANTS = st.datetimes(
    datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-12-31"), timezones=st.just(UTC)
)
CALENDARS = st.sampled_from(["day", "week", "month"])


def utc(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def label(at: datetime, zone: ZoneInfo, calendar: str) -> object:
    """Name the period that an instant lies in, the slow way."""
    local = at.astimezone(zone)
    if calendar == "week":
        return local.isocalendar()[:2]
    return local.date() if calendar == "day" else (local.year, local.month)


@given(INSTANTS, INSTANTS, ZONES, CALENDARS)
def test_a_window_holds_what_the_wall_calendar_puts_together(
    now: datetime, other: datetime, name: str, calendar: str
) -> None:
    zone = ZoneInfo(name)
    window = calendar_window(calendar, now.astimezone(zone).date(), zone)
    assert window.holds(now)
    assert window.holds(other) is (label(other, zone, calendar) == label(now, zone, calendar))


@given(INSTANTS, st.integers(-100_000, 100_000), ZONES)
def test_a_day_holds_its_minutes_and_no_other(now: datetime, seconds: int, name: str) -> None:
    zone, other = ZoneInfo(name), now + timedelta(seconds=seconds)
    same = label(other, zone, "day") == label(now, zone, "day")
    assert calendar_window("day", now.astimezone(zone).date(), zone).holds(other) is same


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-03-29", "Asia/Beirut", 23),  # there the clocks skip midnight itself
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
    ],
)
def test_days_on_which_clocks_change_are_as_long_as_they_are(day: str, zone: str, hours: float) -> None:
    window = calendar_window("day", datetime.fromisoformat(day).date(), ZoneInfo(zone))
    assert window.end is not None
    assert window.end - window.start == timedelta(hours=hours)


def test_a_rolling_period_excludes_what_is_exactly_that_old() -> None:
    week = Period(rolling=timedelta(days=7))
    window = window_of(week, NOON, customer=customer(), place=None, programme=programme())
    assert window is not None
    assert not window.holds(NOON - timedelta(days=7))
    assert window.holds(NOON - timedelta(days=7) + timedelta(microseconds=1))
    assert window.holds(NOON + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("tz", "midnight"),
    [
        ("customer_home", "2026-11-03T00:00:00+09:00"),
        ("place", "2026-11-03T00:00:00+00:00"),
        ("America/New_York", "2026-11-03T00:00:00-05:00"),
    ],
)
def test_a_calendar_period_begins_in_the_zone_that_the_cap_names(tz: str, midnight: str) -> None:
    window = window_of(
        Period(calendar="day", tz=tz),
        NOON,
        customer=customer(zone="Asia/Tokyo"),
        place=place(zone="Europe/London"),
        programme=programme(),
    )
    assert window is not None
    assert window.start == utc(midnight)


@pytest.mark.parametrize(
    "somewhere", [None, place(zone=None), place(zone="Mars/Base")], ids=["none", "unset", "unknown"]
)
def test_a_period_in_an_unknown_zone_is_unknown(somewhere: object) -> None:
    where = somewhere if somewhere is None else place(zone=getattr(somewhere, "zone", None))
    asked = Period(calendar="day", tz="place")
    assert window_of(asked, NOON, customer=customer(), place=where, programme=programme()) is None


@pytest.mark.parametrize(
    ("profile", "setting", "home"),
    [
        ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"),
        (None, "Europe/Berlin", "Europe/Berlin"),
        ("No/Where", "UTC", "UTC"),
    ],
)
def test_the_home_zone_is_the_profiles_else_the_programmes(profile: str | None, setting: str, home: str) -> None:
    assert home_zone(customer(zone=profile), programme(zone=setting)) == ZoneInfo(home)


def test_no_zone_at_all_is_no_zone() -> None:
    assert home_zone(customer(zone=None), programme(zone="No/Where")) is None


@pytest.mark.parametrize(
    ("age_h", "fix_zone", "profile", "expected"),
    [
        (1, "Asia/Tokyo", "Europe/London", "Asia/Tokyo"),
        (23.99, "Asia/Tokyo", "Europe/London", "Asia/Tokyo"),
        (24, "Asia/Tokyo", "Europe/London", "Europe/London"),
        (1, None, "Europe/London", "Europe/London"),
        (24, "Asia/Tokyo", None, "America/New_York"),
        (1, "No/Where", "No/Where", "America/New_York"),
    ],
)
def test_quiet_hours_follow_the_fix_then_the_profile_then_the_setting(
    age_h: float, fix_zone: str | None, profile: str | None, expected: str
) -> None:
    rules = ruleset(quiet_zone="America/New_York")
    asked = context(rules, at=NOON, customer=customer(zone=profile))
    last = LastFix(TOWN, 10, NOON - timedelta(hours=age_h), fix_zone)
    assert quiet_zone(asked, last, rules.programme) == ZoneInfo(expected)


def test_where_no_zone_is_known_there_is_none() -> None:
    rules = ruleset(quiet_zone="")
    assert quiet_zone(context(rules, customer=customer(zone=None)), None, rules.programme) is None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-03T20:59:59+01:00", None),
        ("2026-11-03T21:00:00+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-11-04T00:00:00+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-11-04T07:59:59+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-11-04T08:00:00+01:00", None),
        ("2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"),
    ],
)
def test_quiet_hours_are_half_open_and_cross_midnight(now: str, until: str | None) -> None:
    assert quiet_until(utc(now), BERLIN, "21:00", "08:00") == (utc(until) if until else None)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-03T12:59:00+01:00", None),
        ("2026-11-03T13:00:00+01:00", "2026-11-03T15:00:00+01:00"),
        ("2026-11-03T15:00:00+01:00", None),
    ],
)
def test_quiet_hours_may_lie_within_a_day(now: str, until: str | None) -> None:
    assert quiet_until(utc(now), BERLIN, "13:00", "15:00") == (utc(until) if until else None)


def test_quiet_hours_may_end_at_midnight_and_equal_ends_mean_none() -> None:
    assert quiet_until(utc("2026-11-03T23:00:00+01:00"), BERLIN, "22:00", "24:00") == utc("2026-11-04T00:00:00+01:00")
    assert quiet_until(utc("2026-11-04T00:00:00+01:00"), BERLIN, "22:00", "24:00") is None
    assert quiet_until(NOON, BERLIN, "12:00", "12:00") is None


def test_an_end_that_the_clocks_skip_is_the_end_of_the_gap() -> None:
    assert quiet_until(utc("2026-03-29T01:00:00+01:00"), BERLIN, "21:00", "02:30") == utc("2026-03-29T03:00:00+02:00")


CLOCKS_BACK = st.datetimes(
    datetime.fromisoformat("2026-10-24T20"), datetime.fromisoformat("2026-10-25T09"), timezones=st.just(UTC)
)
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@given(
    INSTANTS | CLOCKS_BACK,
    ZONES,
    CLOCKS,
    CLOCKS,
)
def test_quiet_hours_last_until_the_wall_clock_first_leaves_them(
    now: datetime, name: str, start: str, end: str
) -> None:
    """Counted on, minute by minute, until the wall clock shows a time outside of the window."""
    zone, now = ZoneInfo(name), now.replace(second=0, microsecond=0)

    def quiet(at: datetime) -> bool:
        clock = at.astimezone(zone).strftime("%H:%M")
        return start <= clock < end if start <= end else clock >= start or clock < end

    found = quiet_until(now, zone, start, end)
    if not quiet(now):
        assert found is None
        return
    minutes = next(n for n in range(1, 60 * 26) if not quiet(now + timedelta(minutes=n)))
    assert found == now + timedelta(minutes=minutes)
