"""The demo's past: the same every time, within its days, and made of what phones report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from geopy.distance import geodesic

from server.commands.history import DAYS, TRIES, Person, batch_of, patiently, share, sky_of, visits
from server.commands.town import SQUARE, at, position
from server.errors import Unavailable
from server.pipeline.batch import Answer, Batch, Watch

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PEOPLE = [Person(number, UUID(int=number + 1), at(1600, -800 + 10 * number)) for number in range(60)]


def test_a_share_is_drawn_from_words_alone() -> None:
    drawn = [share("a", number) for number in range(2000)]
    assert drawn == [share("a", number) for number in range(2000)]
    assert all(0 <= value < 1 for value in drawn)
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


def test_the_same_people_make_the_same_visits() -> None:
    assert list(visits(PEOPLE, now=NOW)) == list(visits(PEOPLE, now=NOW))


def test_visits_come_in_order_within_the_last_days_and_not_in_the_last_hour() -> None:
    instants = [instant for instant, _ in visits(PEOPLE, now=NOW)]
    assert all(one < other for one, other in pairwise(instants))
    assert NOW - timedelta(days=DAYS + 1) < instants[0]
    assert instants[-1] <= NOW - timedelta(hours=1)


def test_nobody_is_at_two_shops_at_once() -> None:
    for _, going in visits(PEOPLE, now=NOW):
        people = [visit.person.number for visit in going]
        assert len(people) == len(set(people))


def test_a_visit_begins_at_home_and_ends_at_the_shop_after_two_minutes() -> None:
    visit = next(going[0] for _, going in visits(PEOPLE, now=NOW))
    fixes = batch_of(visit).fixes
    shop = position(visit.shop)
    assert [geodesic(fix.point, shop).m < 1 for fix in fixes] == [False, False, True, True]
    inside = [fix.captured_at for fix in fixes[2:]]
    assert inside[1] - inside[0] > timedelta(minutes=2)
    assert len({fix.id for fix in fixes}) == 4


def test_nobody_walks_faster_than_a_car_in_town() -> None:
    for _, going in visits(PEOPLE, now=NOW):
        for visit in going:
            for one, other in pairwise(batch_of(visit).fixes):
                seconds = (other.captured_at - one.captured_at).total_seconds()
                assert geodesic(one.point, other.point).m / seconds < 14


def test_the_sky_changes_by_the_day_and_is_the_same_all_over_town() -> None:
    kinds = [sky_of(SQUARE, NOW + timedelta(days=day)).now.kind for day in range(4)]
    assert len(set(kinds)) == 4
    assert sky_of(SQUARE, NOW) == sky_of(at(900, 900), NOW)


class Busy:
    """An entrance that turns everybody away so many times."""

    def __init__(self, times: int) -> None:
        self.times, self.came = times, list[Batch]()

    async def arrive(self, batch: Batch) -> Answer:
        self.came.append(batch)
        if len(self.came) <= self.times:
            raise Unavailable("More came than can be decided now.", retry_after_s=0)
        return Answer((), (), Watch(), NOW)


async def test_who_is_turned_away_by_a_busy_machine_says_the_same_again() -> None:
    busy, batch = Busy(3), Batch(UUID(int=1), NOW, ())
    assert (await patiently(busy.arrive, batch)).now == NOW
    assert busy.came == [batch] * 4


async def test_whoever_is_never_let_in_hears_it_at_last() -> None:
    busy = Busy(10 * TRIES)
    with pytest.raises(Unavailable):
        await patiently(busy.arrive, Batch(UUID(int=1), NOW, ()))
    assert len(busy.came) == TRIES + 1
