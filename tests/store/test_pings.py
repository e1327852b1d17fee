"""Facts about pings and visits are deleted for one customer, all of them."""

from __future__ import annotations

from server.model.ids import bucket_of
from server.store import pings
from server.store.ids import new_id
from server.store.pool import Connection
from tests.builders import NOON


async def test_forgetting_deletes_all_of_ones_own_and_no_others(db: Connection) -> None:
    one, two = new_id(), new_id()
    for owner in (one, one, two):
        await db.execute(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell) VALUES ($1, $2, $3, $4, $4, '52.52,13.40')",
            bucket_of(owner),
            owner,
            new_id(),
            NOON,
        )
        await db.execute(
            "INSERT INTO visits (bucket, customer_id, at, geofence_id) VALUES ($1, $2, $3, $4)",
            bucket_of(owner),
            owner,
            NOON,
            new_id(),
        )
    await pings.forget(db, customer_id=one)
    for table in ("pings", "visits"):
        assert [row["customer_id"] for row in await db.fetch(f"SELECT customer_id FROM {table}")] == [two]


async def test_a_neighbour_of_the_same_bucket_keeps_theirs_and_who_has_none_loses_none(undone: Connection) -> None:
    one, neighbour = new_id(bucket=5), new_id(bucket=5)
    for owner in (one, neighbour):
        await undone.execute(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell) VALUES (5, $1, $2, $3, $3, '')",
            owner,
            new_id(),
            NOON,
        )
    await pings.forget(undone, customer_id=new_id(bucket=5))
    assert await undone.fetchval("SELECT count(*) FROM pings") == 2
    await pings.forget(undone, customer_id=one)
    assert await undone.fetchval("SELECT array_agg(customer_id) FROM pings") == [neighbour]
