"""States as they are stored: nothing gets lost, positions get coarse, versions decide who may write."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.customer import LastFix, Shown, State, Stay
from server.model.ids import bucket_of
from server.model.ping import Fix
from server.model.place import Point
from server.store import states
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.states import Seen, Unshown, bump, decode_state, encode_state, read, rounded, uncount, without
from tests.store.waits import blocked

NOON = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone
STATES = st.builds(
    State,
    stays=st.lists(
        st.builds(
            Stay, st.uuids(), st.floats(0.05, 1), TIMES, TIMES, TIMES, st.booleans(), st.sampled_from(["", "mock"])
        ),
        max_size=5,
    ).map(tuple),
    last_fix=st.none() | st.builds(LastFix, POINTS, st.floats(0, 2_000), TIMES, st.none() | st.just("Europe/Berlin")),
    held=st.none() | st.builds(Fix, POINTS, st.floats(0, 2_000), TIMES, st.none() | st.floats(0, 90), st.booleans()),
    shown=st.lists(st.builds(Shown, TIMES, st.none() | st.uuids(), st.just("marketing")), max_size=5).map(tuple),
)


@given(STATES)
def test_a_state_comes_back_as_it_was_rounded(state: State) -> None:
    assert decode_state(encode_state(state)) == rounded(state)
    assert rounded(rounded(state)) == rounded(state)


@given(STATES)
def test_a_stored_position_is_within_a_hundred_metres_and_no_finer(state: State) -> None:
    for before, after in ((state.last_fix, rounded(state).last_fix), (state.held, rounded(state).held)):
        if before is not None and after is not None:
            for was, became in zip(before.point, after.point, strict=True):
                assert abs(was - became) <= 0.0005 + 1e-12
                assert len(f"{became!r}".partition(".")[2]) <= 3 or "e" in repr(became)


def test_a_customer_of_whom_nothing_is_stored_has_an_empty_state() -> None:
    assert decode_state("{}") == decode_state(None) == State()


async def _customer(db: Connection) -> UUID:
    identifier = new_id()
    await states.make(db, customers=[identifier])
    return identifier


async def test_rows_are_made_once(db: Connection) -> None:
    one = await _customer(db)
    await states.bump(db, customer_id=one)
    await states.make(db, customers=[one, new_id()])
    assert await db.fetchval("SELECT version FROM customer_state WHERE customer_id = $1", one) == 1
    assert await db.fetchval("SELECT count(*) FROM customer_state") == 2


async def test_only_rows_that_still_have_the_version_seen_are_locked(db: Connection) -> None:
    same, other, gone = await _customer(db), await _customer(db), new_id()
    await states.bump(db, customer_id=other)
    async with db.transaction():
        assert await states.lock(db, seen=[Seen(same, 0), Seen(other, 0), Seen(gone, 0)]) == {same}


async def test_rows_locked_in_any_order_by_many_end_no_one_in_a_deadlock(pool: Pool) -> None:
    async with pool.acquire() as db:
        customers = [await _customer(db) for _ in range(30)]

    async def work(order: list[UUID]) -> set[UUID]:
        async with pool.transaction() as db:
            return await states.lock(db, seen=[Seen(each, 0) for each in order])

    held = await asyncio.gather(*(work(customers[n:] + customers[:n]) for n in range(0, 30, 4)))
    assert held == [set(customers)] * 8


async def test_a_bump_replaces_the_state_only_where_one_is_given(db: Connection) -> None:
    one = await _customer(db)
    state = State(shown=(Shown(NOON, None, "marketing"),))
    await states.bump(db, customer_id=one, state=state)
    await states.bump(db, customer_id=one)
    async with db.transaction():
        assert await states.read(db, customer_id=one) == (2, state)
        assert await states.read(db, customer_id=new_id()) is None


async def test_timers_that_ran_out_are_listed_longest_waiting_first(db: Connection) -> None:
    customers = [await _customer(db) for _ in range(3)]
    for number, each in enumerate(customers):
        await db.execute(
            "UPDATE customer_state SET wake_at = $2 WHERE customer_id = $1", each, NOON - timedelta(minutes=number)
        )
    assert await states.due(db, now=NOON - timedelta(seconds=1), limit=10) == [customers[2], customers[1]]
    assert await states.due(db, now=NOON, limit=1) == [customers[2]]


async def test_listening_leaves_the_version_alone(db: Connection) -> None:
    one = await _customer(db)
    await states.listen(db, customer_id=one, for_s=30)
    row = await db.fetchrow("SELECT version, stream_until > clock_timestamp() AS listens FROM customer_state")
    assert row is not None
    assert (row["version"], row["listens"]) == (0, True)
    await states.listen(db, customer_id=one, for_s=0)
    assert await db.fetchval("SELECT stream_until <= clock_timestamp() FROM customer_state")


def test_the_order_is_that_of_the_key() -> None:
    customers = sorted((new_id() for _ in range(50)), key=states.by_bucket)
    assert [bucket_of(each) for each in customers] == sorted(bucket_of(each) for each in customers)


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COFFEE, BOOKS = UUID(int=101), UUID(int=102)


def _told(*minutes: int, offer: UUID = COFFEE) -> tuple[Shown, ...]:
    return tuple(Shown(NOON + timedelta(minutes=each), offer, "marketing") for each in minutes)


def test_a_message_is_taken_out_by_its_offer_and_its_time_and_the_others_stay() -> None:
    state = State(shown=(*_told(0, 5), *_told(5, offer=BOOKS)))
    gone = Unshown(UUID(int=1), COFFEE, NOON + timedelta(minutes=5))
    assert without(state, [gone]).shown == (*_told(0), *_told(5, offer=BOOKS))


def test_two_messages_of_one_instant_are_taken_out_one_by_one() -> None:
    gone = Unshown(UUID(int=1), COFFEE, NOON)
    assert without(State(shown=_told(0, 0)), [gone]).shown == _told(0)
    assert without(State(shown=_told(0, 0)), [gone, gone]).shown == ()


def test_a_message_that_is_not_remembered_any_more_changes_nothing() -> None:
    state = State(shown=_told(0))
    assert without(state, [Unshown(UUID(int=1), BOOKS, NOON)]) == state


async def test_uncounting_moves_the_version_on_for_its_customers_alone(db: Connection) -> None:
    mine, other = await _customer(db), await _customer(db)
    for each in (mine, other):
        await bump(db, customer_id=each, state=State(shown=_told(0, 5)))
    before = {each: await read(db, customer_id=each) for each in (mine, other)}
    await uncount(db, messages=[Unshown(mine, COFFEE, NOON), Unshown(UUID(int=999), COFFEE, NOON)])
    version, state = await read(db, customer_id=mine)
    assert (version, state.shown) == (before[mine][0] + 1, _told(5))
    assert await read(db, customer_id=other) == before[other]


async def test_uncounting_nothing_is_no_matter(db: Connection) -> None:
    mine = await _customer(db)
    before = await read(db, customer_id=mine)
    await uncount(db, messages=[])
    assert await read(db, customer_id=mine) == before


async def test_nothing_is_done_for_nobody(undone: Connection) -> None:
    await states.make(undone, customers=[])
    assert await states.lock(undone, seen=[]) == set()
    assert await states.due(undone, now=NOON, limit=10) == []
    assert await undone.fetchval("SELECT count(*) FROM customer_state") == 0


async def test_a_bump_and_a_listener_of_nobody_make_no_row(undone: Connection) -> None:
    nobody = new_id()
    await states.bump(undone, customer_id=nobody)
    await states.listen(undone, customer_id=nobody, for_s=5)
    assert await undone.fetchval("SELECT count(*) FROM customer_state") == 0


async def test_one_customer_named_twice_gets_one_row_and_is_locked_once(undone: Connection) -> None:
    one = new_id()
    await states.make(undone, customers=[one, one])
    assert await states.lock(undone, seen=[Seen(one, 0), Seen(one, 0), Seen(one, 1)]) == {one}


async def test_neighbours_of_the_same_bucket_do_not_move_each_other(undone: Connection) -> None:
    one, neighbour = new_id(bucket=5), new_id(bucket=5)
    await states.make(undone, customers=[one, neighbour])
    await states.bump(undone, customer_id=one, state=State(shown=(Shown(NOON, None, "marketing"),)))
    await states.listen(undone, customer_id=one, for_s=60)
    assert await states.read(undone, customer_id=neighbour) == (0, State())
    row = await undone.fetchrow("SELECT wake_at, stream_until FROM customer_state WHERE customer_id = $1", neighbour)
    assert row is not None
    assert tuple(row) == (None, None)


async def test_a_new_state_stops_the_timer_and_a_bare_bump_leaves_it(undone: Connection) -> None:
    one, two = new_id(), new_id()
    await states.make(undone, customers=[one, two])
    await undone.execute("UPDATE customer_state SET wake_at = $1", NOON)
    await states.bump(undone, customer_id=one, state=State())
    await states.bump(undone, customer_id=two)
    assert await states.due(undone, now=NOON, limit=10) == [two]


@pytest.mark.parametrize(("microseconds", "due"), [(-1, False), (0, True), (1, True)])
async def test_a_timer_runs_out_at_its_instant(undone: Connection, microseconds: int, due: bool) -> None:
    one = new_id()
    await states.make(undone, customers=[one])
    await undone.execute("UPDATE customer_state SET wake_at = $1", NOON)
    assert await states.due(undone, now=NOON + timedelta(microseconds=microseconds), limit=10) == [one] * due


async def test_making_rows_leaves_those_that_are_there_alone(undone: Connection) -> None:
    one, two = new_id(), new_id()
    await states.make(undone, customers=[one])
    await states.bump(undone, customer_id=one, state=State(shown=(Shown(NOON, None, "marketing"),)))
    await states.make(undone, customers=[two, one])
    assert (await states.read(undone, customer_id=one) or (None,))[0] == 1
    assert await states.read(undone, customer_id=two) == (0, State())


async def test_a_row_that_is_locked_waits_for_nobody_who_only_looks_and_holds_up_who_writes(shared_pool: Pool) -> None:
    one = new_id()
    async with shared_pool.transaction() as db:
        await states.make(db, customers=[one])

    async def bump() -> None:
        async with shared_pool.transaction() as db:
            await states.bump(db, customer_id=one)

    async with shared_pool.transaction() as first:
        assert await states.lock(first, seen=[Seen(one, 0)]) == {one}
        async with shared_pool.acquire() as reader:
            assert await reader.fetchval("SELECT version FROM customer_state WHERE customer_id = $1", one) == 0
        waiting = asyncio.create_task(bump())
        while not await blocked(first):
            await asyncio.sleep(0.01)
    await waiting
    async with shared_pool.transaction() as db:
        assert await states.lock(db, seen=[Seen(one, 0)]) == set()
        assert await states.lock(db, seen=[Seen(one, 1)]) == {one}


async def test_who_waited_for_a_lock_is_told_that_the_version_is_another_now(shared_pool: Pool) -> None:
    one = new_id()
    async with shared_pool.transaction() as db:
        await states.make(db, customers=[one])

    async def second() -> set[UUID]:
        async with shared_pool.transaction() as db:
            return await states.lock(db, seen=[Seen(one, 0)])

    async with shared_pool.transaction() as first:
        await states.bump(first, customer_id=one)
        waiting = asyncio.create_task(second())
        while not await blocked(first):
            await asyncio.sleep(0.01)
    assert await waiting == set()


async def test_twenty_bumps_at_once_are_twenty(shared_pool: Pool) -> None:
    one = new_id()
    async with shared_pool.transaction() as db:
        await states.make(db, customers=[one])

    async def bump() -> None:
        async with shared_pool.transaction() as db:
            await states.bump(db, customer_id=one)

    await asyncio.gather(*(bump() for _ in range(20)))
    async with shared_pool.transaction() as db:
        assert (await states.read(db, customer_id=one) or (None,))[0] == 20
