"""Caps against counting by hand, budgets to the last unit, and a ledger that forgets only what nobody needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.decide import decide
from server.decision.finding import Gate, Truth
from server.decision.limits import MOST_SHOWN, check_budget, check_caps, prune, remember
from server.decision.ruleset import Ruleset
from server.model.context import Used
from server.model.customer import Shown, State
from server.model.money import Money
from server.model.offer import Cap, Holdout, Offer, Period, Reward, Variant
from tests.builders import (
    NOON,
    a_day,
    after,
    context,
    customer,
    fix,
    offer,
    offer_id,
    place,
    programme,
    rolling,
    ruleset,
    shown,
    store_id,
)

BERLIN = ZoneInfo("Europe/Berlin")


def capped(
    asked: Offer, *past: Shown, now: datetime = NOON, zone: str | None = "Europe/Berlin", **rules: object
) -> str | None:
    """Name the cap that stops the offer, or None."""
    who = customer(zone=zone)
    known = ruleset(asked, **rules)
    found = check_caps(
        asked, place(), context=context(known, at=now, customer=who, state=State(shown=past)), programme=known.programme
    )
    return found.values["cap"] if found is not None else None


def test_without_caps_nothing_is_too_much() -> None:
    assert capped(offer(), *[shown(NOON)] * 50) is None


def test_an_offers_own_cap_counts_its_own_moments() -> None:
    once = offer(caps=[a_day()])
    assert capped(once) is None
    assert capped(once, shown(NOON, 2), shown(NOON, None)) is None
    assert capped(once, shown(NOON)) == "offer"


@pytest.mark.parametrize(
    ("then", "stops"),
    [("2026-11-03T00:00:00+01:00", True), ("2026-11-02T23:59:59+01:00", False), ("2026-11-03T11:59:00+01:00", True)],
)
def test_a_day_begins_at_midnight_at_home(then: str, stops: bool) -> None:
    assert (capped(offer(caps=[a_day()]), shown(datetime.fromisoformat(then))) == "offer") is stops


def test_a_cap_day_is_counted_at_home_while_travelling() -> None:
    """Noon in Berlin is 20:00 in Tokyo: what was shown at 17:00 in Berlin the day before is Tokyo's same day no more."""
    early = shown(datetime.fromisoformat("2026-11-02T15:30:00+00:00"))
    assert capped(offer(caps=[a_day()]), early, zone="Asia/Tokyo") == "offer"
    assert capped(offer(caps=[a_day()]), early, zone="Europe/Berlin") is None


@pytest.mark.parametrize(("age", "stops"), [(timedelta(days=7), False), (timedelta(days=7, microseconds=-1), True)])
def test_what_is_exactly_as_old_as_a_rolling_period_no_longer_counts(age: timedelta, stops: bool) -> None:
    assert (capped(offer(caps=[rolling(days=7)]), shown(NOON - age)) == "offer") is stops


def test_all_of_an_offers_caps_count() -> None:
    both = offer(caps=[a_day(2), rolling(3, days=7)])
    week = [shown(NOON - timedelta(days=n)) for n in (2, 3)]
    assert capped(both, *week, shown(NOON)) == "offer"
    assert capped(both, *week) is None


def test_a_cap_whose_zone_is_unknown_stops_and_says_so() -> None:
    asked = offer(caps=[a_day(tz="place")])
    known = ruleset(asked)
    somewhere, state = place(zone=None), State(shown=(shown(NOON),))
    assert check_caps(asked, somewhere, context=context(known), programme=known.programme) is None
    found = check_caps(asked, somewhere, context=context(known, state=state), programme=known.programme)
    assert found is not None
    assert (found.gate, found.truth) == (Gate.CAP, Truth.UNKNOWN)


def test_the_pressure_class_counts_all_of_its_messages_today() -> None:
    marketing, service = offer(1), offer(2, pressure="service")
    past = [shown(NOON, 7), shown(NOON, None)]
    assert capped(marketing, *past, class_per_day={"marketing": 2}) == "class"
    assert capped(service, *past, class_per_day={"marketing": 2}) is None
    assert capped(marketing, past[0], class_per_day={"marketing": 2}) is None


def test_the_programmes_day_and_week_count_everything() -> None:
    past = [shown(NOON, 7, "service"), shown(NOON, None, "survey")]
    assert capped(offer(), *past, per_day=2) == "programme_day"
    assert capped(offer(), *past, per_day=3) is None
    old = [shown(NOON - timedelta(days=6, hours=23), 7), shown(NOON - timedelta(days=7), 8)]
    assert capped(offer(), *old, per_week=1) == "programme_week"
    assert capped(offer(), old[1], per_week=1) is None


def test_none_a_day_means_none() -> None:
    assert capped(offer(), per_day=0) == "programme_day"


def test_the_caps_are_asked_in_order() -> None:
    asked = offer(caps=[a_day()])
    assert capped(asked, shown(NOON), class_per_day={"marketing": 1}, per_day=1, per_week=1) == "offer"
    assert capped(asked, shown(NOON, 2), class_per_day={"marketing": 1}, per_day=1, per_week=1) == "class"
    assert capped(asked, shown(NOON, 2, "x"), class_per_day={"marketing": 1}, per_day=1, per_week=1) == "programme_day"


PERIODS = st.sampled_from(
    [
        Period(calendar="day"),
        Period(calendar="week"),
        Period(calendar="month"),
        Period(calendar="day", tz="America/New_York"),
        Period(calendar="day", tz="place"),
        Period(rolling=timedelta(hours=36)),
        Period(rolling=timedelta(days=7)),
    ]
)
AUTUMN = st.datetimes(
    datetime.fromisoformat("2026-10-15"), datetime.fromisoformat("2026-11-10"), timezones=st.just(UTC)
)


def by_hand(period: Period, now: datetime, past: list[datetime]) -> int:
    """Count what a period holds, by looking at every date."""
    if period.rolling is not None:
        return sum(1 for at in past if now - at < period.rolling)
    names = {"customer_home": "Asia/Tokyo", "place": "Europe/Berlin"}
    zone = ZoneInfo(names.get(period.tz, period.tz))
    shape = {"day": "%Y-%m-%d", "week": "%G-%V", "month": "%Y-%m"}[period.calendar or "day"]
    return sum(1 for at in past if at.astimezone(zone).strftime(shape) == now.astimezone(zone).strftime(shape))


@given(PERIODS, st.integers(1, 3), AUTUMN, st.lists(AUTUMN, max_size=12))
def test_caps_agree_with_counting_by_hand(period: Period, most: int, now: datetime, past: list[datetime]) -> None:
    past = [at for at in past if at <= now]
    found = capped(offer(caps=[Cap(most, period)]), *map(shown, past), now=now, zone="Asia/Tokyo")
    assert (found == "offer") is (by_hand(period, now, past) >= most)


def spent(asked: Offer, used: Used | None = None, *, here: int | None = None, exhausted: bool = False) -> bool:
    """Whether the budget stops the offer."""
    known = context(
        ruleset(asked),
        used={asked.id: used} if used else {},
        used_at={(asked.id, store_id(1)): here} if here is not None else {},
        exhausted=frozenset({asked.id} if exhausted else ()),
    )
    found = check_budget(asked, place(), context=known)
    assert found is None or (found.gate, found.truth) == (Gate.BUDGET, Truth.FAILS)
    return found is not None


def test_a_budget_gives_its_last_unit_and_no_more() -> None:
    assert not spent(offer(units=10))
    assert not spent(offer(units=10), Used(units=9))
    assert spent(offer(units=10), Used(units=10))
    assert not spent(offer(), Used(units=10**6))


def test_a_liability_must_cover_the_next_reward_whole() -> None:
    reward = Reward("free_item", value=Money(250, "EUR"))
    asked = offer(liability=Money(1000, "EUR"), reward=reward)
    assert not spent(asked, Used(liability_minor=750))
    assert spent(asked, Used(liability_minor=751))
    assert not spent(offer(liability=Money(1000, "EUR")), Used(liability_minor=1000))


def test_a_place_has_its_own_units() -> None:
    asked = offer(place_units=40)
    assert not spent(asked, here=39)
    assert spent(asked, here=40)
    assert spent(asked, Used(place_units=40))
    assert not spent(asked, Used(place_units=40), here=39)


def test_a_claim_that_was_just_lost_is_not_tried_again() -> None:
    assert spent(offer(), exhausted=True)


def test_what_is_shown_is_remembered_in_the_order_of_time() -> None:
    state = State(shown=(shown(after(0)), shown(after(20))))
    found = remember(state, shown(after(10), 3, "service"))
    assert found.shown == (shown(after(0)), shown(after(10), 3, "service"), shown(after(20)))


def left(rules: Ruleset, *past: Shown, now: datetime = NOON) -> list[Shown]:
    """What is left of a past."""
    return list(prune(State(shown=past), now, rules).shown)


def test_what_no_cap_needs_is_forgotten_after_eight_days() -> None:
    recent, old = shown(NOON - timedelta(days=7, hours=23), None), shown(NOON - timedelta(days=8), None)
    assert left(ruleset(), old, recent) == [recent]


def test_a_long_cap_keeps_as_many_as_it_allows() -> None:
    rules = ruleset(offer(caps=[rolling(2, days=90)]))
    past = [shown(NOON - timedelta(days=n)) for n in (91, 80, 40, 20)]
    assert left(rules, *past) == past[2:]


def test_the_last_showing_of_an_offer_is_kept_for_arbitration() -> None:
    past = [shown(NOON - timedelta(days=n)) for n in (50, 40)]
    assert left(ruleset(offer()), *past) == past[1:]


def test_a_paused_offers_moments_are_kept_for_a_month() -> None:
    past = [shown(NOON - timedelta(days=n), 9) for n in (35, 34)]
    assert left(ruleset(offer()), *past) == past[1:]


def test_many_unlimited_moments_do_not_push_out_what_a_cap_needs() -> None:
    rules = ruleset(offer(1, caps=[Cap(2, Period(calendar="month"))]), offer(2))
    precious = [shown(NOON - timedelta(days=2, minutes=n)) for n in (2, 1)]
    flood = [shown(NOON - timedelta(seconds=500 - n), 2) for n in range(500)]
    found = left(rules, *precious, *flood)
    assert len(found) == MOST_SHOWN
    assert found[:2] == precious
    assert found[2:] == flood[-198:]


PAST = st.lists(
    st.builds(shown, AUTUMN, st.sampled_from([1, 2, 3, None]), st.sampled_from(["marketing", "service"])), max_size=40
)


@given(PAST, AUTUMN)
def test_forgetting_never_changes_what_a_cap_says(past: list[Shown], now: datetime) -> None:
    known = sorted((each for each in past if each.at <= now), key=lambda each: each.at)
    offers = [
        offer(1, caps=[a_day(2), Cap(3, Period(calendar="month")), rolling(5, days=20)]),
        offer(2, caps=[Cap(2, Period(calendar="week"))], pressure="service"),
    ]
    limits = {"per_day": 4, "per_week": 9, "class_per_day": {"service": 2}}
    rules = ruleset(*offers, **limits)
    short = left(rules, *known, now=now)
    for asked in offers:
        assert capped(asked, *known, now=now, **limits) == capped(asked, *short, now=now, **limits)
    assert left(rules, *short, now=now) == short


def test_an_offer_without_an_entry_has_used_nothing() -> None:
    asked = offer(units=1)
    other = context(ruleset(asked), used={offer_id(9): Used(units=1)})
    assert check_budget(asked, None, context=other) is None
    assert programme().per_day is None


@pytest.mark.parametrize(
    "told",
    [
        {"surfaces": ("inbox",)},
        {"surfaces": ("push",)},
        {"variants": (Variant("only", 1, "inbox"),)},
        {"action": {"type": "survey", "survey_id": "nps"}},
        {"holdout": Holdout(1.0, "all")},
    ],
    ids=["inbox", "push", "an inbox's place", "a survey", "held out"],
)
def test_whatever_way_a_message_goes_it_counts_into_one_ledger(told: dict[str, Any]) -> None:
    told = dict(told)
    action = told.pop("action", {"type": "pass"})
    one, other = offer(1, trigger="inside", priority=90, **told), offer(2, trigger="inside")
    one = replace(one, moment=replace(one.moment, action=action))
    rules = ruleset(one, other, per_day=1)
    first = decide(context(rules, fix()), rules)
    assert first.chosen is not None
    assert first.chosen.offer == one
    [counted] = first.state.shown
    assert (counted.offer_id, counted.pressure) == (one.id, "marketing")
    later = decide(context(rules, fix(at=after(minutes=5)), state=first.state), rules)
    assert later.chosen is None
    assert {verdict.finding.gate for verdict in later.verdicts} == {Gate.CAP}


def test_what_others_sent_leaves_as_much_less_room() -> None:
    asked = offer(trigger="inside")
    rules = ruleset(asked, per_day=2)
    state = State(shown=(shown(NOON, None),))
    first = decide(context(rules, fix(), state=state), rules)
    second = decide(context(rules, fix(at=after(minutes=5)), state=first.state), rules)
    assert (first.chosen is not None, second.chosen is not None) == (True, False)
