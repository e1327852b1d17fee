"""The sun's height, against the Astronomical Almanac's low-precision formulae: by sidereal time, not by an equation of time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import asin, atan2, cos, degrees, radians, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.decision.sun import HORIZON_DEG, is_up, sun_height
from server.model.place import Point

TROMSO = Point(69.6492, 18.9553)
LONGYEARBYEN = Point(78.2232, 15.6267)
QUITO = Point(-0.1807, -78.4678)
APIA = Point(-13.8333, -171.7667)
BERLIN = Point(52.52, 13.405)
USHUAIA = Point(-54.8019, -68.303)
ALERT = Point(82.5018, -62.3481)
SUVA = Point(-18.1416, 178.4419)
PLACES = (TROMSO, LONGYEARBYEN, QUITO, APIA, BERLIN, USHUAIA, ALERT, SUVA)
DAYS = (
    date(2026, 3, 20),
    date(2026, 6, 21),
    date(2026, 9, 23),
    date(2026, 12, 21),
    date(2027, 2, 15),
    date(2026, 10, 26),
)
NEAR = 0.03
"""Degrees by which the two may differ: both are good to about a hundredth."""


def almanac_height(point: Point, at: datetime) -> float:
    """The sun's height by the Astronomical Almanac, page C5: ecliptic longitude, right ascension, sidereal time."""
    days = (at - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=1)
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    tilt = radians(23.439 - 0.0000004 * days)
    ascension = atan2(cos(tilt) * sin(longitude), cos(longitude))
    declination = asin(sin(tilt) * sin(longitude))
    sidereal = radians((18.697374558 + 24.06570982441908 * days) % 24 * 15 + point.lon)
    north = radians(point.lat)
    return degrees(asin(sin(north) * sin(declination) + cos(north) * cos(declination) * cos(sidereal - ascension)))


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize(
    "place", PLACES, ids=["tromso", "longyearbyen", "quito", "apia", "berlin", "ushuaia", "alert", "suva"]
)
def test_the_height_is_the_almanacs_and_so_is_day_or_night_every_ten_minutes(place: Point, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for minutes in range(0, 24 * 60, 10):
        at = start + timedelta(minutes=minutes)
        ours, theirs = sun_height(place, at), almanac_height(place, at)
        assert ours == pytest.approx(theirs, abs=NEAR)
        if abs(theirs - HORIZON_DEG) > NEAR:
            assert is_up(ours) == (theirs > HORIZON_DEG)


@pytest.mark.parametrize(
    ("place", "day", "up"),
    [
        (LONGYEARBYEN, date(2026, 6, 21), True),
        (LONGYEARBYEN, date(2026, 4, 22), True),
        (LONGYEARBYEN, date(2026, 12, 21), False),
        (LONGYEARBYEN, date(2026, 2, 12), False),
        (TROMSO, date(2026, 5, 22), True),
        (TROMSO, date(2026, 7, 20), True),
        (TROMSO, date(2026, 12, 1), False),
        (TROMSO, date(2027, 1, 12), False),
        (Point(90.0, 0.0), date(2026, 6, 21), True),
        (Point(-90.0, 0.0), date(2026, 6, 21), False),
    ],
)
def test_a_polar_day_has_no_night_and_a_polar_night_no_day(place: Point, day: date, up: bool) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert {is_up(sun_height(place, start + timedelta(minutes=m))) for m in range(0, 1440, 15)} == {up}


@pytest.mark.parametrize(
    ("place", "rises", "sets"),  # to the minute, as almanacs print them
    [
        (BERLIN, datetime(2026, 6, 21, 2, 43, tzinfo=UTC), datetime(2026, 6, 21, 19, 33, tzinfo=UTC)),
        (BERLIN, datetime(2026, 12, 21, 7, 15, tzinfo=UTC), datetime(2026, 12, 21, 14, 54, tzinfo=UTC)),
    ],
)
def test_berlins_solstices_begin_and_end_as_almanacs_print_them(place: Point, rises: datetime, sets: datetime) -> None:
    edge = timedelta(minutes=2)
    assert [is_up(sun_height(place, rises + by)) for by in (-edge, edge)] == [False, True]
    assert [is_up(sun_height(place, sets + by)) for by in (-edge, edge)] == [True, False]


@given(
    lat=st.floats(-89.8, 89.8),
    lon=st.floats(-180, 180),
    at=st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(max_examples=150, deadline=None)
def test_anywhere_and_at_any_time_the_two_agree(lat: float, lon: float, at: datetime) -> None:
    assert sun_height(Point(lat, lon), at) == pytest.approx(almanac_height(Point(lat, lon), at), abs=2 * NEAR)


def test_an_instant_is_the_same_in_every_zone() -> None:
    at = datetime(2026, 6, 21, 3, 0, tzinfo=UTC)
    there = at.astimezone(datetime.fromisoformat("2026-06-21T00:00:00+13:00").tzinfo)
    sun_height.cache_clear()
    first = sun_height(APIA, there)
    sun_height.cache_clear()
    assert first == sun_height(APIA, at)
