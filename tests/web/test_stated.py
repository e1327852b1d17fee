"""The stated context: what is left out is what nobody knows, what could not be is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.model.context import Cause, Used
from server.model.customer import Consents, Happened
from server.model.place import Point
from server.pipeline.rehearse import Stated
from server.web.codec import convert
from server.web.stated import DryRun, read_stated

AT = "2026-11-03T08:00:00Z"
FIX = {"lat": 52.52, "lon": 13.4, "accuracy_m": 9}
EIGHT = datetime(2026, 11, 3, 8, tzinfo=UTC)


def stated(**context: Any) -> Stated:
    return read_stated(convert({"at": AT, "fix": FIX} | context, DryRun))


def fields(**context: Any) -> list[str]:
    with pytest.raises(Invalid) as refused:
        stated(**context)
    return [each.field for each in refused.value.errors]


def test_everything_but_the_instant_and_the_fix_may_be_left_out() -> None:
    said = stated()
    assert said.at == EIGHT
    assert said.report is not None
    assert (said.report.point, said.report.captured_at, said.report.mock) == (Point(52.52, 13.4), EIGHT, False)
    assert (said.cause, said.inside, said.last_fix, said.held_fix, said.weather) == (None, (), None, None, None)
    assert (said.used, said.told, said.foreground) == (Used(), (), False)
    assert said.customer.consents == Consents(True, True, True)
    assert (said.customer.zone, said.customer.segments, said.customer.events) == (None, frozenset(), ())


def test_times_of_every_offset_are_told_in_utc() -> None:
    said = stated(at="2026-11-03T09:00:00+01:00", fix=FIX | {"captured_at": "2026-11-03T02:59:30-05:00"})
    assert said.at == EIGHT
    assert said.report is not None
    assert said.report.captured_at == datetime(2026, 11, 3, 7, 59, 30, tzinfo=UTC)
    assert said.at.tzinfo is UTC


def test_consents_that_are_not_said_are_given() -> None:
    assert stated(customer={"consents": {"push": False}}).customer.consents == Consents(True, False, True)


def test_the_past_is_told_newest_first_redemptions_among_it() -> None:
    past = stated(
        customer={
            "events": [
                {"name": "purchase", "at": "2026-11-01T08:00:00Z"},
                {"name": "sign-up", "at": "2026-10-01T08:00:00Z"},
            ],
            "redemptions": [{"offer": "coffee", "at": "2026-10-20T08:00:00Z"}],
        }
    ).customer.events
    assert [(each.name, each.offer) for each in past] == [
        ("purchase", None),
        ("redemption", "coffee"),
        ("sign-up", None),
    ]
    assert isinstance(past[0], Happened)


def test_the_forecast_is_sorted_and_the_observation_is_of_now_if_not_said() -> None:
    ahead = [{"at": "2026-11-03T11:00:00Z", "kind": "snow"}, {"at": "2026-11-03T09:00:00Z", "kind": "rain"}]
    weather = stated(weather={"kind": "clear", "humidity": 80, "ahead": ahead}).weather
    assert weather is not None
    assert (weather.now.at, weather.now.kind, weather.now.humidity, weather.now.uv) == (EIGHT, "clear", 80, None)
    assert [sky.kind for sky in weather.ahead] == ["rain", "snow"]


def test_earlier_fixes_carry_their_time_by_either_name() -> None:
    for name in ("at", "captured_at"):
        said = stated(before={"last_fix": FIX | {name: AT}, "held_fix": FIX | {name: AT}})
        assert said.last_fix is not None
        assert said.held_fix is not None
        assert said.last_fix.at == said.held_fix.at == EIGHT
    assert fields(before={"held_fix": FIX}) == ["before.held_fix.at"]
    assert fields(before={"held_fix": FIX | {"at": AT, "captured_at": AT}}) == ["before.held_fix.at"]


def test_a_held_fix_is_never_a_mocked_one() -> None:
    assert fields(before={"held_fix": FIX | {"at": AT, "mock": True}}) == ["before.held_fix.mock"]


def test_a_trigger_stands_for_a_fix() -> None:
    assert stated(fix=None, trigger={"type": "event", "name": "purchase"}).cause == Cause("event", "purchase")
    assert stated(fix=None, trigger={"type": "schedule"}).cause == Cause("schedule")
    assert fields(fix=None) == ["fix"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = fields(
        at="1970-01-01T00:00:00Z",
        weather={"temperature_c": 900, "ahead": [{"at": "3000-01-01T00:00:00Z"}]},
        customer={"time_zone": "Mars/Olympus", "moments": [{"offer": "x", "at": "1901-01-01T00:00:00Z"}]},
    )
    assert told == [
        "at",
        "weather.ahead[0].at",
        "customer.moments[0].at",
        "weather.temperature_c",
        "customer.time_zone",
    ]


@pytest.mark.parametrize(
    "context",
    [
        {"at": None},
        {"fix": {"lat": 52, "lon": 13}},
        {"fix": FIX | {"lon": -180.1}},
        {"fix": FIX | {"speed_mps": -1}},
        {"before": {"inside": [{"geofence_id": "shop", "since": AT}]}},
        {"before": {"inside": "shop"}},
        {"weather": {"ahead": [{"kind": "rain"}]}},
        {"customer": {"segments": [""]}},
        {"customer": {"consents": {"marketing": True}}},
        {"customer": {"moments": [{"offer": "x", "at": AT, "pressure": "service"}]}},
        {"used": {"units": 1.5}},
        {"customer": {"events": [{"name": "x", "at": AT}] * 1001}},
    ],
)
def test_what_has_the_wrong_shape_is_refused(context: dict[str, Any]) -> None:
    assert len(fields(**context)) == 1


instants = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat())
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | instants
)
parts = st.sampled_from(
    ["at", "fix", "before", "weather", "trigger", "used", "customer", "lat", "lon", "accuracy_m", "captured_at", "inside",
     "last_fix", "kind", "ahead", "units", "moments", "events", "id", "time_zone", "name", "since", "geofence_id"]
)  # fmt: skip
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(parts, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(parts, anything, max_size=5), st.just(UUID(int=1)))
def test_nothing_that_json_can_say_does_more_than_be_read_or_refused(extra: dict[str, Any], someone: UUID) -> None:
    body = msgspec.json.decode(msgspec.json.encode({"at": AT, "fix": FIX, "customer": {"id": str(someone)}} | extra))
    told: Stated | Invalid
    try:
        told = read_stated(convert(body, DryRun))
    except Invalid as refused:
        told = refused
    assert isinstance(told, Stated) or all(each.field and each.message for each in told.errors)
