"""Who reads a preview is taken as stated, and refused by its field where that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.errors import Invalid
from server.model.weather import Sky, Weather
from server.web.preview_reader import ReaderBody, check, made_up, place_of, weather_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def read(**body: Any) -> ReaderBody:
    return msgspec.convert(body, ReaderBody)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, []),
        ({"at": "1980-01-01T00:00:00Z", "weather": {"temperature_c": 6}, "customer": {"time_zone": "Asia/Tokyo"}}, []),
        ({"at": "1979-12-31T23:59:59Z"}, ["at"]),
        ({"at": "2100-01-01T00:00:00Z"}, ["at"]),
        (
            {"weather": {"temperature_c": 900}, "customer": {"time_zone": "Mars/Base"}},
            ["weather.temperature_c", "customer.time_zone"],
        ),
    ],
)
def test_everything_that_cannot_be_is_named_at_once(body: dict[str, Any], fields: list[str]) -> None:
    found = []
    try:
        check(read(**body))
    except Invalid as refused:
        found = [each.field for each in refused.errors]
    assert found == fields


def test_nothing_is_known_of_who_is_made_up_but_what_is_said() -> None:
    made = made_up(read(customer={"attributes": {"first_name": "Kim"}, "time_zone": "Europe/Berlin"}))
    assert (made.attributes, made.zone) == ({"first_name": "Kim"}, "Europe/Berlin")
    assert (made.consents.location, made.consents.push, made.consents.profiling) == (False, False, False)
    assert weather_of(read(), NOON) is None
    said = weather_of(read(weather={"kind": "drizzle"}), NOON)
    assert said == Weather(Sky(at=NOON, kind="drizzle", temperature_c=None))


def test_a_place_is_one_that_is_there_or_none() -> None:
    assert place_of(None, {}) is None
    with pytest.raises(Invalid) as refused:
        place_of(UUID(int=1), {})
    assert [each.field for each in refused.value.errors] == ["place_id"]
