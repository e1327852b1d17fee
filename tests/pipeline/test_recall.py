"""A fix of the past as a Context: what was recorded, in its order, with the weather that was cited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.decision.ruleset import Ruleset
from server.decision.trust import distance_m
from server.model.context import Believed, Context, Recorded
from server.model.customer import State, Stay
from server.model.place import Circle, Geofence
from server.model.weather import Sky, Weather
from server.pipeline.recall import Ground, point_of, recall
from server.pipeline.skies import reading_of
from server.pipeline.traces import Beside, Trace
from server.signals.fences import FenceIndex
from server.store.past import PastPing
from tests.builders import CUSTOMER, NOON, customer, fence_id, off, offer, place, ruleset

CELL = "52.52,13.40"
MIDDLE = point_of(CELL)


def ground(*offers: Any, live: Ruleset | None = None, places: Any = None) -> Ground:
    """The rules with an offer that is tried; `live` those without it."""
    shops = places or [place(n, at=off(1000 * n, 0, of=MIDDLE)) for n in (1, 2, 3)]
    rules = ruleset(*offers, places=shops)
    index = FenceIndex.build(Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m)) for each in shops)
    return Ground(rules, live=live or ruleset(places=shops), fences=index)


def recalled(trace: Trace, on: Ground, *, reason: str | None = None, state: State = State()) -> Context:  # noqa: B008
    ping = PastPing(NOON, CUSTOMER, NOON, UUID(int=1), CELL, reason, "")
    return recall(ping, trace, customer=customer(), state=state, ground=on, used={})


def test_what_was_recorded_stands_in_its_order() -> None:
    trace = Trace([Beside(fence_id(3), 71), Beside(fence_id(1), 0, "beyond", coarse=True), Beside(fence_id(9), 100)])
    hits = recalled(trace, ground(offer())).hits
    assert [each.id for each in hits] == [fence_id(3), fence_id(1)], "a fence that is gone is nowhere"
    assert [each.recorded for each in hits] == [Recorded(0.71, False, True, False), Recorded(0.0, True, False, True)]
    assert hits[0].center_m < hits[1].center_m < 1


def test_weather_is_that_which_was_cited_as_old_as_it_was() -> None:
    rain = Weather(Sky(NOON - timedelta(minutes=50), "rain", 4.0), (Sky(NOON + timedelta(hours=1), "snow"),))
    on = ground(offer())
    on.readings = {"a": msgspec.json.decode(msgspec.json.encode(reading_of(rain)))}
    trace = Trace(
        [
            Beside(fence_id(1), sky="a", sky_age_ms=3_000_000),
            Beside(fence_id(2)),
            Beside(fence_id(3), sky="", sky_age_ms=0),
        ]
    )
    weather = recalled(trace, on).weather
    assert set(weather.values()) == {rain}
    assert len(weather) == 2
    assert recalled(Trace([Beside(fence_id(1), sky="gone")]), on).weather == {}


@pytest.mark.parametrize(
    ("reason", "mock", "believed"),
    [
        (None, False, Believed()),
        ("skew", False, Believed()),
        ("out_of_order", False, Believed(late=True)),
        ("mock", True, Believed(doubts=("mock",))),
        ("teleport", False, Believed(doubts=("teleport",))),
        ("teleport", True, Believed(doubts=("mock", "teleport"))),
    ],
)
def test_what_was_not_believed_then_is_not_believed_now(reason: str | None, mock: bool, believed: Believed) -> None:
    context = recalled(Trace([Beside(fence_id(1))], mock=mock, coarse=mock, clock=True), ground(offer()), reason=reason)
    assert context.believed == believed
    assert context.fix is not None
    assert (context.fix.mock, context.fix.accuracy_m > 200, context.flags) == (mock, mock, {"sent_before_captured"})


def test_the_zone_is_that_of_the_nearest_place_unless_another_was_written_down() -> None:
    on = ground(offer())
    assert recalled(Trace([Beside(fence_id(1))]), on).fix_zone == "Europe/Berlin"
    assert recalled(Trace([Beside(fence_id(1))], zone="Europe/Warsaw"), on).fix_zone == "Europe/Warsaw"


def test_a_stay_that_only_the_draft_knows_ends_where_its_fence_was_not_near() -> None:
    state = State((Stay(fence_id(2), 0.3, NOON, NOON, NOON),))
    hits = recalled(Trace([Beside(fence_id(1), 100)]), ground(offer()), state=state).hits
    assert [(each.id, each.recorded and each.recorded.outside) for each in hits] == [
        (fence_id(1), False),
        (fence_id(2), True),
    ]


def test_nearness_that_live_offers_asked_for_is_what_was_recorded_and_else_the_cells() -> None:
    """The shops are 1, 2 and 3 km from the middle of the cell."""
    asked = offer(1, trigger="near", within_m=2500)
    drafted = ground(asked)
    hits = {each.id: each for each in recalled(Trace([Beside(fence_id(1), 0, "beyond")]), drafted).hits}
    assert {fence for fence, hit in hits.items() if hit.center_m <= 2500} == {fence_id(1), fence_id(2)}
    for number, hit in ((1, hits[fence_id(1)]), (2, hits[fence_id(2)])):
        assert hit.center_m == pytest.approx(distance_m(MIDDLE, off(1000 * number, 0, of=MIDDLE)), abs=5)

    shops = [place(n, at=off(1000 * n, 0, of=MIDDLE)) for n in (1, 2, 3)]
    lived = ground(asked, live=ruleset(asked, places=shops), places=shops)
    said = [Beside(fence_id(3), 0, "beyond", holds_m=2500), Beside(fence_id(1), 0, "beyond", fails_m=2500)]
    hits = {each.id: each for each in recalled(Trace(said), lived).hits}
    assert {fence for fence, hit in hits.items() if hit.center_m <= 2500} == {fence_id(3)}
