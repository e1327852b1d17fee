"""What lies ahead, against small towns that are counted by hand and one that is lived through with dice."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from server.decision.conditions import local_time
from server.model.offer import Schedule
from server.model.place import Places
from server.pipeline.audience import gathered
from server.pipeline.outlook import Outlook, Plan
from server.store.reach import Message, Person, Sample, Visit
from tests.builders import fence_id, offer, place, programme
from tests.oracles import Poisson

TODAY = date(2026, 11, 2)
PLACES = [place(number, tags=frozenset({f"tag{number}"})) for number in range(1, 4)]
KNOWN = Places({each.geofence_id: each for each in PLACES}, {each.id: each for each in PLACES})


def who(number: int) -> UUID:
    return UUID(int=number << 10)


def days(*ago: int) -> int:
    """A mask of days so many days ago."""
    return sum(1 << each for each in ago)


def ahead(
    visits: Mapping[tuple[int, int], int],
    *offers: Any,
    people: int = 10,
    messages: Iterable[Message] = (),
    per_day: int | None = 2,
    per_week: int | None = 3,
    shards: int = 1024,
    **more: Any,
) -> Outlook:
    """An outlook on visits by (person, fence) as masks; the last day that is recorded is 28 days ago."""
    known = [Person(who(number), True, True, frozenset()) for number in range(people)]
    told = [Visit(who(person), fence_id(fence), mask) for (person, fence), mask in visits.items()]
    if not any(mask >> 28 for mask in visits.values()):
        told.append(Visit(who(0), fence_id(9), days(28)))  # at a fence that is gone: the house is as old as that
    return Outlook(
        plans=[Plan(each, "live") for each in offers],
        crowd=gathered(Sample(shards, frozenset(), known, told, tuple(messages))),
        places=KNOWN,
        programme=programme(per_day=per_day, per_week=per_week, class_per_day=more.pop("classes", {})),
        zone=ZoneInfo("Europe/Berlin"),
        today=TODAY,
        **more,
    )


ALL_DAYS = tuple(range(1, 29))


def test_each_offer_tells_whom_it_reaches_and_all_together_count_nobody_twice() -> None:
    visits = {(0, 1): days(1), (1, 1): days(2), (1, 2): days(3), (2, 2): days(0)}
    found = ahead(visits, offer(1, tag="tag1"), offer(2, tag="tag2"), offer(3, tag="tag3")).day(TODAY)
    assert [(each.audience, each.basis) for each in found.offers] == [(2, "visits"), (2, "visits"), (10, "consents")]
    assert found.audience == 10
    both = ahead(visits, offer(1, tag="tag1"), offer(2, tag="tag2")).day(TODAY)
    assert (both.audience, both.members) == (3, 3)


def test_how_many_only_small_offers_reach_is_told_apart() -> None:
    visits = {(number, 1): days(1) for number in range(6)} | {(number, 2): days(1) for number in (5, 6, 7)}
    large, small = offer(1, tag="tag1"), offer(2, tag="tag2")
    for least, apart in ((4, 2), (3, 0), (7, 8)):
        assert ahead(visits, large, small, least=least).day(TODAY).apart == apart
    assert ahead(visits, large, least=4).day(TODAY).apart == 0


def test_who_came_often_is_likely_to_come() -> None:
    visits = {(0, 1): days(*ALL_DAYS), (1, 1): days(*ALL_DAYS[::4]), (2, 1): days(0)}
    [expected] = ahead(visits, offer(tag="tag1")).day(TODAY).offers
    assert expected.visitors == pytest.approx((1 - math.exp(-1)) + (1 - math.exp(-0.25)), abs=0.25)
    whole = ahead(visits, offer(tag="tag1")).day(TODAY)
    assert whole.visitors == pytest.approx(expected.visitors)


def test_a_house_without_whole_days_behind_it_forecasts_nothing() -> None:
    crowd = gathered(
        Sample(1024, frozenset(), [Person(who(0), True, True, frozenset())], [Visit(who(0), fence_id(1), days(0))], ())
    )
    fresh = replace(ahead({}, offer(tag="tag1")), crowd=crowd)
    found = fresh.day(TODAY)
    assert (found.audience, found.visitors, found.capped) == (1, None, None)


def test_one_visit_is_one_occasion_however_many_offers_want_it() -> None:
    visits = {(0, fence): days(*ALL_DAYS) for fence in (1, 2)}
    many = [offer(number, tag=f"tag{1 + number % 2}", priority=number) for number in range(1, 7)]
    one, two = ahead(visits, *many, per_week=None).day(TODAY), ahead(visits, *many[:2], per_week=None).day(TODAY)
    assert one.capped == pytest.approx(two.capped)
    assert one.capped == pytest.approx(Poisson(2.0).sf(2), abs=1e-6)


def test_the_class_is_that_of_the_offer_that_wins_there() -> None:
    visits = {(0, 1): days(*ALL_DAYS)}
    service = offer(1, tag="tag1", priority=90, pressure="service")
    marketing = offer(2, tag="tag1", priority=10, pressure="marketing")
    for first, capped in (((service, marketing), True), ((marketing,), False)):
        found = ahead(visits, *first, per_day=None, per_week=None, classes={"service": 1}).day(TODAY).capped
        assert found == pytest.approx(Poisson(1.0).sf(1) if capped else 0.0, abs=1e-6)


def test_messages_of_others_leave_less_room() -> None:
    visits = {(0, 1): days(*ALL_DAYS)}
    post = [Message(who(0), "marketing", ago, 1) for ago in ALL_DAYS]
    quiet = ahead(visits, offer(tag="tag1"), per_week=None).day(TODAY).capped
    loud = ahead(visits, offer(tag="tag1"), per_week=None, messages=post).day(TODAY).capped
    assert quiet == pytest.approx(Poisson(1.0).sf(2), abs=1e-6)
    assert loud == pytest.approx(Poisson(2.0).sf(2), abs=1e-6)


def test_a_schedule_for_everybody_reaches_everybody_on_its_days() -> None:
    weekly = replace(
        offer(), when=replace(offer().when, trigger="schedule", schedule=Schedule(cron="0 9 * * mon"))
    )  # fmt: skip
    outlook = ahead({}, weekly, per_day=1, per_week=None)
    monday, tuesday = outlook.days(TODAY, 2)
    assert ([len(each.offers) for each in (monday, tuesday)], monday.audience) == ([1, 0], 10)
    assert monday.capped == 0.0
    twice = ahead({}, weekly, replace(weekly, id=UUID(int=77)), per_day=1, per_week=None)
    assert twice.day(TODAY).capped == 1.0


def test_a_day_without_offers_has_nobody_and_the_week_before_still_counts() -> None:
    mondays = local_time.Condition(days=frozenset({"mon"}))
    visits = {(0, 1): days(*ALL_DAYS)}
    outlook = ahead(visits, offer(tag="tag1", condition=mondays), offer(2, tag="tag2"), per_day=None, per_week=1)
    monday, tuesday = outlook.days(TODAY, 2)
    assert [len(each.offers) for each in (monday, tuesday)] == [2, 1]
    alone = ahead(visits, offer(tag="tag1", condition=mondays)).day(TODAY + timedelta(days=1))
    assert (alone.offers, alone.audience, alone.capped) == ([], 0, None)


def test_behind_a_share_of_the_shards_stand_all_customers() -> None:
    visits = {(number, 1): days(1) for number in range(5)}
    whole, share = (ahead(visits, offer(tag="tag1"), shards=shards).day(TODAY) for shards in (1024, 256))
    assert (whole.audience, share.audience, share.members) == (5, 20, 5)
    assert share.visitors == pytest.approx(4 * (whole.visitors or 0))
    assert share.capped == whole.capped


def test_of_a_large_audience_some_are_asked_for_all() -> None:
    visits = {(number, 1): days(*ALL_DAYS) for number in range(40)}
    all_of_them = ahead(visits, offer(tag="tag1"), people=40).day(TODAY)
    some = ahead(visits, offer(tag="tag1"), people=40, most=7).day(TODAY)
    assert some.capped == pytest.approx(all_of_them.capped)
    assert some.audience == 40


def test_a_town_that_is_lived_through_with_dice_meets_its_caps_as_often_as_was_forecast() -> None:
    """Two hundred customers with habits of their own at two shops and a newsletter, lived for many weeks by the caps."""
    dice = random.Random(11)
    habit = {(who_, fence): dice.choice([0.05, 0.15, 0.4]) for who_ in range(200) for fence in (1, 2)}
    visits = {
        key: days(*(ago for ago in ALL_DAYS if dice.random() < often)) for key, often in habit.items()
    }  # fmt: skip
    post = [Message(who(n), "marketing", ago, 1) for n in range(0, 200, 2) for ago in (3, 10, 17, 24)]
    outlook = ahead(visits, offer(1, tag="tag1"), offer(2, tag="tag2"), people=200, messages=post)
    day = TODAY + timedelta(days=10)
    forecast = outlook.day(day).capped
    assert forecast is not None

    met = lived = 0
    members = sorted({number for (number, _), mask in visits.items() if mask})
    for number in members:
        for _ in range(40):
            met += lives(dice, outlook, visits, number, day)
            lived += 1
    assert forecast == pytest.approx(met / lived, abs=0.02)
    assert 0.02 < forecast < 0.9


def lives(dice: random.Random, outlook: Outlook, visits: Mapping[tuple[int, int], int], number: int, day: date) -> bool:
    """Live one customer's seven days up to a day, and tell whether its last one meets a cap of two a day and three a week."""
    told, over = 0, False
    for back in reversed(range(7)):
        weekday = (day - timedelta(days=back)).weekday()
        recorded = sum(visits[number, fence].bit_count() for fence in (1, 2))
        rate = recorded / 28 * outlook.profile[weekday] + (4 / 28 * outlook._post[0][weekday] if number % 2 == 0 else 0)
        due, left = 0, math.exp(-rate)  # Knuth's way to throw a Poisson number
        chance = dice.random()
        while chance > left:
            chance *= dice.random()
            due += 1
        room = min(2, 3 - told)
        over = due > room
        told += min(due, room)
    return over
