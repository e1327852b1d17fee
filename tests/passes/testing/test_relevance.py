"""Where and when a pass comes up, broken in one way at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from passes.testing import check
from passes.testing.relevance import check_relevance
from tests.passes.samples import NOW, edited, template, ticket

Document = dict[str, Any]

BROKEN: dict[str, tuple[str, Callable[[Document], Any]]] = {
    "locations as an object": ("locations.form", lambda d: d.update(locations={})),
    "a location as a pair": ("locations.form", lambda d: d.update(locations=[[48.4, 10.0]])),
    "eleven locations": ("locations.many", lambda d: d.update(locations=d["locations"] * 11)),
    "a latitude as a text": ("location.latitude", lambda d: d["locations"][0].update(latitude="48.4")),
    "no longitude": ("location.longitude", lambda d: d["locations"][0].pop("longitude")),
    "a latitude of 91": ("location.range", lambda d: d["locations"][0].update(latitude=91)),
    "an altitude of true": ("location.altitude", lambda d: d["locations"][0].update(altitude=True)),
    "a relevant text of a number": ("relevant_text", lambda d: d["locations"][0].update(relevantText=1)),
    "beacons as a text": ("beacons.form", lambda d: d.update(beacons="x")),
    "eleven beacons": (
        "beacons.many",
        lambda d: d.update(beacons=[{"proximityUUID": f"{n:08x}-0000-4000-8000-000000000000"} for n in range(11)]),
    ),
    "a beacon without a UUID": ("beacon.uuid", lambda d: d["beacons"][0].pop("proximityUUID")),
    "a beacon with another UUID": ("beacon.uuid", lambda d: d["beacons"][0].update(proximityUUID="f8f589e9")),
    "a major of 65536": ("beacon.number", lambda d: d["beacons"][0].update(major=65536)),
    "a minor of a text": ("beacon.number", lambda d: d["beacons"][0].update(minor="2")),
    "a distance below nought": ("max_distance", lambda d: d.update(maxDistance=-1)),
    "a coupon with a date": ("date.style", lambda d: d.update(relevantDate="2026-03-02T11:00Z")),
}
BROKEN_TICKET: dict[str, tuple[str, Callable[[Document], Any]]] = {
    "dates as a text": ("relevantDates.form", lambda d: d.update(relevantDates="2026-03-02T11:00Z")),
    "a moment without a date": ("moment.form", lambda d: d.update(relevantDates=[{"startDate": "2026-03-02T11:00Z"}])),
    "an interval of 25 hours": (
        "moment.interval",
        lambda d: d.update(relevantDates=[{"startDate": "2026-03-02T11:00Z", "endDate": "2026-03-03T12:00Z"}]),
    ),
    "an interval that runs backwards": (
        "moment.interval",
        lambda d: d.update(relevantDates=[{"startDate": "2026-03-02T11:00Z", "endDate": "2026-03-02T11:00+01:00"}]),
    ),
    "a moment with milliseconds": (
        "date.fraction",
        lambda d: d.update(relevantDates=[{"date": "2026-03-02T11:00:00.5Z"}]),
    ),
    "a moment by two names, one of them without a zone": (
        "date.zone",
        lambda d: d.update(relevantDates=[{"relevantDate": "2026-03-02T11:00Z", "date": "2026-03-02T11:00"}]),
    ),
    "the old date without a zone": ("date.zone", lambda d: d.update(relevantDate="2026-03-02T11:00")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_relevance_is_refused_by_its_own_code_alone(name: str) -> None:
    code, change = BROKEN[name]
    assert {finding.code for finding in check(edited(change))} == {code}


@pytest.mark.parametrize("name", BROKEN_TICKET)
def test_a_broken_date_is_refused_by_its_own_code_alone(name: str) -> None:
    code, change = BROKEN_TICKET[name]
    pkpass = edited(change, template().build(ticket(), signed_at=NOW))
    assert {finding.code for finding in check(pkpass)} == {code}


def test_ten_locations_and_ten_beacons_are_taken() -> None:
    beacons = [{"proximityUUID": f"{n:08x}-0000-4000-8000-000000000000"} for n in range(10)]
    places = [{"latitude": -90, "longitude": 180.0, "altitude": 478}] * 10
    assert check_relevance({"locations": places, "beacons": beacons + beacons, "maxDistance": 0.5}) == []


def test_both_names_of_a_moment_are_taken() -> None:
    dates = [{"date": "2026-03-02T11:00Z"}, {"relevantDate": "2026-03-02T11:00:00+01:00"}]
    assert check_relevance({"eventTicket": {}, "relevantDates": dates}) == []
