"""The phone answers: steps follow the table of a moment's life; the database counts each once (tests/web/test_events.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.moment import NEXT, Step
from server.pipeline.respond import STEPS, Responded, respond, stepped
from server.store.events import AppEvent, EventType, Standing
from server.store.ids import new_id
from tests.builders import NOON
from tests.pipeline.town import Town, document, fix, street

MOMENT = UUID(int=1)
FRESH = Standing(MOMENT, Step.CREATED, NOON, NOON + timedelta(minutes=5), None, None, None, None)


def event(type_: EventType, after_s: float = 1) -> AppEvent:
    """An event some seconds after the moment was made."""
    return AppEvent(new_id(), MOMENT, type_, NOON + timedelta(seconds=after_s))


def test_each_step_leaves_its_time_and_implies_delivery() -> None:
    for type_, step in STEPS.items():
        after = stepped(FRESH, event(type_), NOON)  # type: ignore[arg-type]
        assert after.state is step
        assert after.delivered_at == NOON + timedelta(seconds=1)
        if type_ != "delivered":
            assert getattr(after, f"{type_}_at") == NOON + timedelta(seconds=1)


@given(st.sampled_from(list(Step)), st.sampled_from(list(STEPS)))
def test_a_step_is_taken_where_it_may_follow_and_nowhere_else(state: Step, type_: str) -> None:
    after = stepped(replace(FRESH, state=state), event(type_), NOON)  # type: ignore[arg-type]
    assert after.state is (STEPS[type_] if STEPS[type_] in NEXT[state] else state)


@given(st.permutations(["delivered", "opened", "clicked", "dismissed"]))
def test_events_out_of_order_end_where_those_in_order_do(types: list[EventType]) -> None:
    standing = FRESH
    for type_ in types:
        standing = stepped(standing, event(type_), NOON)
    assert standing.state is Step.DISMISSED
    assert None not in (standing.delivered_at, standing.opened_at, standing.clicked_at, standing.dismissed_at)


def test_the_first_time_of_a_step_stays() -> None:
    once = stepped(FRESH, event("opened", 5), NOON)
    assert stepped(once, event("opened", 9), NOON).opened_at == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(("late_s", "state"), [(299, Step.OPENED), (300, Step.CREATED)])
def test_what_was_not_delivered_in_time_is_over_and_what_happened_is_remembered(late_s: int, state: Step) -> None:
    after = stepped(FRESH, event("opened"), NOON + timedelta(seconds=late_s))
    assert after.state is state
    assert after.opened_at is not None


def test_a_phone_whose_clock_is_a_little_behind_saw_it_when_it_was_made() -> None:
    assert stepped(FRESH, event("delivered", -60), NOON).delivered_at == NOON


async def test_events_of_several_moments_are_carried_over_together(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "inside", "places": {"any": True}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        one, two = [(await process.ping(customer, fix())).moments[0] for _ in range(2)]
        now = await process.now()

        def told(moment: UUID, type_: EventType, at: datetime) -> AppEvent:
            return AppEvent(new_id(), moment, type_, at)

        events = [
            told(one.id, "dismissed", now + timedelta(seconds=2)),
            told(one.id, "delivered", now),
            told(two.id, "clicked", now),
            told(new_id(), "opened", now),
        ]
        async with process.pool.transaction() as db:
            responded = await respond(db, customer_id=customer, told=events, now=now)
    assert responded == Responded(3, 0, ((events[3].id, "unknown_moment"),))
    states = await town.rows("SELECT id, state FROM moments")
    assert {row["id"]: row["state"] for row in states} == {one.id: "dismissed", two.id: "clicked"}
