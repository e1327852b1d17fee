"""Gate 3, seen through whole decisions: enter, exit, inside, dwell, near, and what is no fix."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.decision.decide import Decision, decide
from server.decision.finding import Finding, Gate
from server.decision.presence import stays_for, wake
from server.decision.ruleset import Ruleset
from server.decision.triggers import check_trigger, gather, nearest_meant
from server.model.context import Cause
from server.model.customer import State
from server.model.offer import Offer, PlaceFilter
from server.model.ping import Fix, OsEvent
from tests.builders import NOON, TOWN, after, context, fence_id, fix, off, offer, place, ruleset, store_id

TWO_MINUTES = timedelta(minutes=2)


def walk(rules: Ruleset, *fixes: Fix, **more: Any) -> list[Decision]:
    """Decide on one fix after the other, in the foreground."""
    told, state = [], State()
    for each in fixes:
        told.append(decide(context(rules, each, state=state, foreground=True, **more), rules, everything=True))
        state = told[-1].state
    return told


def gates(decisions: list[Decision]) -> list[str | None]:
    """Name the gate of the only offer in each decision; None where it was shown."""
    return [None if each.chosen else str(each.verdicts[0].finding.gate) for each in decisions]


def inside(rules: Ruleset, *, since: Any = NOON, at: Any = NOON, dwelled: bool = False) -> State:
    """A state inside fence 1."""
    return State(stays=stays_for(fence_id(1), since, at=at, dwelled=dwelled, ruleset=rules))


def test_enter_fires_on_the_entering_fix_alone() -> None:
    fixes = fix(300), fix(at=after(60)), fix(at=after(120)), fix(300, at=after(180)), fix(300, at=after(240))
    assert gates(walk(ruleset(offer()), *fixes)) == ["place", None, "trigger", "place", "place"]


def test_enter_fires_again_after_an_exit() -> None:
    fixes = fix(), fix(300, at=after(60)), fix(300, at=after(120)), fix(at=after(180))
    assert gates(walk(ruleset(offer()), *fixes)) == [None, "place", "place", None]


def test_exit_fires_on_the_second_fix_outside_alone() -> None:
    fixes = fix(), fix(300, at=after(60)), fix(300, at=after(120)), fix(300, at=after(180))
    assert gates(walk(ruleset(offer(trigger="exit")), *fixes)) == ["trigger", "trigger", None, "place"]


def test_inside_holds_from_the_entering_fix_up_to_the_margin() -> None:
    fixes = fix(), fix(at=after(60)), fix(120, at=after(120)), fix(130, at=after(180)), fix(at=after(240))
    assert gates(walk(ruleset(offer(trigger="inside")), *fixes)) == [None, None, None, "place", None]


def test_inside_does_not_hold_within_the_margin_for_one_who_never_entered() -> None:
    assert gates(walk(ruleset(offer(trigger="inside")), fix(120))) == ["place"]


def test_dwell_fires_at_the_first_look_after_its_time_and_once() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=TWO_MINUTES))
    fixes = [fix(at=after(s)) for s in (0, 60, 119.999, 120, 150)]
    assert gates(walk(rules, *fixes)) == ["trigger", "trigger", "trigger", None, "trigger"]


def test_dwell_fires_again_in_a_later_stay() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=TWO_MINUTES))
    fixes = (
        fix(),
        fix(at=after(130)),
        fix(300, at=after(200)),
        fix(300, at=after(260)),
        fix(at=after(300)),
        fix(at=after(420)),
    )
    assert gates(walk(rules, *fixes)) == ["trigger", None, "place", "place", "trigger", None]


def test_dwell_waits_for_a_fix_that_is_inside() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=TWO_MINUTES))
    assert gates(walk(rules, fix(), fix(300, at=after(125)), fix(at=after(140)))) == ["trigger", "place", None]


def test_a_dwell_time_of_nothing_is_over_on_entering() -> None:
    assert gates(walk(ruleset(offer(trigger="dwell", dwell=timedelta(0))), fix(), fix(at=after(1)))) == [
        None,
        "trigger",
    ]


def timer(rules: Ruleset, state: State, at: Any) -> Decision:
    """Decide on a timer that rings at an instant."""
    return decide(context(rules, at=at, state=state, cause=Cause("dwell_timer"), foreground=True), rules)


def test_a_timer_fires_exactly_when_the_dwell_time_ends_and_once() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=TWO_MINUTES))
    [entered] = walk(rules, fix())
    assert entered.dwell_due == after(120)
    assert timer(rules, entered.state, after(119.999)).chosen is None
    fired = timer(rules, entered.state, after(120))
    assert fired.chosen is not None
    assert fired.chosen.place == place()
    assert timer(rules, fired.state, after(121)).chosen is None
    assert gates([decide(context(rules, fix(at=after(130)), state=fired.state), rules)]) == ["trigger"]


def test_a_timer_whose_evidence_is_older_than_ten_minutes_leaves_the_dwell_time_to_the_next_fix() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=11)))
    [entered] = walk(rules, fix())
    rung = timer(rules, entered.state, after(minutes=11))
    assert (rung.chosen, rung.verdicts) == (None, ())
    assert gates([decide(context(rules, fix(at=after(minutes=12)), state=rung.state), rules)]) == [None]


def test_a_timer_looks_only_at_offers_that_wait_for_it() -> None:
    rules = ruleset(offer(1, trigger="dwell", dwell=TWO_MINUTES), offer(2), offer(3, trigger="inside"))
    [entered] = walk(rules, fix(300))
    assert entered.dwell_due is None
    assert [v.offer.name for v in timer(rules, inside(rules), after(120)).verdicts] == ["offer-1"]


@pytest.mark.parametrize(("dwelled", "gate"), [(False, None), (True, "trigger")])
def test_a_stated_stay_says_whether_it_has_dwelled(dwelled: bool, gate: str | None) -> None:
    rules = ruleset(offer(trigger="dwell", dwell=TWO_MINUTES))
    state = inside(rules, since=after(minutes=-2), at=NOON, dwelled=dwelled)
    assert gates([decide(context(rules, fix(), state=state), rules)]) == [gate]


@pytest.mark.parametrize(("north", "gate"), [(0, None), (1999, None), (2001, "place")])
def test_near_holds_within_its_distance_of_the_centre(north: float, gate: str | None) -> None:
    rules = ruleset(offer(trigger="near", within_m=2000.0))
    assert gates(walk(rules, fix(north), fix(north, at=after(60)))) == [gate, gate]


def test_near_means_the_nearest_store() -> None:
    rules = ruleset(offer(trigger="near", within_m=5000.0), places=[place(1, at=off(900)), place(2, at=off(-700))])
    [decision] = walk(rules, fix())
    assert decision.chosen is not None
    assert decision.chosen.place is not None
    assert decision.chosen.place.id == store_id(2)


def test_near_means_other_fences_only_by_their_ids() -> None:
    fence = place(1, kind="geofence", at=off(100))
    assert gates(walk(ruleset(offer(trigger="near", within_m=500.0), places=[fence]), fix())) == ["place"]
    named = offer(trigger="near", within_m=500.0, ids=[fence_id(1)])
    assert gates(walk(ruleset(named, places=[fence]), fix())) == [None]


@pytest.mark.parametrize(("trigger", "more"), [("enter", {}), ("inside", {}), ("near", {"within_m": 500.0})])
def test_a_coarse_fix_is_a_matter_of_trust(trigger: str, more: dict[str, Any]) -> None:
    rules = ruleset(offer(trigger=trigger, **more))
    assert gates(walk(rules, fix(accuracy_m=201))) == ["trust"]
    assert gates(walk(rules, fix(60_000, accuracy_m=201))) == ["place"]


def test_a_coarse_fix_somewhere_in_the_town_is_a_matter_of_trust_too() -> None:
    """1,414 m of accuracy, 1.3 km away: the phone may be inside, so it is not said that it is elsewhere."""
    assert gates(walk(ruleset(offer()), fix(1300, accuracy_m=1414))) == ["trust"]


def test_what_the_system_claims_does_not_stand_against_the_fix() -> None:
    rules = ruleset(offer())
    claim = OsEvent("enter", fence_id(1))
    assert gates(walk(rules, fix(7800), os_event=claim)) == ["place"]
    claims_exit = decide(context(rules, fix(), os_event=OsEvent("exit", fence_id(1)), foreground=True), rules)
    assert [each.type for each in claims_exit.transitions] == ["enter"]


def test_an_offer_that_holds_at_several_places_takes_the_nearest() -> None:
    rules = ruleset(offer(), places=[place(1, at=off(60)), place(2, at=off(-40)), place(3, radius_m=2000, at=off(500))])
    [decision] = walk(rules, fix())
    assert decision.chosen is not None
    assert decision.chosen.place is not None
    assert decision.chosen.place.id == store_id(2)


def test_an_offer_enters_at_a_second_place_while_inside_the_first() -> None:
    rules = ruleset(offer(), places=[place(1, radius_m=500), place(2, at=off(300))])
    first, second = walk(rules, fix(), fix(300, at=after(60)))
    assert first.chosen is not None
    assert second.chosen is not None
    assert [each.chosen.place.id for each in (first, second) if each.chosen and each.chosen.place] == [
        store_id(1),
        store_id(2),
    ]


EVENT = offer(4, trigger="event", event="purchase")


@pytest.mark.parametrize(
    ("asked", "cause", "gate"),
    [
        (EVENT, Cause("event", "purchase"), None),
        (EVENT, Cause("event", "birthday"), "trigger"),
        (EVENT, Cause("event"), "trigger"),
        (EVENT, Cause("schedule"), "trigger"),
        (offer(trigger="schedule"), Cause("schedule"), None),
        (offer(trigger="schedule"), Cause("schedule", "offer-1"), None),
        (offer(trigger="schedule"), Cause("schedule", "offer-2"), "trigger"),
        (offer(trigger="weather_change"), Cause("weather_change"), None),
        (offer(), Cause("event", "purchase"), "trigger"),
        (offer(trigger="near", within_m=50.0), Cause("event", "purchase"), "trigger"),
        (offer(trigger="event", event="purchase", tag="store"), Cause("event", "purchase"), "place"),
    ],
)
def test_what_is_no_fix_sets_off_what_waits_for_it(asked: Offer, cause: Cause, gate: str | None) -> None:
    rules = ruleset(asked)
    decision = decide(context(rules, cause=cause, foreground=True), rules, everything=True)
    assert gates([decision]) == [gate]
    assert decision.state.stays == ()


def test_an_event_with_a_fix_takes_the_nearest_place_and_moves_no_fence() -> None:
    rules = ruleset(EVENT, places=[place(1, at=off(300)), place(2, at=off(100))])
    decision = decide(context(rules, fix(), cause=Cause("event", "purchase"), foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.place is not None
    assert decision.chosen.place.id == store_id(2)
    assert decision.transitions == ()


def test_live_only_offers_with_a_place_around_are_looked_at() -> None:
    rules = ruleset(
        offer(1, ids=[store_id(1)]),
        offer(2, ids=[store_id(2)]),
        offer(3, trigger="near", within_m=900.0, ids=[store_id(2)]),
        EVENT,
        places=[place(1), place(2, at=off(1000))],
    )
    seen = decide(context(rules, fix()), rules)
    assert [each.offer.name for each in seen.verdicts] == ["offer-1"]
    every = decide(context(rules, fix()), rules, everything=True)
    assert len(every.verdicts) == 4


def test_the_nearest_place_of_an_offer_is_found_however_far() -> None:
    rules = ruleset(places=[place(1, at=off(90_000)), place(2, at=off(70_000), tags=frozenset({"kiosk"}))])
    asked = context(rules, fix())
    assert nearest_meant(PlaceFilter(any=True), asked, rules) == rules.places.by_id[store_id(2)]
    assert nearest_meant(PlaceFilter(ids=frozenset({store_id(1)})), asked, rules) == rules.places.by_id[store_id(1)]
    assert nearest_meant(PlaceFilter(tag="none"), asked, rules) is None
    assert nearest_meant(PlaceFilter(any=True), context(rules), rules) is None


def test_reasons_name_no_position() -> None:
    rules = ruleset(offer(), offer(2, trigger="near", within_m=50.0), offer(3, trigger="exit"))
    for decision in walk(rules, fix(), fix(140, at=after(60)), fix(60_000, at=after(61))):
        for verdict in decision.verdicts:
            written = f"{verdict.finding.reason} {dict(verdict.finding.values)}"
            assert str(TOWN.lat)[:5] not in written
            assert str(TOWN.lon)[:6] not in written


def test_a_spot_beside_the_offers_track_is_no_place() -> None:
    rules = ruleset(offer())
    asked = context(rules, fix(300))
    moved = wake(asked.state, NOON)
    [(_, spots)] = gather(asked, moved, ruleset(offer(trigger="near", within_m=500.0)), everything=True)
    found = check_trigger(offer(), spots[0], asked)
    assert isinstance(found, Finding)
    assert found.gate is Gate.PLACE
