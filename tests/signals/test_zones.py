"""Zones of places whose zone everybody knows, and that every answer is a name the rules know."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Point
from server.signals.zones import zone_at


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (52.52, 13.405, "Europe/Berlin"),
        (52.663, -8.627, "Europe/Dublin"),
        (38.72, -9.14, "Europe/Lisbon"),
        (47.141, 9.521, "Europe/Vaduz"),
        (40.71, -74.0, "America/New_York"),
        (33.45, -112.07, "America/Phoenix"),
        (-16.5, 179.99, "Pacific/Fiji"),
        (27.7, 85.32, "Asia/Kathmandu"),
        (-33.86, 151.2, "Australia/Sydney"),
    ],
)
def test_a_town_is_in_its_zone(lat: float, lon: float, name: str) -> None:
    assert zone_at(Point(lat, lon)) == name


def test_on_the_high_sea_the_zone_is_that_of_the_ships() -> None:
    assert zone_at(Point(0.0, -30.0)) == "Etc/GMT+2"


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180))
@settings(max_examples=200, deadline=None)
def test_wherever_it_is_asked_the_answer_is_a_zone_that_zoneinfo_has(lat: float, lon: float) -> None:
    name = zone_at(Point(lat, lon))
    assert name is not None
    assert ZoneInfo(name).key == name


@pytest.mark.parametrize("point", [Point(90, 0), Point(-90, 0), Point(0, 180), Point(0, -180), Point(90, 180)])
def test_at_the_corners_of_the_map_there_is_a_zone_too(point: Point) -> None:
    assert zone_at(point) in available_timezones()
