"""Who wins in a word is who wins by the findings: every draw is decided both ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.decision.ask import ask, open_case
from server.decision.choose import last_shown, rank
from server.decision.decide import decide
from server.decision.pick import Pick, fire, pick
from server.decision.presence import Moved, advance, wake
from server.decision.ruleset import Ruleset
from server.decision.triggers import gather
from server.model.context import Cause, Context, Used
from server.model.customer import Consents, State
from server.model.offer import Cap, Period, Reward, Trust
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
    offer_id,
    place,
    rolling,
    ruleset,
    shown,
    store_id,
)
from tests.decision.conditions_of_ours import FAILS, HOLDS, UNKNOWN, OpenAt

STORES = [
    place(1),
    place(2, at=off(60), radius_m=200),
    place(3, at=off(0, 400)),
    place(4, at=off(3000), kind="geofence"),
]
OFFERS = st.fixed_dictionaries(
    {
        "trigger": st.sampled_from(["enter", "enter", "inside", "inside", "exit", "dwell", "near", "event"]),
        "priority": st.sampled_from([40, 50, 60]),
        "condition": st.sampled_from([None, HOLDS, HOLDS, FAILS, UNKNOWN, OpenAt(frozenset({store_id(2)}))]),
    },
    optional={
        "min_confidence": st.sampled_from([0.3, 0.95]),
        "ids": st.lists(st.sampled_from([store_id(n) for n in (1, 2, 3, 4)]), min_size=1, max_size=3),
        "fresh": st.sampled_from([timedelta(seconds=30), timedelta(hours=1)]),
        "deliver_by": st.just(timedelta(hours=20)),
        "active_to": st.sampled_from([day("2026-11-02"), day("2026-11-03")]),
        "caps": st.sampled_from(
            [[a_day()], [a_day(tz="place")], [rolling(2, hours=3)], [Cap(1, Period(calendar="week"))]]
        ),
        "units": st.sampled_from([1, 3]),
        "place_units": st.just(2),
        "surfaces": st.sampled_from([("push",), ("in_app",)]),
        "pressure": st.just("service"),
        "reward": st.just(Reward("free_item")),
        "trust": st.sampled_from([Trust("allow", "allow"), Trust(teleport="allow")]),
    },
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 5, 40, 125, 700, 40_000]),
        st.sampled_from([0, 40, 90, 110, 150, 400, 2950, 60_000]),
        st.sampled_from([5.0, 30.0, 150.0, 900.0]),
        st.sampled_from(["fix", "fix", "fix", "mock", "late", "flagged", "timer", "event"]),
    ),
    min_size=1,
    max_size=6,
)


def drawn(number: int, asked: dict[str, Any]) -> Any:
    """Build an offer, with what its trigger needs."""
    needs = {"dwell": {"dwell": timedelta(minutes=2)}, "near": {"within_m": 500.0}, "event": {"event": "purchase"}}
    made = offer(number, **asked, **needs.get(asked["trigger"], {}))
    return replace(made, created_at=NOON - timedelta(days=number % 2))


def naive(asked: Context, rules: Ruleset, moved: Moved) -> Pick | None:
    """Ask every offer in full, and sort those that came through as rules.md words it."""
    case, last = open_case(asked, rules, moved), last_shown(asked.state.shown)
    through = []
    for each, spots in gather(asked, moved, rules, everything=True):
        answer = ask(each, spots, case)
        if answer.route is not None:
            through.append(
                ((answer.route.hold_until is not None, *rank(each, last)), Pick(each, answer.place, answer.route))
            )
    return min(through, key=lambda pair: pair[0])[1] if through else None


@given(
    st.lists(OFFERS, min_size=1, max_size=8),
    STEPS,
    st.booleans(),
    st.booleans(),
    st.sampled_from([{}, {"per_day": 2, "class_per_day": {"service": 1}}, {"paused": True}]),
)
def test_the_winner_in_a_word_is_the_winner_of_the_findings(
    asked: list[dict[str, Any]],
    steps: list[tuple[int, int, float, str]],
    foreground: bool,
    push: bool,
    caps: dict[str, Any],
) -> None:
    rules = ruleset(*(drawn(number, each) for number, each in enumerate(asked, 1)), places=STORES, **caps)
    at, state = NOON + timedelta(hours=8), State(shown=(shown(NOON, 1), shown(NOON, 2, "service")))
    used = {offer_id(n): Used(units=n % 3, place_units=n % 3) for n in range(1, 9)}
    for seconds, north, accuracy_m, kind in steps:
        at += timedelta(seconds=seconds)
        more: dict[str, Any] = {"state": state, "foreground": foreground, "used": used}
        more["customer"] = customer(consents=Consents(True, push, True))
        if kind in ("timer", "event"):
            cause = Cause("dwell_timer") if kind == "timer" else Cause("event", "purchase")
            told = context(rules, at=at, cause=cause, **more)
        else:
            where = fix(north, at=at, accuracy_m=accuracy_m, mock=kind == "mock")
            late = at + timedelta(seconds=45 if kind == "late" else 0)
            told = context(rules, where, received=late, **more)
            told = told._replace(flags=frozenset({"sent_before_captured"} if kind == "flagged" else ()))
        decision = decide(told, rules)
        judge(told, rules, decision)
        state = decision.state


def judge(asked: Context, rules: Ruleset, decision: Any) -> None:
    """Compare a decision with the full asking: the winner, and which things were near."""
    if asked.cause.type == "fix" and asked.fix is not None:
        moved = advance(asked.state, asked.fix, asked.hits, ruleset=rules, zone=asked.fix_zone)
    else:
        moved = wake(asked.state, asked.at) if asked.cause.type == "dwell_timer" else Moved(asked.state)
    found = naive(asked, rules, moved)
    chosen = decision.chosen
    assert (found is None) == (chosen is None)
    if found is not None and chosen is not None:
        assert (chosen.offer, chosen.place) == (found.offer, found.place)
        assert (chosen.channel, chosen.hold_until) == tuple(found.route)
    near = decision.near  # before the verdicts are told: this is the short way
    assert near == tuple(each for each in decision.verdicts if each.near)
    for each in decision.verdicts:
        plain = each.finding.gate in ("place", "trigger")
        assert each.near or plain  # an `if` may name the gate `place` too, of something near


def test_nothing_is_set_off_where_nothing_is_around() -> None:
    rules = ruleset(offer())
    asked = context(rules, fix(5000))
    case = open_case(asked, rules, advance(State(), fix(5000), asked.hits, ruleset=rules, zone=None))
    assert (fire(case), pick(case, [])) == ([], None)


def test_who_cannot_win_any_more_is_not_asked() -> None:
    """The first that comes through ends the asking: what follows it would raise, if anybody asked it."""
    rules = ruleset(offer(1, priority=60, condition=HOLDS), offer(2, priority=50, condition=Refuses()))
    decision = decide(context(rules, fix(), foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-1"


class Refuses:
    """A condition that must not be asked."""

    NAME = "refuses"
    gate = HOLDS.gate

    def truth(self, scene: object) -> Any:
        """Fail whoever asks."""
        raise AssertionError("asked")

    check = truth

    def sentence(self) -> str:
        """Say nothing of use."""
        return "never asked"


def test_an_offer_never_shown_comes_before_an_older_one_that_was() -> None:
    rules = ruleset(offer(1), offer(2), offer(3))
    known = State(shown=(shown(NOON - timedelta(hours=2), 1), shown(NOON - timedelta(hours=3), 2)))
    decision = decide(context(rules, fix(), state=known, foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-3"
    rules = ruleset(offer(1), offer(2))
    decision = decide(context(rules, fix(), state=known, foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-2"


def test_in_a_crowd_of_fences_the_nearest_are_looked_at() -> None:
    """Thirty stores on one spot: an offer for the farthest alone is beyond those that are looked at for it."""
    crowd = [place(n, at=off(n)) for n in range(1, 31)]
    everywhere, last = offer(1, condition=OpenAt(frozenset({store_id(30)}))), offer(2, ids=[store_id(30)])
    rules = ruleset(everywhere, last, places=crowd)
    decision = decide(context(rules, fix(), at=after(), foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-2"
    assert {each.offer.name: str(each.finding.gate) for each in decision.verdicts}["offer-1"] == "local_time"


def test_a_clock_that_claims_a_fix_from_after_its_sending_wins_no_reward() -> None:
    rules = ruleset(offer(1, reward=Reward("free_item")), offer(2))
    asked = context(rules, fix(), foreground=True)._replace(flags=frozenset({"sent_before_captured"}))
    decision = decide(asked, rules)
    assert decision.chosen is not None
    assert decision.chosen.offer.name == "offer-2"
    assert next((each.offer.name, str(each.finding.gate)) for each in decision.near) == ("offer-1", "trust")


def test_an_offer_near_several_stores_takes_the_nearest_that_lets_it_through() -> None:
    rules = ruleset(
        offer(trigger="near", within_m=900.0, condition=OpenAt(frozenset({store_id(2), store_id(3)}))),
        places=[place(1), place(2, at=off(400)), place(3, at=off(300))],
    )
    decision = decide(context(rules, fix(), foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.place == rules.places.by_id[store_id(3)]


def test_a_dwell_time_fires_once_at_its_very_end_and_not_again_at_the_same_instant() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=2)))
    state, won = State(), []
    for seconds in (0, 119, 120, 120, 121):
        decision = decide(context(rules, fix(at=after(seconds)), state=state, foreground=True), rules)
        state = decision.state
        won.append(decision.chosen is not None)
    assert won == [False, False, True, False, False]
