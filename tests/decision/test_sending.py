"""A push is asked about once more before it goes: by what the customer and the brand want now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from server.decision.ruleset import Ruleset
from server.decision.sending import GO, Push, Word, may_go
from server.model.customer import Consents, State
from server.model.offer import Offer
from tests.builders import NOON, a_day, after, customer, day, last_fix, offer, place, ruleset, shown
from tests.decision.rulebook import condition

RULES = ruleset(offer())


def push(rules: Ruleset = RULES, **changes: Any) -> Push:
    """A push of the first offer that may go, for half an hour."""
    usual = Push(
        customer=customer(),
        state=State(),
        waits=True,
        listening=False,
        status="live",
        paused=False,
        offer=next(iter(rules.by_id.values()), None),
        place=place(),
        pressure="marketing",
        deliver_by=after(minutes=30),
    )
    return usual._replace(**changes)


def ask(rules: Ruleset = RULES, *, at: Any = NOON, **changes: Any) -> Word:
    return may_go(push(rules, **changes), rules, now=at)


def of(one: Offer, **more: Any) -> Ruleset:
    return ruleset(one, **more)


def test_what_nothing_speaks_against_goes() -> None:
    assert ask() == GO


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"customer": None}, "erased"),
        ({"waits": False}, "seen_or_over"),
        ({"paused": True}, "programme_paused"),
        ({"status": "paused"}, "offer_paused"),
        ({"status": "ended"}, "offer_ended"),
        ({"status": None}, "offer_gone"),
        ({"customer": customer(consents=Consents(True, False, True))}, "no_consent_push"),
        ({"customer": customer(consents=Consents(False, True, True))}, "no_consent_location"),
        ({"listening": True}, "stream_open"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_ends_it_is_named_in_a_word(changes: dict[str, Any], reason: str) -> None:
    assert ask(**changes) == Word(reason)


def test_the_first_reason_is_the_one_that_is_told() -> None:
    assert ask(customer=None, paused=True, waits=False) == Word("erased")
    assert ask(paused=True, status="paused", customer=customer(consents=Consents())) == Word("programme_paused")


@pytest.mark.parametrize("trigger", ["event", "schedule"])
def test_what_was_set_off_without_a_place_needs_no_consent_to_one(trigger: str) -> None:
    rules = of(offer(trigger=trigger))
    assert ask(rules, customer=customer(consents=Consents(False, True, True))) == GO


@pytest.mark.parametrize("trigger", ["enter", "exit", "inside", "weather_change"])
def test_what_was_set_off_by_a_place_does(trigger: str) -> None:
    rules = of(offer(trigger=trigger))
    assert ask(rules, customer=customer(consents=Consents(False, True, True))) == Word("no_consent_location")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"attribute": {"visits": {"gte": 3}}}, "no_consent_profiling"),
        ({"not": {"event": {"name": "purchase", "within": "P7D"}}}, "no_consent_profiling"),
        ({"topic": "coffee"}, None),
    ],
    ids=str,
)
def test_consent_to_profiling_is_needed_by_what_looked_at_the_profile(
    asked: dict[str, Any], reason: str | None
) -> None:
    rules = of(offer(condition=condition(asked)))
    assert ask(rules, customer=customer(consents=Consents(True, True, False))) == Word(reason)
    assert ask(rules) == GO


def test_a_topic_that_was_turned_off_stops_what_is_about_it() -> None:
    rules = of(offer(topic="coffee"))
    assert ask(rules, customer=customer(topics={"coffee": False})) == Word("topic_off")
    assert ask(rules, customer=customer(topics={"coffee": True, "tea": False})) == GO
    assert ask(rules) == GO


def test_an_offers_last_day_counts_when_it_is_sent() -> None:
    rules = of(offer(active_to=day("2026-11-03")))
    assert ask(rules) == GO
    late = after(hours=13)  # midnight in Berlin is over
    assert ask(rules, at=late, deliver_by=late + timedelta(minutes=5)) == Word("offer_over")


def test_the_switch_itself_is_asked_and_not_what_the_rules_remember_of_it() -> None:
    """The rules in memory may be a moment old: they neither stop what goes on again nor let through what stopped."""
    assert ask(ruleset(offer(), paused=True)) == GO
    assert ask(ruleset(offer()), paused=True) == Word("programme_paused")


def test_messages_that_came_in_between_fill_a_cap() -> None:
    rules = ruleset(offer(), per_day=2)
    one, two = shown(after(-60), None), shown(after(-30), None)
    assert ask(rules, state=State(shown=(one,))) == GO
    assert ask(rules, state=State(shown=(one, two))) == Word("caps")


def test_the_offers_own_cap_counts_too() -> None:
    rules = of(offer(caps=[a_day(1)]))
    assert ask(rules, state=State(shown=(shown(after(-60), 2),))) == GO
    assert ask(rules, state=State(shown=(shown(after(-60), 1),))) == Word("caps")


def test_where_the_rules_do_not_know_the_offer_the_programmes_caps_hold() -> None:
    rules = ruleset(per_day=1)
    assert ask(rules, offer=None) == GO
    assert ask(rules, offer=None, state=State(shown=(shown(after(-60), None),))) == Word("caps")


NIGHT = after(hours=9)
"""20:00 UTC is 21:00 in Berlin."""


def test_in_the_night_it_waits_for_the_edge_if_it_lives_that_long() -> None:
    edge = after(hours=20)  # 08:00 in Berlin
    assert ask(at=NIGHT, deliver_by=edge + timedelta(seconds=1)) == Word("quiet_hours", edge)
    assert ask(at=NIGHT, deliver_by=edge) == Word("quiet_hours")
    assert ask(at=NIGHT - timedelta(seconds=1), deliver_by=after(hours=10)) == GO
    assert ask(at=edge, deliver_by=after(hours=21)) == GO


def test_the_night_is_that_of_the_last_trusted_fix_then_that_of_home() -> None:
    abroad = structs.replace(last_fix(at=NIGHT - timedelta(hours=1)), zone="America/New_York")
    assert ask(at=NIGHT, state=State(last_fix=abroad)) == GO
    old = structs.replace(last_fix(at=NIGHT - timedelta(hours=24)), zone="America/New_York")
    assert ask(at=NIGHT, state=State(last_fix=old)).reason == "quiet_hours"
    assert ask(at=NIGHT, customer=customer(zone="America/New_York")) == GO


def test_where_no_zone_is_known_nobody_is_woken() -> None:
    rules = ruleset(offer(), zone="Nowhere/Here", quiet_zone="Nowhere/Here")
    assert ask(rules, customer=customer(zone=None)) == Word("no_zone")
