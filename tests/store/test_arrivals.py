"""What a group reads and writes, statement by statement."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from server.model.customer import Consents, Happened, State
from server.model.ids import bucket_of
from server.model.money import Money
from server.store import arrivals, states
from server.store.arrivals import NewState, PingFact, Receipt, Visit
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.builders import NOON


async def _customer(db: Connection, *, state: bool = True) -> UUID:
    identifier = new_id()
    await db.execute(
        "INSERT INTO customers (bucket, id, locale, time_zone, attributes, segments, location)"
        " VALUES ($1, $2, 'de-DE', 'Europe/Berlin', $3, '{vip,new}', true)",
        bucket_of(identifier),
        identifier,
        json.dumps({"first_name": "Kim", "visits": 3, "vip": True}),
    )
    if state:
        await states.make(db, customers=[identifier])
    return identifier


def fact(customer: UUID, ping: UUID, moment: UUID | None = None) -> PingFact:
    """A fact about a ping in two fences."""
    return PingFact(customer, ping, NOON, NOON, "52.52,13.40", [UUID(int=1), UUID(int=2)], "skew", moment)


async def test_a_customer_is_loaded_with_all_that_a_decision_may_know(db: Connection) -> None:
    one = await _customer(db)
    for number in range(3):
        await db.execute(
            "INSERT INTO customer_events (bucket, id, customer_id, name, offer, at) VALUES ($1, $2, $3, 'purchase', $4, $5)",
            bucket_of(one),
            new_id(),
            one,
            None if number else "coffee",
            NOON + timedelta(hours=number),
        )
    loaded = await arrivals.load(db, asked={one: [new_id()]})
    known = loaded.customers[one]
    assert known.customer.consents == Consents(location=True)
    assert (known.customer.zone, known.customer.locale) == ("Europe/Berlin", "de-DE")
    assert known.customer.attributes == {"first_name": "Kim", "visits": 3, "vip": True}
    assert known.customer.segments == {"vip", "new"}
    assert known.customer.events == (
        Happened("purchase", NOON + timedelta(hours=2)),
        Happened("purchase", NOON + timedelta(hours=1)),
        Happened("purchase", NOON, "coffee"),
    )
    assert (known.state, known.version, known.listening, known.wake_at, known.answered) == (State(), 0, False, None, {})
    assert loaded.now is not None
    assert loaded.now <= await db.fetchval("SELECT clock_timestamp()")


async def test_each_customer_is_told_of_their_own_pings_alone(db: Connection) -> None:
    one, two, gone = await _customer(db), await _customer(db), new_id()
    shared, new, moment = new_id(), new_id(), new_id()
    await arrivals.record(db, states=[NewState(one, 0, State(), None)], pings=[fact(one, shared, moment)], receipts=[])
    loaded = await arrivals.load(db, asked={one: [new, shared], two: [shared], gone: [shared]})
    assert set(loaded.customers) == {one, two}
    assert loaded.customers[one].answered == {shared: moment}
    assert loaded.customers[two].answered == {}
    assert await arrivals.load(db, asked={gone: []}) == ({}, None)


async def test_a_token_is_proven_by_its_customers_row_until_it_is_revoked(db: Connection) -> None:
    one, two = await _customer(db), await _customer(db)
    for number, owner in ((1, one), (2, one), (3, two)):
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id, revoked_at) VALUES ($1, $2, $3, $4)",
            *(bucket_of(owner), bytes([number]) * 32, owner, NOON if number == 2 else None),
        )
    hashes = [bytes([number]) * 32 for number in (1, 2, 3, 4)]
    loaded = await arrivals.load(db, asked={one: [], two: [new_id()]}, proofs={one: hashes, two: hashes[:1]})
    assert list(loaded.customers[one].proven) == hashes[:1]
    assert list(loaded.customers[two].proven) == []
    assert list((await arrivals.load(db, asked={one: []})).customers[one].proven) == []


async def test_a_customer_without_a_state_row_has_no_version(db: Connection) -> None:
    one = await _customer(db, state=False)
    assert (await arrivals.load(db, asked={one: []})).customers[one].version is None


async def test_a_group_writes_for_those_whose_version_stands_and_nothing_for_the_others(db: Connection) -> None:
    stands, lost = await _customer(db), await _customer(db)
    await states.bump(db, customer_id=lost)
    moment, wake = new_id(), NOON + timedelta(minutes=2)
    won = await arrivals.record(
        db,
        states=[NewState(each, 0, State(), wake) for each in (stands, lost)],
        pings=[fact(each, new_id(), moment) for each in (stands, lost, stands)],
        receipts=[
            Receipt(
                each,
                new_id(bucket=bucket_of(each)),
                NOON,
                moment,
                json.dumps([{"offer_id": str(moment), "gate": None}]),
            )
            for each in (lost, stands)
        ],
    )
    assert won == {stands}
    rows = await db.fetch("SELECT customer_id, version, wake_at FROM customer_state ORDER BY wake_at NULLS LAST")
    assert [(row["customer_id"], row["version"], row["wake_at"]) for row in rows] == [
        (stands, 1, wake),
        (lost, 1, None),
    ]
    pings = await db.fetch("SELECT bucket, customer_id, geofence_ids, reason, moment_id FROM pings")
    assert [row["customer_id"] for row in pings] == [stands, stands]
    assert [row["pings"] for row in await db.fetch("SELECT pings FROM ping_facts")] == [2]  # today's figures count them
    assert (pings[0]["bucket"], pings[0]["geofence_ids"], pings[0]["reason"]) == (
        bucket_of(stands),
        [UUID(int=1), UUID(int=2)],
        "skew",
    )
    assert [row["customer_id"] for row in await db.fetch("SELECT customer_id FROM receipts")] == [stands]


async def test_the_state_written_is_the_state_loaded_next(db: Connection) -> None:
    one = await _customer(db)
    state = State()
    for version in range(3):
        assert await arrivals.record(db, states=[NewState(one, version, state, None)], pings=[], receipts=[]) == {one}
    assert (await arrivals.load(db, asked={one: []})).customers[one].version == 3
    assert await arrivals.record(db, states=[NewState(one, 2, state, None)], pings=[], receipts=[]) == set()


async def test_nobody_asked_for_is_nobody_found_and_nothing_given_is_nothing_written(undone: Connection) -> None:
    assert await arrivals.load(undone, asked={}) == ({}, None)
    assert await arrivals.record(undone, states=[], pings=[], receipts=[]) == set()
    assert not await undone.fetchval("SELECT EXISTS (SELECT FROM ping_facts)")


async def test_a_group_is_loaded_at_one_instant_in_whatever_order(undone: Connection) -> None:
    group = [await _customer(undone) for _ in range(20)]
    loaded = await arrivals.load(undone, asked={each: [] for each in reversed(group)})
    assert set(loaded.customers) == set(group)
    assert all(known.customer.id == key for key, known in loaded.customers.items())


async def test_of_a_long_past_the_newest_two_hundred_are_told_newest_first(undone: Connection) -> None:
    one, other = await _customer(undone), await _customer(undone)
    await undone.execute(
        "INSERT INTO customer_events (bucket, id, customer_id, name, at)"
        " SELECT $1, gen_random_uuid(), $2, 'visit', $3::timestamptz + n * interval '1 minute' FROM generate_series(1, 250) n",
        bucket_of(one),
        one,
        NOON,
    )
    loaded = await arrivals.load(undone, asked={one: [], other: []})
    told = [each.at for each in loaded.customers[one].customer.events]
    assert told == [NOON + timedelta(minutes=minutes) for minutes in range(250, 50, -1)]
    assert loaded.customers[other].customer.events == ()


async def test_what_was_bought_is_looked_up_where_it_is_asked_for_however_much_else_happened(
    undone: Connection,
) -> None:
    one, other = await _customer(undone), await _customer(undone)
    add = (
        "INSERT INTO customer_events (bucket, id, customer_id, name, at, amount_minor, currency, order_id)"
        " SELECT $1, gen_random_uuid(), $2, $3, $4::timestamptz - n * interval '1 day', $5::bigint,"
        " CASE WHEN $5::bigint IS NOT NULL THEN 'EUR' END, CASE WHEN $5::bigint IS NOT NULL THEN 'o-' || n END"
        " FROM generate_series(1, $6::int) n"
    )
    for whose, name, minor, times in (
        (one, "purchase", 250, 2),
        (one, "redemption", None, 1),
        (other, "purchase", 1, 9),
    ):
        await undone.execute(add, bucket_of(whose), whose, name, NOON - timedelta(days=90), minor, times)
    await undone.execute(
        add, bucket_of(one), one, "visit", NOON + timedelta(days=arrivals.HISTORY), None, arrivals.HISTORY
    )
    known = (await arrivals.load(undone, asked={one: []}, bought=True)).customers[one].customer
    assert {each.name for each in known.events} == {"visit"}
    assert known.bought is not None
    assert sorted(known.bought, key=lambda each: (each.name, each.at)) == [
        Happened("purchase", NOON - timedelta(days=92), None, Money(250, "EUR"), "o-2"),
        Happened("purchase", NOON - timedelta(days=91), None, Money(250, "EUR"), "o-1"),
        Happened("redemption", NOON - timedelta(days=91)),
    ]
    assert (await arrivals.load(undone, asked={one: []})).customers[one].customer.bought is None
    await undone.execute("DELETE FROM customer_events")
    assert (await arrivals.load(undone, asked={one: []}, bought=True)).customers[one].customer.bought == ()


async def test_a_neighbours_past_state_and_pings_are_not_ones_own(undone: Connection) -> None:
    one = await _customer(undone)
    neighbour = new_id(bucket=bucket_of(one))
    await undone.execute("INSERT INTO customers (bucket, id) VALUES ($1, $2)", bucket_of(one), neighbour)
    await states.make(undone, customers=[neighbour])
    ping = new_id()
    await undone.execute(
        "INSERT INTO customer_events (bucket, id, customer_id, name, at) VALUES ($1, $2, $3, 'visit', now())",
        bucket_of(one),
        new_id(),
        neighbour,
    )
    await arrivals.record(
        undone, states=[NewState(neighbour, 0, State(), NOON)], pings=[fact(neighbour, ping)], receipts=[]
    )
    known = (await arrivals.load(undone, asked={one: [ping]})).customers[one]
    assert (known.customer.events, known.version, known.wake_at, known.answered) == ((), 0, None, {})
    other = (await arrivals.load(undone, asked={neighbour: [ping]})).customers[neighbour]
    assert (other.version, other.wake_at, other.answered) == (1, NOON, {ping: None})


@pytest.mark.parametrize(("shift", "listening"), [("5 seconds", True), ("0 seconds", False), ("-5 seconds", False)])
async def test_who_listens_is_told_by_the_databases_time(undone: Connection, shift: str, listening: bool) -> None:
    one = await _customer(undone)
    await undone.execute(
        f"UPDATE customer_state SET stream_until = clock_timestamp() + interval '{shift}' WHERE customer_id = $1", one
    )
    assert (await arrivals.load(undone, asked={one: []})).customers[one].listening is listening


@pytest.mark.parametrize("count", [0, 1, 50])
async def test_each_customers_pings_are_cut_out_of_the_groups_list(undone: Connection, count: int) -> None:
    group = {await _customer(undone): [new_id() for _ in range(number % (count + 1))] for number in range(12)}
    for customer, pings in group.items():
        moment = new_id()
        facts = [fact(customer, ping, moment) for ping in pings[::2]]
        await arrivals.record(undone, states=[NewState(customer, 0, State(), None)], pings=facts, receipts=[])
    loaded = await arrivals.load(undone, asked=group)
    assert {key: set(known.answered) for key, known in loaded.customers.items()} == {
        key: set(pings[::2]) for key, pings in group.items()
    }


async def test_a_ping_may_lie_in_no_fence_or_in_many_and_have_nothing_odd(undone: Connection) -> None:
    one = await _customer(undone)
    fences = [new_id() for _ in range(40)]
    facts = [fact(one, new_id())._replace(geofence_ids=within, reason=None) for within in ([], fences)]
    await arrivals.record(undone, states=[NewState(one, 0, State(), None)], pings=facts, receipts=[])
    rows = await undone.fetch("SELECT geofence_ids, reason FROM pings ORDER BY cardinality(geofence_ids)")
    assert [tuple(row) for row in rows] == [([], None), (fences, None)]


async def test_visits_are_written_with_the_state_once(undone: Connection) -> None:
    one, lost = await _customer(undone), await _customer(undone)
    fences = [new_id(), new_id()]
    visits = [Visit(who, NOON, fence) for who in (one, lost) for fence in fences]
    states_ = [NewState(one, 0, State(), None), NewState(lost, 5, State(), None)]
    await arrivals.record(undone, states=states_, pings=[], receipts=[], visits=[*visits, visits[0]])
    rows = await undone.fetch("SELECT customer_id, at, geofence_id FROM visits ORDER BY geofence_id")
    assert [tuple(row) for row in rows] == [(one, NOON, fence) for fence in sorted(fences)]


async def test_facts_of_somebody_whose_state_is_not_written_are_not_written_either(undone: Connection) -> None:
    one, stranger = await _customer(undone), await _customer(undone)
    facts = [fact(stranger, new_id())]
    receipts = [Receipt(stranger, new_id(), NOON, None, "[]")]
    won = await arrivals.record(undone, states=[NewState(one, 0, State(), None)], pings=facts, receipts=receipts)
    assert won == {one}
    for table in ("pings", "receipts"):
        assert await undone.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_ping_that_is_known_already_is_refused_with_all_that_came_with_it(undone: Connection) -> None:
    one, ping = await _customer(undone), new_id()
    await arrivals.record(undone, states=[NewState(one, 0, State(), None)], pings=[fact(one, ping)], receipts=[])
    with pytest.raises(asyncpg.UniqueViolationError):
        async with undone.transaction():
            await arrivals.record(
                undone, states=[NewState(one, 1, State(), NOON)], pings=[fact(one, ping)], receipts=[]
            )
    known = (await arrivals.load(undone, asked={one: [ping]})).customers[one]
    assert (known.version, known.wake_at) == (1, None)


async def test_of_many_who_decide_on_the_same_version_one_wins_and_writes_alone(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        one = await _customer(db)

    async def decide(number: int) -> bool:
        async with shared_pool.transaction() as db:
            facts, wake = [fact(one, UUID(int=number))], NOON + timedelta(minutes=number)
            return await arrivals.record(db, states=[NewState(one, 0, State(), wake)], pings=facts, receipts=[]) == {
                one
            }

    won = await asyncio.gather(*(decide(number) for number in range(8)))
    assert sum(won) == 1
    async with shared_pool.acquire() as db:
        row = await db.fetchrow("SELECT version, wake_at FROM customer_state WHERE customer_id = $1", one)
        pings = await db.fetch("SELECT id FROM pings WHERE customer_id = $1", one)
    assert tuple(row) == (1, NOON + timedelta(minutes=won.index(True)))
    assert [each["id"].int for each in pings] == [won.index(True)]


async def test_groups_that_overlap_in_any_order_end_in_no_deadlock_and_lose_nothing(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        group = [await _customer(db) for _ in range(24)]
    won: list[UUID] = []

    async def decide(turn: int) -> None:
        for version in range(3):
            mine = group[turn:] + group[:turn]
            async with shared_pool.transaction() as db:
                states_ = [NewState(each, version, State(), None) for each in mine]
                won.extend(await arrivals.record(db, states=states_, pings=[], receipts=[]))

    await asyncio.gather(*(decide(turn) for turn in (0, 5, 11, 17)))
    async with shared_pool.acquire() as db:
        loaded = await arrivals.load(db, asked={each: [] for each in group})
    assert sum(known.version or 0 for known in loaded.customers.values()) == len(won)
