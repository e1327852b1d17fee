"""What a group reads and writes, statement by statement."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

from server.model.customer import Consents, Happened, State
from server.model.ids import bucket_of
from server.store import arrivals, states
from server.store.arrivals import NewState, PingFact, Receipt
from server.store.ids import new_id
from server.store.pool import Connection
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
            Receipt(each, new_id(bucket=bucket_of(each)), NOON, moment, '[{"gate": null}]') for each in (lost, stands)
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
