"""The heart: who wins, who is told why not, what is remembered, and that nothing else matters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.decide import Decision, decide, decide_held
from server.decision.finding import Gate, Truth
from server.decision.ruleset import Ruleset
from server.model.context import Cause, Context
from server.model.customer import Consents, State
from server.model.offer import Cap, Holdout, Offer, Period, Reward, Trust, Variant
from server.model.ping import Fix
from tests.builders import (
    CUSTOMER,
    NOON,
    a_day,
    after,
    context,
    customer,
    fence_id,
    fix,
    off,
    offer,
    offer_id,
    place,
    rolling,
    ruleset,
    shown,
    store_id,
)
from tests.decision.conditions_of_ours import FAILS, HOLDS, UNKNOWN, Says


def here(rules: Ruleset, **more: Any) -> Decision:
    """Decide on a fix in the middle of fence 1, in the foreground."""
    more.setdefault("foreground", True)
    return decide(context(rules, more.pop("where", fix(at=more.get("at", NOON))), **more), rules)


def gates(decision: Decision) -> dict[str, str]:
    """The gate of each offer that was looked at."""
    return {each.offer.name: str(each.finding.gate) for each in decision.verdicts}


def winner(decision: Decision) -> str | None:
    """The name of the offer that won."""
    return decision.chosen.offer.name if decision.chosen else None


def test_the_first_fix_inside_shows_the_offer_that_waits_for_an_enter() -> None:
    decision = here(ruleset(offer(), epoch=7))
    assert decision.chosen is not None
    assert (decision.chosen.channel, decision.chosen.place, decision.chosen.held_out) == ("in_app", place(), False)
    assert [each.type for each in decision.transitions] == ["enter"]
    assert decision.state.shown == (shown(NOON),)
    assert (decision.finding, decision.reason, decision.ruleset_epoch) == (None, None, 7)


def test_the_second_fix_inside_is_no_enter() -> None:
    rules = ruleset(offer())
    second = here(rules, at=after(30), state=here(rules).state)
    assert second.chosen is None
    [verdict] = second.verdicts
    assert (verdict.finding.gate, verdict.finding.truth) == (Gate.TRIGGER, Truth.HOLDS)


def test_one_moment_wins_and_every_other_offer_is_answered_for() -> None:
    rules = ruleset(offer(1), offer(2, priority=60), offer(3, condition=FAILS), offer(4, trigger="exit"))
    decision = here(rules)
    assert winner(decision) == "offer-2"
    assert gates(decision) == {
        "offer-1": "arbitration",
        "offer-2": "arbitration",
        "offer-3": "weather",
        "offer-4": "trigger",
    }
    lost = next(each.finding for each in decision.verdicts if each.offer.name == "offer-1")
    assert lost.values == {"winner": "offer-2@1", "winner_priority": 60, "priority": 50}
    assert [each.offer_id for each in decision.state.shown] == [offer_id(2)]


def test_equals_take_turns() -> None:
    rules = ruleset(offer(1, trigger="inside"), offer(2, trigger="inside"), offer(3, trigger="inside"))
    state, said = State(), []
    for minute in range(6):
        decision = here(rules, at=after(minutes=minute), state=state)
        state = decision.state
        said.append(winner(decision))
    assert said == ["offer-1", "offer-2", "offer-3"] * 2


def test_a_held_out_winner_ends_the_arbitration_and_counts() -> None:
    rules = ruleset(offer(1, priority=60, holdout=Holdout(1.0, "s"), caps=[a_day()]), offer(2))
    decision = here(rules)
    assert decision.chosen is not None
    assert (decision.chosen.held_out, winner(decision)) == (True, "offer-1")
    assert decision.state.shown == (shown(NOON),)
    assert gates(decision)["offer-2"] == "arbitration"


def test_one_who_loses_a_claim_makes_room_for_the_next() -> None:
    rules = ruleset(offer(1, priority=60), offer(2))
    decision = here(rules, exhausted=frozenset({offer_id(1)}))
    assert (winner(decision), gates(decision)["offer-1"]) == ("offer-2", "budget")


def test_the_winner_brings_its_variant_channel_and_surfaces() -> None:
    only = Variant("card", 1, "card")
    rules = ruleset(offer(variants=(only,), surfaces=("push",)))
    decision = here(rules, foreground=False)
    assert decision.chosen is not None
    assert decision.chosen.variant == only
    assert (decision.chosen.channel, decision.chosen.surfaces) == ("push", frozenset({"push"}))


NIGHT = datetime.fromisoformat("2026-11-03T22:00:00+01:00")
MORNING = datetime.fromisoformat("2026-11-04T08:00:00+01:00")
PATIENT = offer(1, deliver_by=timedelta(hours=12), priority=90)


def test_a_push_at_night_is_held_and_nothing_counts_yet() -> None:
    decision = here(ruleset(PATIENT), at=NIGHT, foreground=False)
    assert decision.chosen is not None
    assert decision.chosen.hold_until == MORNING
    [verdict] = decision.verdicts
    assert (verdict.finding.gate, verdict.finding.values) == (Gate.QUIET_HOURS, {"held_until": "2026-11-04T07:00:00Z"})
    assert decision.state.shown == ()


def test_what_must_wait_for_the_morning_leaves_the_moment_to_what_need_not() -> None:
    decision = here(ruleset(PATIENT, offer(2, surfaces=("in_app",))), at=NIGHT, foreground=False)
    assert decision.chosen is not None
    assert (winner(decision), decision.chosen.hold_until) == ("offer-2", None)
    assert gates(decision)["offer-1"] == "quiet_hours"


def in_the_morning(rules: Ruleset, **more: Any) -> Decision:
    """Decide again on offer 1, held for place 1."""
    more.setdefault("at", MORNING)
    cause = context(rules, cause=Cause("schedule"), **more)
    return decide_held(cause, rules, offer_id=offer_id(1), geofence_id=fence_id(1))


def test_in_the_morning_every_gate_is_asked_again() -> None:
    decision = in_the_morning(ruleset(PATIENT))
    assert decision.chosen is not None
    assert (decision.chosen.channel, decision.chosen.hold_until, decision.chosen.place) == ("push", None, place())
    assert decision.state.shown == (shown(MORNING),)
    full = ruleset(offer(1, caps=[a_day()]))
    assert gates(in_the_morning(full, state=State(shown=(shown(MORNING),)))) == {"offer-1": "cap"}
    assert gates(in_the_morning(ruleset(offer(1, condition=UNKNOWN)))) == {"offer-1": "weather"}


def test_in_the_morning_an_offer_may_be_gone_and_a_consent_too() -> None:
    gone = in_the_morning(ruleset(offer(2)))
    assert (gone.chosen, gone.verdicts) == (None, ())
    withdrawn = in_the_morning(ruleset(PATIENT), customer=customer(consents=Consents(False, True, True)))
    assert (withdrawn.chosen, withdrawn.reason) == (None, "consent")


INSIDE = here(ruleset(offer())).state


@pytest.mark.parametrize(
    ("more", "reason", "gate"),
    [
        ({"customer": customer(consents=Consents(False, True, True))}, "consent", "consent"),
        ({"duplicate": True}, "duplicate", "late"),
        ({"received": after(hours=25)}, "too_old", "late"),
    ],
)
def test_a_ping_that_may_not_be_used_changes_nothing(more: dict[str, Any], reason: str, gate: str) -> None:
    rules = ruleset(offer())
    asked = context(rules, fix(), state=INSIDE, **more)
    decision = decide(asked, rules)
    assert (decision.chosen, decision.verdicts, decision.transitions, decision.state) == (None, (), (), INSIDE)
    assert decision.finding is not None
    assert (decision.reason, str(decision.finding.gate)) == (reason, gate)
    assert gates(decide(asked, rules, everything=True)) == {"offer-1": gate}


@pytest.mark.parametrize(
    ("where", "reason", "gate"),
    [
        (fix(at=after(-60)), "out_of_order", "late"),
        (fix(at=after(60), mock=True), "mock", "trust"),
        (fix(40_000, at=after(60)), "teleport", "trust"),
        (fix(at=after(60), accuracy_m=500), "coarse", "trust"),
    ],
)
def test_a_fix_that_is_not_believed_leaves_the_stays_and_says_why(where: Fix, reason: str, gate: str) -> None:
    rules = ruleset(offer())
    decision = decide(context(rules, where, state=INSIDE, received=after(60)), rules, everything=True)
    assert decision.finding is not None
    assert (decision.reason, str(decision.finding.gate), decision.state.stays) == (reason, gate, INSIDE.stays)
    assert gates(decision) == {"offer-1": gate}


def test_a_late_batch_records_the_visit_and_fires_nothing() -> None:
    rules = ruleset(offer(), offer(2, trigger="dwell", dwell=timedelta(minutes=2)))
    entered = here(rules, received=after(hours=5))
    dwelled = here(rules, at=after(180), received=after(hours=5), state=entered.state)
    now = here(rules, at=after(hours=5), state=dwelled.state)
    assert [each.type for each in entered.transitions] == ["enter", "dwell_pending"]
    assert [winner(each) for each in (entered, dwelled, now)] == [None, None, None]
    assert gates(dwelled) == {"offer-1": "late", "offer-2": "late"}
    assert gates(now) == {"offer-1": "trigger", "offer-2": "trigger"}


def test_a_teleport_shows_only_what_allows_it_and_that_once() -> None:
    rules = ruleset(offer(1, trust=Trust(teleport="allow"), reward=Reward("free_item")), offer(2))
    start = here(rules, where=fix(60_000))
    jumped = here(rules, where=fix(at=after(60)), state=start.state)
    assert (winner(jumped), gates(jumped)["offer-2"]) == ("offer-1", "trust")
    confirmed = here(rules, where=fix(at=after(95)), state=jumped.state)
    assert (winner(confirmed), gates(confirmed)["offer-1"]) == ("offer-2", "trigger")


def test_a_mocked_stay_never_opens_a_reward_later() -> None:
    """Also not by the timer, which carries no fix to be mocked."""
    waiting = offer(trigger="dwell", dwell=timedelta(minutes=2), reward=Reward("free_item"), trust=Trust(mock="allow"))
    rules = ruleset(waiting)
    entered = here(rules, where=fix(mock=True))
    assert entered.dwell_due is None
    rung = decide(context(rules, at=after(120), state=entered.state, cause=Cause("dwell_timer")), rules)
    assert (gates(entered), rung.chosen) == ({"offer-1": "trust"}, None)


def test_visits_are_told_at_the_default_and_dry_runs_at_what_the_offer_asks() -> None:
    rules = ruleset(offer(1, min_confidence=0.3), offer(2, min_confidence=0.95))
    live = here(rules)
    assert [(each.type, each.confidence) for each in live.transitions] == [("enter", 0.7)]
    doubtful = context(rules, fix(105, accuracy_m=30))
    assert decide(doubtful, rules).transitions == ()
    dry = decide(doubtful, rules, everything=True)
    assert [(each.type, each.confidence) for each in dry.transitions] == [("enter", 0.3)]


def test_a_dwell_time_that_runs_is_due_at_its_end() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=2), min_confidence=0.5))
    decision = here(rules)
    assert decision.dwell_due == after(120)
    assert [each.type for each in decision.transitions] == ["enter", "dwell_pending"]
    assert here(rules, at=after(120), state=decision.state).dwell_due is None


MIXED = (
    offer(1, trigger="inside", caps=[a_day(2)], priority=70),
    offer(2, trigger="inside", caps=[rolling(1, hours=30), Cap(3, Period(calendar="week"))], priority=60),
    offer(3, trigger="enter", caps=[a_day(1, tz="place")], pressure="service", priority=80),
    offer(4, trigger="near", within_m=800.0, priority=10),
)
LIMITS = {"per_day": 5, "per_week": 12, "class_per_day": {"service": 1, "marketing": 4}}
JOURNEYS = st.lists(st.tuples(st.integers(30, 40_000), st.sampled_from([0, 40, 300, 600])), max_size=40)
BERLIN = ZoneInfo("Europe/Berlin")


def journey(steps: list[tuple[int, int]], rules: Ruleset) -> list[tuple[Context, Decision]]:
    """Decide on a walk of (seconds since the step before, metres north), each on the state of the one before."""
    told: list[tuple[Context, Decision]] = []
    at, state = NOON - timedelta(days=10), State()  # 24 October: the clocks go back on the second day
    for seconds, north in steps:
        at += timedelta(seconds=seconds)
        asked = context(rules, fix(north, at=at), state=state, foreground=True)
        told.append((asked, decide(asked, rules)))
        state = told[-1][1].state
    return told


@given(JOURNEYS)
def test_no_cap_is_ever_exceeded(steps: list[tuple[int, int]]) -> None:
    rules = ruleset(*MIXED, **LIMITS)
    sent = [(done.chosen.offer, asked.at) for asked, done in journey(steps, rules) if done.chosen is not None]
    for index, (_, now) in enumerate(sent):
        until = sent[: index + 1]
        today = [each for each, at in until if at.astimezone(BERLIN).date() == now.astimezone(BERLIN).date()]
        names = [each.name for each in today]
        assert len(today) <= 5
        assert names.count("offer-1") <= 2
        assert names.count("offer-3") <= 1
        assert len([each for each in today if each.limits.pressure == "marketing"]) <= 4
        assert len([at for _, at in until if now - at < timedelta(days=7)]) <= 12
        assert len([at for each, at in until if each.name == "offer-2" and now - at < timedelta(hours=30)]) <= 1


@given(JOURNEYS)
def test_the_same_input_gives_the_same_output(steps: list[tuple[int, int]]) -> None:
    one, other = ruleset(*MIXED, **LIMITS), ruleset(*reversed(MIXED), **LIMITS)
    assert [done for _, done in journey(steps, one)] == [done for _, done in journey(steps, other)]


ANSWERS = st.sampled_from([HOLDS, FAILS, UNKNOWN, None])


@given(st.lists(ANSWERS, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_a_missing_signal_never_shows_an_offer(answers: list[Says | None], foreground: bool, push: bool) -> None:
    offers = [offer(n, condition=says) for n, says in enumerate(answers, 1)]
    who = customer(consents=Consents(True, push, True))
    decision = here(ruleset(*offers), foreground=foreground, customer=who)
    assert len(decision.verdicts) == len(offers)
    good = [each.name for each in offers if each.condition in (HOLDS, None)]
    assert winner(decision) == (good[0] if good else None)


def test_offers_elsewhere_do_not_change_what_is_decided_here() -> None:
    far = [place(n, at=off(5000 * n)) for n in range(2, 6)]
    local: list[Offer] = [offer(1, ids=[store_id(1)]), offer(2, ids=[store_id(1)], priority=60)]
    small = ruleset(*local)
    large = ruleset(
        *local, *(offer(n + 10, ids=[store_id(n)], priority=99) for n in range(2, 6)), places=[place(), *far]
    )
    assert here(small) == here(large)
    assert here(small).chosen is not None
    assert customer().id == CUSTOMER


def test_the_verdict_on_one_offer_is_the_one_that_is_told_of_all() -> None:
    rules = ruleset(
        *(offer(n, trigger=trigger, priority=n) for n, trigger in enumerate(("enter", "inside", "exit", "inside"), 1)),
        offer(5, tag="elsewhere"),
    )
    for made in (context(rules, fix()), context(rules, fix(), customer=customer(consents=Consents()))):
        told = decide(made, rules).verdicts
        fresh = [decide(made, rules).verdict_on(offer_id(n)) for n in range(1, 6)]
        assert [each for each in fresh if each is not None] == sorted(told, key=lambda each: each.offer.id.int)
        again = decide(made, rules)
        assert again.verdicts == told
        assert [again.verdict_on(offer_id(n)) for n in range(1, 6)] == fresh
