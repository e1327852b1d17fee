"""The gates one by one, each at its edges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.decision.conditions.logic import Condition as Joined
from server.decision.finding import Finding, Gate, Scene, Truth
from server.decision.gates import (
    Route,
    age_of,
    check_active,
    check_condition,
    check_late,
    check_trust,
    find_route,
    refuse,
)
from server.decision.presence import Moved
from server.model.context import Cause
from server.model.customer import Consents, State
from server.model.offer import Reward, Trust
from tests.builders import NOON, after, context, customer, day, fix, last_fix, offer, place, programme, ruleset
from tests.decision.conditions_of_ours import FAILS, HOLDS, UNKNOWN

RULES = ruleset(offer())
STILL = Moved(State())


def gate(found: Finding | None) -> str | None:
    """Name a finding's gate."""
    return str(found.gate) if found is not None else None


@pytest.mark.parametrize(
    ("consents", "refused"),
    [(Consents(False, True, True), "consent"), (Consents(True, False, False), None), (Consents(), "consent")],
)
def test_without_consent_to_locations_nothing_is_used(consents: Consents, refused: str | None) -> None:
    found = refuse(context(RULES, fix(), customer=customer(consents=consents)), RULES.programme)
    assert (found[0] if found else None) == refused


def test_a_repeated_ping_and_one_older_than_a_day_are_refused() -> None:
    known = programme()
    repeat = refuse(context(RULES, fix(), duplicate=True), known)
    assert repeat is not None
    assert (repeat[0], repeat[1].gate) == ("duplicate", Gate.LATE)
    assert refuse(context(RULES, fix(), received=after(hours=24)), known) is None
    old = refuse(context(RULES, fix(), received=after(1, hours=24)), known)
    assert old is not None
    assert (old[0], old[1].gate) == ("too_old", Gate.LATE)


def test_the_age_of_a_fix_is_its_own_and_that_of_anything_else_the_instants() -> None:
    assert age_of(context(RULES, fix(), received=after(5))) == timedelta(seconds=5)
    assert age_of(context(RULES, fix(), at=after(10), received=after(10))) == timedelta(seconds=10)
    assert age_of(context(RULES, fix(), at=after(7), received=after(10), cause=Cause("event"))) == timedelta(seconds=3)


@pytest.mark.parametrize(("age", "stops"), [(0, False), (179.999, False), (180, True), (-60, False)])
def test_only_events_strictly_younger_than_fresh_fire(age: float, stops: bool) -> None:
    assert (gate(check_late(offer(), context(RULES, fix(), received=after(age)), STILL)) == "late") is stops


def test_a_fix_out_of_order_is_late_however_young() -> None:
    assert gate(check_late(offer(), context(RULES, fix()), Moved(State(), late=True))) == "late"


REWARD = Reward("free_item")


@pytest.mark.parametrize(
    ("trust", "reward", "doubts", "stops"),
    [
        (Trust(), None, ("mock",), True),
        (Trust(mock="allow"), None, ("mock",), False),
        (Trust(mock="allow"), REWARD, ("mock",), True),
        (Trust(), None, ("teleport",), True),
        (Trust(teleport="allow"), REWARD, ("teleport",), False),
        (Trust(teleport="allow"), None, ("mock", "teleport"), True),
        (Trust("allow", "allow"), None, ("mock", "teleport"), False),
        (Trust("allow", "allow"), REWARD, ("mock", "teleport"), True),
    ],
)
def test_doubtful_fixes_need_an_offer_that_allows_them(
    trust: Trust, reward: Reward | None, doubts: tuple[str, ...], stops: bool
) -> None:
    asked = offer(trust=trust, reward=reward)
    found = check_trust(asked, context(ruleset(asked), fix()), Moved(State(), doubts=doubts), ruleset(asked))
    assert (gate(found) == "trust") is stops


@pytest.mark.parametrize(("reward", "stops"), [(REWARD, True), (None, False)])
def test_a_fix_from_after_its_sending_opens_nothing_of_value(reward: Reward | None, stops: bool) -> None:
    asked = offer(reward=reward)
    flagged = context(ruleset(asked), fix(), flags=frozenset({"sent_before_captured"}))
    assert (gate(check_trust(asked, flagged, STILL, ruleset(asked))) == "trust") is stops
    skewed = context(ruleset(asked), fix(), flags=frozenset({"skew", "ahead"}))
    assert check_trust(asked, skewed, STILL, ruleset(asked)) is None


@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-10-31T23:59:59+01:00", False),
        ("2026-11-01T00:00:00+01:00", True),
        ("2027-02-28T23:59:59+01:00", True),
        ("2027-03-01T00:00:00+01:00", False),
    ],
)
def test_both_dates_belong_to_the_offer_in_the_programmes_zone(at: str, active: bool) -> None:
    asked = offer(active_from=day("2026-11-01"), active_to=day("2027-02-28"))
    found = check_active(asked, context(RULES, at=datetime.fromisoformat(at)), programme())
    assert (found is None) is active
    assert found is None or (found.gate, found.truth) == (Gate.ACTIVE, Truth.FAILS)


def test_dates_in_an_unknown_zone_are_unknown_and_no_dates_need_none() -> None:
    nowhere = programme(zone="Mars/Base")
    found = check_active(offer(active_from=day("2026-01-01")), context(RULES), nowhere)
    assert found is not None
    assert found.truth is Truth.UNKNOWN
    assert check_active(offer(), context(RULES), nowhere) is None


def test_an_if_is_asked_whole_and_none_holds() -> None:
    scene = Scene(context(RULES), place(), RULES.programme, {})
    assert check_condition(offer(), scene).truth is Truth.HOLDS
    assert check_condition(offer(condition=FAILS), scene).truth is Truth.FAILS
    both = Joined("all", (UNKNOWN, FAILS, HOLDS))
    assert check_condition(offer(condition=both), scene).truth is Truth.FAILS


NIGHT = datetime.fromisoformat("2026-11-03T22:00:00+01:00")


def routed(at: datetime, *, foreground: bool = False, push: bool = True, **more: Any) -> Route | Finding:
    """Find the route of an offer in Berlin."""
    asked = offer(**more)
    who = customer(consents=Consents(True, push, True))
    return find_route(asked, context(RULES, at=at, customer=who, foreground=foreground), None, RULES.programme)


def test_by_day_a_push_goes_out() -> None:
    assert routed(NOON) == Route("push")


def test_quiet_hours_bind_pushes_alone() -> None:
    assert routed(NIGHT, foreground=True) == Route("in_app")
    assert routed(NIGHT, surfaces=("in_app",)) == Route("in_app")
    assert routed(NIGHT, push=False) == Route("in_app")
    bound = routed(NIGHT)
    assert isinstance(bound, Finding)
    assert (bound.gate, bound.truth) == (Gate.QUIET_HOURS, Truth.FAILS)


@pytest.mark.parametrize(("hours", "held"), [(10, True), (9.99, False), (11, True)])
def test_a_push_is_held_where_the_offer_lives_to_the_end_of_the_night(hours: float, held: bool) -> None:
    found = routed(NIGHT, deliver_by=timedelta(hours=hours))
    assert isinstance(found, Route) is held
    if isinstance(found, Route):
        assert found.hold_until == datetime.fromisoformat("2026-11-04T08:00:00+01:00")


def test_an_offer_that_only_pushes_needs_the_consent_to_it() -> None:
    found = routed(NOON, push=False, surfaces=("push",))
    assert isinstance(found, Finding)
    assert found.gate is Gate.CONSENT


def test_a_topic_that_was_turned_off_stops_the_offer_whatever_the_channel() -> None:
    about = offer(topic="coffee", surfaces=("in_app", "push"))
    for said, stops in ({}, False), ({"coffee": True}, False), ({"coffee": False}, True), ({"books": False}, False):
        for foreground in (True, False):
            stage = context(RULES, fix(), customer=customer(topics=said), foreground=foreground)
            found = find_route(about, stage, None, RULES.programme)
            assert isinstance(found, Finding) is stops
            if isinstance(found, Finding):
                assert (found.gate, found.values) == (Gate.CONSENT, {"topic": "coffee"})
                assert "coffee" in found.reason
    assert isinstance(
        find_route(offer(), context(RULES, fix(), customer=customer(topics={"a": False})), None, RULES.programme), Route
    )


def test_where_nobody_knows_the_zone_nobody_is_woken() -> None:
    nowhere = context(RULES, customer=customer(zone=None))
    found = find_route(offer(), nowhere, None, programme(quiet_zone=""))
    assert isinstance(found, Finding)
    assert (found.gate, found.truth) == (Gate.QUIET_HOURS, Truth.UNKNOWN)


def test_the_night_is_that_of_the_place_where_the_customer_was_last_seen() -> None:
    asked = context(RULES, at=NOON, customer=customer(zone="Asia/Tokyo"))
    early = programme(quiet_from="20:00")  # noon in Berlin is 20:00 in Tokyo
    assert find_route(offer(), asked, last_fix(at=NOON), early) == Route("push")
    at_home = find_route(offer(deliver_by=timedelta(days=1)), asked, None, early)
    assert at_home == Route("push", after(hours=12))


def test_a_paused_programme_lets_no_offer_through_whatever_its_dates_say() -> None:
    paused = programme(paused=True)
    for each in (offer(), offer(active_from=day("2026-01-01"), active_to=day("2026-12-31"))):
        found = check_active(each, context(RULES, fix()), paused)
        assert found is not None
        assert (found.gate, found.truth, found.reason) == (Gate.ACTIVE, Truth.FAILS, "The programme is paused.")
        assert check_active(each, context(RULES, fix()), programme()) is None
