"""From a ping to a Context: ages instead of clocks, fences of the fix and of the state, weather without waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from server.model.context import Used
from server.model.customer import Consents, Customer, LastFix, State, Stay
from server.model.place import Circle, Geofence, Point
from server.model.weather import Sky, Weather
from server.signals.assemble import (
    Reported,
    Spent,
    World,
    assemble,
    assemble_timer,
    fences_around,
    ping_of,
)
from server.signals.fences import FenceIndex
from tests.builders import CUSTOMER, NOON, TOWN, fence_id, off, place, store_id

PING = UUID(int=7)
KIM = Customer(CUSTOMER, Consents(location=True))
RAIN = Weather(Sky(NOON, "rain"))


def reported(captured_at: datetime, **more: object) -> Reported:
    """Report a fix in the middle of the town."""
    return Reported(PING, captured_at, TOWN, 8.0, **more)  # type: ignore[arg-type]


def world(*at: Point, weather: Weather | None = RAIN, quiet: frozenset[int] = frozenset()) -> World:
    """A world with stores of 100 m radius, numbered from 1; those in `quiet` matter to no offer."""
    known = {fence_id(n): place(n, at=point) for n, point in enumerate(at, 1)}
    index = FenceIndex.build(Geofence(each, "F", Circle(known[each].point, 100.0)) for each in known)
    silent = {fence_id(n) for n in quiet}
    return World(index, known, lambda point, now: weather, lambda fence: fence not in silent)


@given(st.integers(-400 * 86_400, 400 * 86_400), st.integers(0, 86_400))
def test_event_time_is_received_minus_the_age_whatever_the_phones_clock_shows(shift_s: int, age_s: int) -> None:
    sent = NOON + timedelta(seconds=shift_s)
    ping = ping_of(reported(sent - timedelta(seconds=age_s)), sent_at=sent, received=NOON)
    assert ping.fix.at == NOON - timedelta(seconds=age_s)
    assert ("skew" in ping.flags) == (abs(shift_s) > 120)
    assert ("ahead" in ping.flags) == (shift_s - age_s > 120)
    assert "sent_before_captured" not in ping.flags


def test_a_fix_captured_after_its_sending_is_from_now_and_flagged() -> None:
    ping = ping_of(reported(NOON + timedelta(seconds=1)), sent_at=NOON, received=NOON)
    assert (ping.fix.at, ping.flags) == (NOON, {"sent_before_captured"})


@pytest.mark.parametrize(("edge", "flagged"), [(120, False), (121, True), (-120, False), (-121, True)])
def test_two_minutes_are_still_no_skew(edge: int, flagged: bool) -> None:
    sent = NOON + timedelta(seconds=edge)
    assert ("skew" in ping_of(reported(sent), sent_at=sent, received=NOON).flags) is flagged


def test_the_ends_of_the_calendar_overflow_nothing() -> None:
    first, last = NOON.replace(year=1, month=1, day=1), NOON.replace(year=9999, month=12, day=31)
    old = ping_of(reported(first), sent_at=last, received=NOON)
    assert NOON - old.fix.at > timedelta(days=3000)
    assert ping_of(reported(last), sent_at=first, received=NOON).fix.at == NOON


@pytest.mark.parametrize(("told", "known"), [(-1.0, None), (None, None), (0.0, 0.0), (3.5, 3.5)])
def test_a_negative_speed_is_unknown(told: float | None, known: float | None) -> None:
    assert ping_of(reported(NOON, speed_mps=told), sent_at=NOON, received=NOON).fix.speed_mps == known


def test_a_context_has_the_fences_around_and_those_of_the_state_however_far() -> None:
    here = world(TOWN, off(150), off(90_000))
    stay = Stay(fence_id(3), 0.7, NOON, NOON, NOON)
    ping = ping_of(reported(NOON), sent_at=NOON, received=NOON)
    near = fences_around(TOWN, reach_m=80, fences=here.fences)
    context = assemble(ping, customer=KIM, state=State(stays=(stay,)), received=NOON, near=near, world=here)
    assert [hit.id for hit in context.hits] == [fence_id(1), fence_id(2), fence_id(3)]
    far = here.places[fence_id(3)].point
    assert context.hits[2].edge_m == pytest.approx(geodesic(tuple(TOWN), tuple(far)).m - 100, abs=0.01)
    assert context.hits[0].edge_m == pytest.approx(-100, abs=0.01)


def test_a_stay_in_a_fence_that_is_gone_is_no_hit() -> None:
    here = world(TOWN)
    stay = Stay(fence_id(9), 0.7, NOON, NOON, NOON)
    ping = ping_of(reported(NOON), sent_at=NOON, received=NOON)
    context = assemble(ping, customer=KIM, state=State(stays=(stay,)), received=NOON, near=[], world=here)
    assert context.hits == ()


def test_weather_is_looked_up_for_places_that_offers_ask_about_and_unknown_stays_unknown() -> None:
    ping = ping_of(reported(NOON), sent_at=NOON, received=NOON)
    for here, known in (
        (world(TOWN, off(50), quiet=frozenset({2})), {store_id(1): RAIN}),
        (world(TOWN, weather=None), {}),
    ):
        near = fences_around(TOWN, reach_m=200, fences=here.fences)
        context = assemble(ping, customer=KIM, state=State(), received=NOON, near=near, world=here)
        assert context.weather == known


def test_what_the_phone_and_the_budgets_say_is_handed_on() -> None:
    ping = ping_of(reported(NOON, mock=True), sent_at=NOON + timedelta(hours=1), received=NOON)
    spent = Spent({PING: Used(3, 7)}, {(PING, CUSTOMER): 2}, frozenset({CUSTOMER}))
    context = assemble(
        ping,
        customer=KIM,
        state=State(),
        received=NOON,
        near=[],
        world=world(TOWN),
        spent=spent,
        foreground=True,
        app_zone="Asia/Tokyo",
    )
    assert (context.used, context.used_at, context.exhausted) == spent
    assert (context.foreground, context.app_zone, context.fix_zone) == (True, "Asia/Tokyo", "Europe/Berlin")
    assert context.flags == {"skew"}
    assert context.fix is not None
    assert context.fix.mock


def test_a_timer_is_judged_at_the_instant_it_was_set_for_with_the_sky_over_the_stays() -> None:
    here = world(TOWN, off(5_000))
    stay = Stay(fence_id(1), 0.7, NOON, NOON, NOON)
    state = State(stays=(stay,), last_fix=LastFix(TOWN, 8, NOON, "Europe/Berlin"))
    due, now = NOON + timedelta(minutes=2), NOON + timedelta(minutes=2, seconds=3)
    context = assemble_timer(
        customer=KIM, state=state, now=now, due=due, world=here, spent=Spent({}, {}), foreground=False
    )
    assert (context.cause.type, context.at, context.received, context.fix) == ("dwell_timer", due, now, None)
    assert [hit.id for hit in context.hits] == [fence_id(1)]
    assert context.weather == {store_id(1): RAIN}
    assert context.fix_zone == "Europe/Berlin"
    nowhere = assemble_timer(
        customer=KIM, state=State(stays=(stay,)), now=now, due=due, world=here, spent=Spent({}, {}), foreground=False
    )
    assert nowhere.hits == ()
