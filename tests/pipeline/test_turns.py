"""A customer's turn: pure, in the order of event time, and the same when it is played again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.model.context import Used
from server.model.customer import Consents, Customer, LastFix, State, Stay
from server.model.offer import Period
from server.pipeline.batch import Batch
from server.pipeline.lanes import Ticket
from server.pipeline.turns import NO_FIGURES, Figures, Turn, budgeted_around, line_up, play, share_of
from server.signals.assemble import Reported
from server.store.arrivals import Known
from server.store.budgets import ROLLING, PlaceKey
from tests.builders import CUSTOMER, NOON, TOWN, fence_id, off, offer, place, store_id
from tests.pipeline.test_telling import snapshot

KIM = Customer(CUSTOMER, Consents(location=True), zone="Europe/Berlin")


def ticket(*ages_s: float, at: Any = TOWN, ids: tuple[int, ...] = (), **more: Any) -> Ticket:
    """A report with fixes of these ages."""
    fixes = tuple(
        Reported(UUID(int=ids[n] if ids else hash((age, n)) & 0xFFFF), NOON - timedelta(seconds=age), at, 8.0)
        for n, age in enumerate(ages_s)
    )
    future = asyncio.get_running_loop().create_future()
    return Ticket(Batch(CUSTOMER, NOON, fixes, **more), 0.0, future, NOON)


def turn(*tickets: Ticket, offers: Any = (), state: State = State(), places: Any = None, **known: Any) -> Turn:  # noqa: B008
    """A turn at noon in a town with one store."""
    rules = snapshot(*(places or [place()]), offers=tuple(offers))
    loaded = Known(KIM, state, 0, known.get("wake_at"), False, known.get("answered", {}))
    return Turn(loaded, list(tickets), rules, NOON, lambda point, now: None, listening=False)


async def test_fixes_of_several_reports_are_put_into_one_order() -> None:
    both = turn(ticket(30, 10), ticket(20, 40))
    line_up(both)
    assert [(NOON - step.at).total_seconds() for step in both.steps] == [40, 30, 20, 10]


async def test_repeats_within_and_before_the_group_are_sorted_out() -> None:
    first, again = ticket(10, 5, ids=(1, 2)), ticket(10, 1, ids=(1, 3))
    known = turn(first, again, answered={UUID(int=2): None})
    line_up(known)
    assert [step.ping.id.int for step in known.steps if step.ping] == [1, 3]
    assert {place: result.status for (owner, place), result in known.results.items() if owner is first} == {
        1: "duplicate"
    }
    assert [(owner is again, ping.int) for owner, ping in known.repeated] == [(False, 2), (True, 1)]


async def test_what_is_older_than_a_day_is_ignored() -> None:
    old = turn(ticket(86_401, 86_400))
    line_up(old)
    assert [result.reason for result in old.results.values()] == ["too_old"]
    assert len(old.steps) == 1


async def test_a_turn_played_twice_ends_the_same() -> None:
    one = turn(ticket(20, 10, 0), offers=[offer(trigger="inside")])
    line_up(one)
    play(one, NO_FIGURES)
    first = (one.state, [moment.id for moment in one.moments], one.wake_at)
    play(one, NO_FIGURES)
    assert (one.state, [moment.id for moment in one.moments], one.wake_at) == first
    assert len(one.moments) == 3
    assert len(one.state.shown) == 3


async def test_what_is_remembered_is_as_coarse_as_what_is_stored() -> None:
    one = turn(ticket(0, at=off(12.3, 45.6)))
    line_up(one)
    play(one, NO_FIGURES)
    assert one.state.last_fix is not None
    assert one.state.last_fix.point == (52.52, 13.406)


async def test_an_empty_budget_counts_from_the_step_at_which_it_was_found_empty() -> None:
    one = turn(ticket(20, 10, 0), offers=[offer(trigger="inside", units=5)])
    line_up(one)
    one.refused[offer().id] = 1
    play(one, NO_FIGURES)
    assert [step.moment is not None for step in one.steps] == [True, False, False]
    assert [number for number, _ in one.claims] == [0]


async def test_figures_stop_an_offer_that_is_used_up_before_anything_is_claimed() -> None:
    limited = offer(trigger="inside", units=5, place_units=2)
    for figures, told in (
        (Figures({limited.id: Used(4, 0)}, {}), 1),
        (Figures({limited.id: Used(5, 0)}, {}), 0),
        (Figures({limited.id: Used(4, 0)}, {PlaceKey(limited.id, store_id(1), "all"): 1}), 1),
        (Figures({limited.id: Used(4, 0)}, {PlaceKey(limited.id, store_id(1), "all"): 2}), 0),
    ):
        one = turn(ticket(0), offers=[limited])
        line_up(one)
        play(one, figures)
        assert len(one.moments) == told


async def test_budgets_are_looked_at_for_offers_of_the_fences_around_and_of_the_state() -> None:
    away = place(2, at=off(3_000))
    stay = Stay(fence_id(2), 0.7, NOON, NOON, NOON)
    here, there, free = offer(1, ids=[store_id(1)], units=1), offer(2, ids=[store_id(2)], units=1), offer(3)
    one = turn(ticket(0), offers=[here, there, free], places=[place(1), away], state=State(stays=(stay,)))
    line_up(one)
    assert {(each.id, where.id) for each, where in budgeted_around(one)} == {
        (here.id, store_id(1)),
        (there.id, store_id(2)),
    }


async def test_shares_of_places_are_named_by_their_period() -> None:
    one = turn(ticket(0))
    berlin = place(zone="Europe/Berlin")

    def share(period: Period | None) -> Any:
        limited = offer(place_units=1)

        return share_of(one, replace(limited, limits=replace(limited.limits, place_period=period)), berlin)

    assert share(None)[0].period == "all"
    assert share(Period(calendar="day", tz="place"))[0].period == "2026-11-02T23:00:00+00:00"
    assert share(Period(calendar="week", tz="place"))[0].period == "2026-11-01T23:00:00+00:00"
    rolling, since = share(Period(rolling=timedelta(hours=1)))
    assert rolling.period == ROLLING
    assert NOON - timedelta(hours=1) <= since <= NOON - timedelta(minutes=59)
    assert share_of(one, offer(), berlin) is None


async def test_a_timer_that_is_not_due_does_nothing() -> None:
    stay = Stay(fence_id(1), 0.7, NOON - timedelta(minutes=3), NOON - timedelta(minutes=1), NOON - timedelta(minutes=3))
    state = State(stays=(stay,), last_fix=LastFix(TOWN, 8, NOON - timedelta(minutes=1), None))
    dwell = offer(trigger="dwell", dwell=timedelta(minutes=3))
    for wake_at, told in ((None, 0), (NOON + timedelta(seconds=1), 0), (NOON, 1)):
        ring = ticket(timer=True)
        one = turn(ring, offers=[dwell], state=state, wake_at=wake_at)
        line_up(one)
        play(one, NO_FIGURES)
        assert len(one.moments) == told
