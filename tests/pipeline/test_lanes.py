"""Lanes: self-made groups, an honest estimate of the wait, exact counts of floods. No clock but the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Conflict, TooMany, Unavailable
from server.pipeline.batch import Answer, Batch, Watch
from server.pipeline.lanes import Flood, Lane, Pace, Patience, Ticket
from tests.pipeline.town import fix

NOW = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
DONE = Answer((), (), Watch(), NOW)
KIM, ALEX = UUID(int=1), UUID(int=2)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def ticket(size: int = 1, *, came_s: float = 0.0) -> Ticket:
    """A report of so many fixes."""
    fixes = tuple(fix() for _ in range(size))
    return Ticket(Batch(KIM, NOW, fixes), came_s, asyncio.get_running_loop().create_future())


def told(one: Ticket) -> asyncio.Future[Answer]:
    """What the ticket's owner was told."""
    assert isinstance(one.answer, asyncio.Future)
    return one.answer


class Desk:
    """Work that notes its groups, and takes as long as the test lets it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self, group: Sequence[Ticket]) -> None:
        self.groups.append([each.size for each in group])
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        for each in group:
            each.tell(DONE)


async def test_whatever_comes_while_a_group_is_under_way_is_the_next_group() -> None:
    desk = Desk()
    lane = Lane(desk, most=500, queue_s=1.0, monotonic=Clock())
    desk.gate.clear()
    lane.put(ticket())
    await asyncio.sleep(0)
    for _ in range(40):
        lane.put(ticket(3))
    desk.gate.set()
    await lane.drain()
    assert desk.groups == [[1], [3] * 40]


async def test_a_group_holds_no_more_fixes_than_allowed_and_no_report_is_cut() -> None:
    desk = Desk()
    lane = Lane(desk, most=10, queue_s=100.0, monotonic=Clock())
    for size in (6, 4, 4, 7, 10, 1):
        lane.put(ticket(size))
    await lane.drain()
    assert desk.groups == [[6, 4], [4], [7], [10], [1]]


async def test_a_refusal_is_everybodys_in_the_group() -> None:
    desk = Desk()
    desk.error = Unavailable(retry_after_s=1)
    lane = Lane(desk, most=10, queue_s=1.0, monotonic=Clock())
    tickets = [ticket() for _ in range(3)]
    for each in tickets:
        lane.put(each)
    await lane.drain()
    assert [type(told(each).exception()) for each in tickets] == [Unavailable] * 3
    assert len(desk.groups) == 1


async def test_an_error_that_is_nobodys_refusal_is_tried_one_by_one() -> None:
    bad = ticket()
    tries: list[int] = []

    async def work(group: Sequence[Ticket]) -> None:
        tries.append(len(group))
        if bad in group:
            raise ZeroDivisionError
        for each in group:
            each.tell(DONE)

    lane = Lane(work, most=10, queue_s=1.0, monotonic=Clock())
    good = [ticket(), ticket()]
    for each in (good[0], bad, good[1]):
        lane.put(each)
    await lane.drain()
    assert tries == [3, 1, 1, 1]
    assert [told(each).result() for each in good] == [DONE, DONE]
    assert isinstance(told(bad).exception(), ZeroDivisionError)


async def test_who_would_wait_longer_than_allowed_is_turned_away_and_the_others_are_served() -> None:
    clock = Clock()

    async def work(group: Sequence[Ticket]) -> None:
        clock.s += 0.3
        for each in group:
            each.tell(DONE)

    lane = Lane(work, most=10, queue_s=1.0, monotonic=clock)
    lane.put(ticket())
    await lane.drain()  # a group takes 0.3 s
    let_in = [ticket(10) for _ in range(4)]
    for each in let_in:
        lane.put(each)
    with pytest.raises(Unavailable) as refused:
        lane.put(ticket())  # four groups are before it: 1.2 s
    assert refused.value.retry_after_s == 1
    await lane.drain()
    assert all(told(each).result() == DONE for each in let_in)


async def test_a_report_that_nobody_waits_for_any_more_is_not_worked_on() -> None:
    desk = Desk()
    lane = Lane(desk, most=10, queue_s=1.0, monotonic=Clock())
    left, stays = ticket(), ticket()
    lane.put(left)
    lane.put(stays)
    told(left).cancel()
    await lane.drain()
    assert desk.groups == [[1]]
    assert told(stays).result() == DONE


async def test_an_answer_is_given_once() -> None:
    one = ticket()
    one.tell(DONE)
    one.refuse(Conflict())
    one.tell(DONE._replace(now=NOW.replace(year=2027)))
    assert told(one).result() == DONE


async def test_who_has_waited_too_long_is_told_so_and_the_others_wait_on() -> None:
    clock = Clock()
    patience = Patience(0.05, clock)
    early, answered, late = ticket(came_s=1_000.0), ticket(came_s=1_000.01), ticket(came_s=1_000.04)
    for each in (early, answered, late):
        patience.watch(each)
    answered.tell(DONE)
    clock.s = 1_000.06
    async with asyncio.timeout(5):
        assert isinstance(await asyncio.gather(told(early), return_exceptions=True), list)
        assert isinstance(told(early).exception(), Unavailable)
        assert not late.answer.done()
        clock.s = 1_000.1
        with pytest.raises(Unavailable, match="did not answer in time"):
            await told(late)
    assert told(answered).result() == DONE
    patience.close()


@given(fixed=st.floats(0.001, 0.1), each=st.floats(0.00001, 0.001), sizes=st.lists(st.integers(1, 500), min_size=3))
def test_the_pace_finds_the_line_behind_the_groups(fixed: float, each: float, sizes: list[int]) -> None:
    pace = Pace(500)
    for size in (*sizes, 1, 500):
        pace.note(size, fixed + each * size)
    for queued in (1, 499, 500, 1_234):
        groups = -(-queued // 500)
        assert pace.wait_s(queued) == pytest.approx(groups * fixed + queued * each, rel=1e-3, abs=1e-6)


def test_a_pace_that_knows_one_size_counts_by_groups_and_one_that_knows_nothing_lets_in() -> None:
    pace = Pace(500)
    assert pace.wait_s(10_000) == 0.0
    pace.note(1, 0.01)
    assert pace.wait_s(500) == pytest.approx(0.01)
    assert pace.wait_s(1_001) == pytest.approx(0.03)


def test_old_groups_are_forgotten() -> None:
    pace = Pace(500)
    for _ in range(20):
        pace.note(100, 5.0)
    for _ in range(200):
        pace.note(100, 0.01)
    assert pace.wait_s(100) == pytest.approx(0.01, rel=0.01)


@given(st.lists(st.tuples(st.integers(0, 160).map(lambda n: n / 4), st.integers(1, 6)), max_size=40))
def test_no_sixty_seconds_ever_hold_more_than_the_limit(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    flood, taken, over = Flood(10, clock), list[tuple[float, int]](), list[tuple[int, int]]()
    for wait, count in steps:
        clock.s += wait
        try:
            flood.take(KIM, count)
            taken.append((clock.s, count))
        except TooMany as refused:
            over.append((sum(n for at, n in taken if at > clock.s - 60) + count, refused.retry_after_s or 0))
    assert all(wanted > 10 and 1 <= wait_s <= 60 for wanted, wait_s in over)
    for at, _ in taken:
        assert sum(n for other, n in taken if at - 60 < other <= at) <= 10


def test_who_waits_as_long_as_told_is_let_in_again() -> None:
    clock = Clock()
    flood = Flood(10, clock)
    flood.take(KIM, 6)
    clock.s += 20
    flood.take(KIM, 4)
    with pytest.raises(TooMany) as refused:
        flood.take(KIM, 6)
    assert refused.value.retry_after_s == 40
    flood.take(ALEX, 10)
    clock.s += 40
    flood.take(KIM, 6)


def test_customers_who_are_quiet_are_forgotten() -> None:
    clock = Clock()
    flood = Flood(10, clock)
    for number in range(100):
        flood.take(UUID(int=number), 1)
    clock.s += 61
    flood.take(KIM, 1)
    assert set(flood._seen) == {KIM}
