"""One past after another, decided again by hand-made facts: timers, other messages, moments nobody saw, quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.decision.ruleset import Ruleset
from server.model.customer import Shown, State
from server.model.ids import moment_id
from server.model.offer import Offer
from server.pipeline.grants import Grants
from server.pipeline.recall import Ground
from server.pipeline.replay import Outcome, Person, Replay
from server.pipeline.tally import Tally
from server.pipeline.traces import Beside, Trace
from server.signals.fences import FenceIndex
from server.store.past import Granted, PastMoment, PastPing
from tests.builders import CUSTOMER, NOON, a_day, after, customer, fence_id, offer, offer_id, ruleset

INSIDE = [Beside(fence_id(1), 100)]


def ping(at: float = 0, *, number: int = 1, received: float | None = None, who: int = 0, **trace: Any) -> PastPing:
    """A fix inside the shop, so many seconds after noon."""
    fences = trace.pop("fences", INSIDE)
    told = msgspec.json.encode(Trace(fences, foreground=trace.pop("foreground", True), **trace)).decode()
    came = after(at if received is None else received)
    person = UUID(int=CUSTOMER.int + 1024 * who)
    return PastPing(came, person, after(at), UUID(int=number), "52.52,13.40", None, told)


def run(
    offers: Sequence[Offer],
    groups: Sequence[Sequence[PastPing]],
    *,
    start: datetime = NOON,
    happened: Sequence[Shown] = (),
    gave: Sequence[Granted] = (),
    rules: Ruleset | None = None,
    **person: Any,
) -> tuple[list[Outcome], dict[str, Any]]:
    """Replay the first of the offers over some facts of one or several customers."""
    rules = rules or ruleset(*offers)
    told: list[Outcome] = []
    tally = Tally(value=None, min_group=1)
    replay = Replay(
        Ground(rules, live=rules, fences=FenceIndex.build(())),
        draft=offers[0].id,
        start=start,
        grants=Grants(rules.offers, rules.programme),
        tally=tally,
        told=told.append,
    )
    replay.gave(gave)
    for who in {each.customer_id for group in groups for each in group}:
        state = person.get("state", State())
        replay.meet(Person(customer(id=who), state, person.get("fates", {})), happened)
    for group in groups:
        replay.feed(group)
    replay.finish(after(days=1))
    return told, tally.result({each.id: each.name for each in rules.offers})


DWELL = offer(1, trigger="dwell", dwell=timedelta(seconds=120))


def test_a_dwell_timer_rings_when_it_was_due_also_where_no_fix_followed() -> None:
    told, _ = run([DWELL], [[ping()]])
    assert [each.at for each in told] == [after(120)]


def test_a_timer_that_a_fix_forestalled_leaves_the_moment_to_the_fix() -> None:
    late = [ping(), ping(121, number=2, timer="missed")]
    told, _ = run([DWELL], [[each] for each in late])
    assert [(each.at, each.moment_id) for each in told] == [(after(121), moment_id(CUSTOMER, offer_id(1), UUID(int=2)))]
    rung, _ = run([DWELL], [[ping()], [ping(121, number=2)]])
    assert [each.at for each in rung] == [after(120)]


@pytest.mark.parametrize(("second", "at"), [(115, 121), (121, 121)])
def test_a_timer_that_rang_with_a_fix_is_decided_in_the_order_of_event_time(second: float, at: float) -> None:
    told, _ = run([DWELL], [[ping()], [ping(second, number=2, received=121, timer="with")]])
    assert [each.at for each in told] == [after(at)]
    assert told[0].moment_id != moment_id(CUSTOMER, offer_id(1), UUID(int=2)), "the timer made it"


def test_messages_from_elsewhere_fill_the_caps_when_they_came() -> None:
    capped = ruleset(offer(1, trigger="inside"), per_day=2)
    fixes = [[ping(60 * n, number=n)] for n in range(1, 5)]
    free, _ = run([offer(1, trigger="inside")], fixes, rules=capped)
    assert [each.at for each in free] == [after(60), after(120)]
    told, result = run(
        [offer(1, trigger="inside")], fixes, rules=capped, happened=[Shown(after(90), None, "marketing")]
    )
    assert [each.at for each in told] == [after(60)]
    assert result["gates"] == {"cap": 3}


def test_a_moment_that_nobody_saw_counts_until_it_ended_and_no_longer() -> None:
    once = offer(1, trigger="inside", caps=[a_day(1)], units=1)
    made = moment_id(CUSTOMER, once.id, UUID(int=1))
    fate = PastMoment(CUSTOMER, made, once.id, "marketing", after(60), False, after(150), True)
    fixes = [[ping(60 * n, number=n)] for n in range(1, 5)]
    told, result = run([once], fixes, fates={made: fate})
    assert [each.at for each in told] == [after(60), after(180)]
    seen, _ = run([once], fixes, fates={made: fate._replace(unseen=False)})
    assert [each.at for each in seen] == [after(60)], "its unit came back, and the cap stays"
    assert (result["moments"], result["gates"]) == (2, {"cap": 2})


def test_what_was_given_away_before_counts_and_comes_back_when_it_did() -> None:
    one = offer(1, trigger="inside", units=1)
    given = Granted(one.id, None, after(-3600), 0, after(100))
    told, _ = run([one], [[ping(60 * n, number=n)] for n in range(1, 4)], gave=[given])
    assert [each.at for each in told] == [after(120)]


def test_before_the_period_states_move_and_nothing_is_told_or_counted() -> None:
    enter = offer(1, trigger="enter", caps=[a_day(5)])
    fixes = [[ping(-60, number=1)], [ping(0, number=2)]]
    told, result = run([enter], fixes)
    assert told == []
    assert (result["moments"], result["gates"], result["pings"]) == (0, {"trigger": 1}, 1)
    told, _ = run([enter], fixes, start=after(-60))
    assert [each.at for each in told] == [after(-60)]


def test_the_stronger_of_two_offers_displaces_the_other_and_customers_share_one_budget() -> None:
    strong, weak = offer(1, trigger="inside", priority=9, units=1), offer(2, trigger="inside", priority=1)
    told, result = run([strong, weak], [[ping(0)], [ping(1, who=1)]])
    assert [(each.offer_id, each.customer_id == CUSTOMER) for each in told] == [(strong.id, True), (weak.id, False)]
    assert result["displaced"] == [{"offer": "offer-2", "moments": 1}]
    assert result["gates"] == {"budget": 1}


def test_a_push_at_night_is_asked_for_again_in_the_morning() -> None:
    patient = offer(1, trigger="inside", deliver_by=timedelta(minutes=5), caps=[a_day(1)])
    rules = ruleset(patient, quiet_from="10:00", quiet_to="12:03")
    fixes = [[ping(0, foreground=False)], [ping(60, number=2, foreground=False)]]
    told, result = run([patient], fixes, rules=rules)
    assert [each.at for each in told] == [after(180)], "once, though two fixes were held"
    assert result["gates"]["quiet_hours"] == 2


def test_a_fence_that_is_gone_is_nowhere_and_one_that_was_left_unseen_is_left() -> None:
    gone, _ = run([offer(1, trigger="inside")], [[ping(fences=[Beside(fence_id(99), 100)])]])
    assert gone == []
    leaver = offer(1, trigger="exit")
    away = [Beside(fence_id(99), 0, "beyond")]
    told, _ = run([leaver], [[ping()], [ping(60, number=2, fences=away)], [ping(90, number=3, fences=away)]])
    assert [each.at for each in told] == [after(90)]
