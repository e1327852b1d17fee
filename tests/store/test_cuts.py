"""Sums are the cells added up, at any time and for any question."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.money import Money
from server.store import cuts, erasure, funnel, reports
from server.store.cube import ALL, Filters, cut
from server.store.cuts import CUTS, DAY, HOUR, ORIGIN, SPAN, SURE_SPANS, WORDS, Cut, Piece, choose, divide
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import row
from tests.store.test_cube import GIVEN, chosen
from tests.store.test_reports import STEPS, oracle
from tests.sums import sum_up, sum_up_by_cuts

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 70


def test_lengths_lie_within_each_other_and_numbers_are_given_once() -> None:
    assert DAY % HOUR == SPAN % DAY == timedelta(0)
    assert len({cut.number for cut in CUTS}) == len(CUTS)
    assert [cut.step for cut in CUTS] == sorted((cut.step for cut in CUTS), reverse=True)


@given(
    st.integers(0, 100_000),
    st.integers(1, 8_000),
    st.sampled_from([(), (HOUR,), (DAY,), (SPAN, DAY, HOUR), (DAY, HOUR), (SPAN, HOUR)]),
)
def test_a_range_is_divided_without_gap_or_overlap_and_each_piece_is_whole(
    first: int, slots: int, steps: tuple[timedelta, ...]
) -> None:
    start = FIRST + first * timedelta(minutes=15)
    end = start + slots * timedelta(minutes=15)
    pieces = divide(start, end, [Cut(number, step, frozenset()) for number, step in enumerate(steps)])
    times = sorted((each.start, each.end) for each in pieces)
    assert (times[0][0], times[-1][1]) == (start, end)
    assert all(one[1] == two[0] for one, two in itertools.pairwise(times))
    assert {(each.sign, each.sure) for each in pieces} == {(1, True)}
    assert all(is_whole(each) for each in pieces)
    assert as_cells(pieces) < 2 * min(steps, default=end - start + HOUR)


def is_whole(piece: Piece) -> bool:
    steps = timedelta(minutes=15) if piece.cut is None else piece.cut.step
    return piece.start < piece.end and not (piece.start - ORIGIN) % steps and not (piece.end - ORIGIN) % steps


def as_cells(pieces: Iterable[Piece]) -> timedelta:
    return sum(((each.end - each.start) for each in pieces if each.cut is None), timedelta(0))


@given(
    st.integers(0, 100_000), st.integers(1, 20_000), st.sampled_from([(SPAN, DAY, HOUR), (SPAN, DAY), (SPAN,), (DAY,)])
)
def test_what_is_taken_beyond_a_range_is_given_back_and_nobody_of_it_is_told(
    first: int, slots: int, steps: tuple[timedelta, ...]
) -> None:
    start = FIRST + first * timedelta(minutes=15)
    end = start + slots * timedelta(minutes=15)
    cuts = [Cut(number, step, frozenset()) for number, step in enumerate(steps)]
    pieces, exactly = divide(start, end, cuts, over=True), divide(start, end, cuts)
    assert all(is_whole(each) for each in pieces)
    edges = sorted({start, end, *(each.start for each in pieces), *(each.end for each in pieces)})
    for since, until in itertools.pairwise(edges):
        there = [each for each in pieces if each.start <= since and until <= each.end]
        inside = start <= since < end
        assert sum(each.sign for each in there) == inside
        if any(each.sure for each in there):
            assert inside
            assert len(there) == 1
    whole = sum((each.end - each.start for each in exactly if each.cut == cuts[0]), timedelta(0))
    if steps[0] != SPAN or whole < SURE_SPANS * SPAN:
        assert pieces == exactly
    else:
        beside = [each for each in pieces if each.cut != cuts[0]]
        assert sum((each.end - each.start for each in beside), timedelta(0)) <= SPAN


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: str(cut.number))
def test_a_question_gets_cuts_that_keep_what_it_asks_for_the_long_ones_first(cut: Cut) -> None:
    found = choose(cut.keeps, offered=True, placed=cut.lead == "place_id")
    assert [each.step for each in found] == sorted((each.step for each in found), reverse=True)
    assert all(each.keeps >= cut.keeps for each in found)
    assert cut.step in {each.step for each in found}
    assert {each.lead for each in choose(cut.keeps, offered=False, placed=False)} <= {None}
    assert {each.lead for each in choose(cut.keeps, offered=True, placed=True)} <= {"place_id"}


def test_offers_that_lie_apart_are_asked_for_one_by_one() -> None:
    filters = Filters(offer_id=(UUID(int=1), UUID(int=2)))
    slices = cut(FIRST, FIRST + 3 * SPAN, needs=["place_id"], filters=filters)
    numbers, leads, starts, ends = slices.parameters(filters)[5:9]
    assert Counter(numbers)[6] == 2  # type: ignore[arg-type]
    assert {lead for number, lead in zip(numbers, leads, strict=True) if number == 6} == {UUID(int=1), UUID(int=2)}  # type: ignore[call-overload]
    assert all(a < b for a, b in zip(starts, ends, strict=True))  # type: ignore[call-overload]


async def live(pool: Pool, lots: random.Random, lots_of: int) -> None:
    """Lives over ten weeks, by the lots, rolled up now and then; what is redeemed or reversed comes when it comes."""
    async with pool.acquire() as db:
        taken: list[Any] = []
        for number in range(lots_of):
            at = FIRST + timedelta(seconds=lots.randrange(DAYS * 86_400))
            moment = row(
                lots.randrange(30),
                at=at,
                offer=lots.randrange(3),
                held_out=lots.random() < 0.1,
                variant=lots.choice(["card", "banner"]),
                placement=lots.choice(["card", "banner"]),
                channel=lots.choice(["in_app", "push"]),
                place_id=lots.choice([None, UUID(int=1), UUID(int=2)]),
                weather=lots.choice([None, "rain", "clear"]),
                local_hour=lots.choice([8, 12, 20]),
                weekday=at.weekday(),
                local_day=(at + timedelta(hours=lots.choice([-5, 2]))).date(),
            )
            await lives.decide(db, moment)
            if not moment.held_out:
                await lives.told(db, moment, *("delivered", "opened", "clicked")[: lots.randrange(4)])
                if lots.random() < 0.5:
                    value = Money(lots.randrange(1, 500), lots.choice(["EUR", "EUR", "CHF"]))
                    taken += [await lives.accept(db, moment, value=value, uses=2)] * 2
            if number % 9 == 0 and taken:
                redemption = await lives.redeem(db, taken.pop(lots.randrange(len(taken))))
                if number % 27 == 0:
                    await lives.reverse(db, redemption)
            if number % 40 == 39:
                await asyncio.gather(funnel.roll(pool, facts=7), funnel.roll(pool, facts=11))
    await funnel.roll(pool)


async def test_any_range_grouping_and_filter_equals_a_count_by_hand(
    db: Connection, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges of whole spans; ranges that begin and end anywhere; and such that take spans which reach beyond them."""
    lots = random.Random(20261201)
    await live(pool, lots, 220)
    questions: list[tuple[Filters, str]] = [(ALL, by) for by in ("offer", "store", "hour", "weekday", "day", "weather")]
    names = list(GIVEN)
    questions += [
        (chosen(tuple(lots.sample(names, size))), lots.choice(list(reports.KEYS)[:-1])) for size in (1, 1, 1, 2, 2, 3)
    ]
    questions += [(chosen(("offer_id",)), by) for by in ("store", "hour", "variant")]
    questions += [(chosen((word,)), by) for word in WORDS for by in ("store", "hour")]
    questions += [(chosen(("offer_id", word)), by) for word in WORDS for by in ("store", "hour", "day")]
    questions += [(chosen(("offer_id", "channel", "weather")), by) for by in ("store", "hour")]
    questions += [(chosen(("place_id",)), by) for by in ("offer", "hour", "day")]
    used: set[int] = set()
    seen = beyond = 0
    for filters, by in questions:
        for whole, spans in ((True, SURE_SPANS), (False, SURE_SPANS), *[(False, 0)] * 3):
            monkeypatch.setattr(cuts, "SURE_SPANS", spans)
            start = FIRST + timedelta(seconds=lots.randrange(20 * 86_400)) if not whole else FIRST - timedelta(days=9)
            end = start + timedelta(days=lots.randrange(20, 70), seconds=lots.randrange(86_400)) + SPAN * whole
            counted = await reports.funnel(db, start=start, end=end, by=by, filters=filters)  # type: ignore[arg-type]
            wanted = await oracle(db, start, end, by, filters)
            assert all(each.decided or each.control for each in counted)
            found = {reports.text_of(each.key): each for each in counted if any(getattr(each, step) for step in STEPS)}
            assert {key: {step: getattr(each, step) for step in STEPS} for key, each in found.items()} == {
                key: {step: group[step] for step in STEPS} for key, group in wanted.items()
            }, (by, filters)
            assert {key: each.value for key, each in found.items()} == {
                key: dict(group["value"]) for key, group in wanted.items()
            }
            assert {key: len(each.people or ()) for key, each in found.items()} == {
                key: len(group["people"]) for key, group in wanted.items()
            }
            least = lots.choice([len(each.people or ()) for each in counted] or [1]) + 1
            some = await reports.funnel(db, start=start, end=end, by=by, filters=filters, least=least)  # type: ignore[arg-type]
            assert {each.key: each.people for each in some} == {
                each.key: each.people if len(each.people or ()) < least else None for each in counted
            }
            pieces = cut(start, end, needs=reports.KEYS[by], filters=filters, over=True).pieces  # type: ignore[index]
            used |= {each.cut.number for each in pieces if each.cut}
            beyond += any(not each.sure for each in pieces)
            seen += sum(each.redeemed for each in counted)
    assert seen > 50
    assert used >= {cut.number for cut in CUTS if cut.number >= 25}
    assert len(used) > 40
    assert beyond > 10


async def test_what_lies_in_a_span_behind_the_range_is_no_group_of_it(db: Connection, pool: Pool) -> None:
    first = FIRST + (ORIGIN - FIRST) % SPAN
    end = first + SURE_SPANS * SPAN + timedelta(days=10)
    for offer, at in ((0, first), (1, end - timedelta(hours=1)), (2, end + timedelta(hours=1))):
        await lives.decide(db, row(offer, at=at, offer=offer, place_id=UUID(int=offer)))
    await funnel.roll(pool)
    assert any(not each.sure for each in cut(first, end, needs=["place_id"], filters=ALL, over=True).pieces)
    for by in ("offer", "store"):
        counted = await reports.funnel(db, start=first, end=end, by=by)  # type: ignore[arg-type]
        assert [(each.decided, len(each.people or ())) for each in counted] == [(1, 1), (1, 1)]


async def test_who_is_erased_takes_nothing_out_of_any_figure(db: Connection, pool: Pool) -> None:
    lots = random.Random(11)
    await live(pool, lots, 90)
    for number in (1, 2, 3):
        async with db.transaction():
            await erasure.erase(db, customer_id=lives.customer(number))
    assert await db.fetchval("SELECT count(*) FROM moments WHERE customer_id IS NULL") > 3
    some = await db.fetch("SELECT created_at FROM moments WHERE customer_id IS NULL ORDER BY created_at")
    ranges = [
        (FIRST, FIRST + timedelta(days=80)),
        (some[0]["created_at"], some[-1]["created_at"]),
    ]  # the latter begins within a slot
    for start, end in ranges:
        for by in ("offer", "store", "hour"):
            counted = await reports.funnel(db, start=start, end=end, by=by)  # type: ignore[arg-type]
            wanted = await oracle(db, start, end, by)
            assert {reports.text_of(each.key): {step: getattr(each, step) for step in STEPS} for each in counted} == {
                key: {step: group[step] for step in STEPS} for key, group in wanted.items()
            }
            assert {reports.text_of(each.key): each.value for each in counted} == {
                key: dict(group["value"]) for key, group in wanted.items()
            }


async def sums(db: Connection) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Read all sums, people as sets."""
    rows = await db.fetch("SELECT * FROM funnel_sums")
    return {tuple(each)[:13]: (*tuple(each)[13:-1], frozenset(each["customers"])) for each in rows}


async def test_what_a_migration_sums_up_is_what_was_summed_up_all_the_time(db: Connection, pool: Pool) -> None:
    await live(pool, random.Random(7), 80)
    kept = await sums(db)
    assert {key[0] for key in kept} == {cut.number for cut in CUTS}
    await sum_up(db)
    assert await sums(db) == kept
    await db.execute("DELETE FROM funnel_sums; DELETE FROM lift_sums")
    await sum_up_by_cuts(db)
    assert await sums(db) == kept


async def test_a_sum_remembers_sixty_four_people_and_no_more(db: Connection, pool: Pool) -> None:
    for first in (0, 50):
        await lives.decide(db, *(row(number, at=FIRST) for number in range(first, first + 50)))
        await funnel.roll(pool)
    people = {len(each["customers"]) for each in await db.fetch("SELECT customers FROM funnel_sums")}
    assert people == {funnel.MOST_CUSTOMERS}
