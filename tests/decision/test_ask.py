"""One offer through all gates: which one speaks, at which place, and the truth on the receipt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.decision.ask import ask, ask_on, open_case, stopped
from server.decision.decide import decide
from server.decision.finding import Finding, Gate, Truth
from server.decision.presence import Moved, advance
from server.decision.ruleset import Ruleset
from server.decision.triggers import gather
from server.model.context import Context, Used
from server.model.customer import Consents, State
from server.model.offer import Offer
from tests.builders import (
    NOON,
    a_day,
    after,
    context,
    customer,
    day,
    fix,
    off,
    offer,
    place,
    ruleset,
    shown,
    store_id,
)
from tests.decision.conditions_of_ours import FAILS, HOLDS, UNKNOWN, OpenAt, Says

MIDNIGHT = datetime.fromisoformat("2026-11-04T00:00:00+01:00")


def gate_of(asked: Offer, **more: Any) -> tuple[str | None, str]:
    """Decide on one offer at one fix and say its gate, None where it won, and its truth."""
    rules = ruleset(asked)
    where = more.pop("where", fix())
    decision = decide(context(rules, where, **more), rules, everything=True)
    [verdict] = decision.verdicts
    return (None if decision.chosen else str(verdict.finding.gate)), str(verdict.finding.truth)


def test_the_first_gate_that_fails_is_the_reason_down_to_the_last() -> None:
    """An offer with everything against it; each step heals what the step before named, and the next gate speaks."""
    worst: dict[str, Any] = {"active_to": day("2026-01-01"), "condition": FAILS, "caps": [a_day()], "units": 5}
    worst["surfaces"] = ("push",)
    world: dict[str, Any] = {"where": fix(300, at=MIDNIGHT, mock=True), "received": MIDNIGHT + timedelta(minutes=4)}
    world |= {"customer": customer(consents=Consents(True, False, True)), "used": {offer().id: Used(units=5)}}
    world["state"] = State(shown=(shown(MIDNIGHT),))
    said = [gate_of(offer(**worst), **world)[0]]
    for kind, name, healed in (
        (world, "received", MIDNIGHT),
        (world, "where", fix(300, at=MIDNIGHT)),
        (world, "where", fix(at=MIDNIGHT)),
        (worst, "active_to", day("2027-01-01")),
        (worst, "condition", HOLDS),
        (world, "customer", customer()),
        (worst, "surfaces", ("in_app",)),
        (worst, "caps", []),
        (worst, "units", 6),
    ):
        kind[name] = healed
        said.append(gate_of(offer(**worst), **world)[0])
    assert said == ["late", "trust", "place", "active", "weather", "consent", "quiet_hours", "cap", "budget", None]


@pytest.mark.parametrize(
    ("condition", "truth"), [(None, "holds"), (HOLDS, "holds"), (FAILS, "fails"), (UNKNOWN, "unknown")]
)
@pytest.mark.parametrize(
    ("gate", "more"),
    [
        ("late", {"received": after(600)}),
        ("trust", {"where": fix(mock=True)}),
        ("place", {"where": fix(500)}),
        ("consent", {"customer": customer(consents=Consents())}),
    ],
)
def test_the_truth_is_that_of_the_whole_if_at_whatever_gate(
    condition: Any, truth: str, gate: str, more: dict[str, Any]
) -> None:
    assert gate_of(offer(condition=condition), **more) == (gate, truth)


def test_a_gate_after_the_if_says_that_it_held() -> None:
    assert gate_of(offer(condition=HOLDS, units=0)) == ("budget", "holds")
    assert gate_of(offer(caps=[a_day()]), state=State(shown=(shown(NOON),))) == ("cap", "holds")


@pytest.mark.parametrize("condition", [FAILS, UNKNOWN])
def test_what_does_not_hold_is_never_shown(condition: Says) -> None:
    assert gate_of(offer(condition=condition)) == ("weather", str(condition.said))


def two_places(asked: Offer, **more: Any) -> tuple[Ruleset, Context]:
    """A ruleset with two stores around the fix, the first the nearer one."""
    rules = ruleset(asked, places=[place(1, at=off(20)), place(2, at=off(-50))])
    return rules, context(rules, fix(), foreground=True, **more)


def test_the_nearest_place_at_which_it_holds_is_taken() -> None:
    rules, asked = two_places(offer(condition=OpenAt(frozenset({store_id(2)}))))
    decision = decide(asked, rules)
    assert decision.chosen is not None
    assert decision.chosen.place == rules.places.by_id[store_id(2)]


def test_of_places_that_all_stop_it_the_one_it_came_furthest_at_speaks() -> None:
    rules, asked = two_places(offer(units=0, condition=OpenAt(frozenset({store_id(2)}))))
    [verdict] = decide(asked, rules).verdicts
    assert (verdict.finding.gate, verdict.place) == (Gate.BUDGET, rules.places.by_id[store_id(2)])
    rules, asked = two_places(offer(units=0))
    [verdict] = decide(asked, rules).verdicts
    assert (verdict.finding.gate, verdict.place) == (Gate.BUDGET, rules.places.by_id[store_id(1)])


def test_where_a_place_has_given_its_units_the_next_one_is_taken() -> None:
    rules, asked = two_places(offer(place_units=1), used_at={(offer().id, store_id(1)): 1})
    decision = decide(asked, rules)
    assert decision.chosen is not None
    assert decision.chosen.place == rules.places.by_id[store_id(2)]


def test_far_from_all_places_the_nearest_one_is_judged() -> None:
    asked = offer(condition=OpenAt(frozenset({store_id(1)})))
    assert gate_of(asked, where=fix(3000)) == ("place", "holds")


def test_the_parts_may_be_asked_alone() -> None:
    rules = ruleset(offer(condition=HOLDS))
    where = context(rules, fix())
    moved = advance(where.state, fix(), where.hits, ruleset=rules, zone=None)
    case = open_case(where, rules, moved)
    [(asked, spots)] = gather(where, moved, rules, everything=False)
    through = ask(asked, spots, case)
    assert through.route is not None
    assert through == ask_on(asked, place(), case)
    stop = Finding(Gate.TRIGGER, Truth.FAILS, "No.")
    assert stopped(asked, place(), stop, case).finding == stop._replace(truth=Truth.HOLDS)


def test_a_scene_is_made_once_for_all_offers_at_a_place() -> None:
    rules = ruleset(offer(1, condition=HOLDS), offer(2, condition=HOLDS))
    case = open_case(context(rules, fix()), rules, Moved(State()))
    ask_on(offer(1, condition=HOLDS), place(), case)
    [scene] = case.scenes.values()
    ask_on(offer(2, condition=HOLDS), place(), case)
    assert list(case.scenes.values()) == [scene]
    assert scene.at == NOON


def test_freshness_is_each_offers_own() -> None:
    rules = ruleset(offer(1), offer(2, fresh=timedelta(hours=1)))
    decision = decide(context(rules, fix(), received=after(600), foreground=True), rules)
    assert {each.offer.name: str(each.finding.gate) for each in decision.verdicts}["offer-1"] == "late"
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-2"
