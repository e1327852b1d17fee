"""Rows past their days are deleted; younger ones stay, and so do passes' moments."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from server.store.pool import Connection, Pool
from server.store.retention import FORGET, Ages, ages_by_table, forget, forget_some

AGES = Ages(pings=timedelta(days=14), events=timedelta(days=400), tokens=timedelta(days=90))
CUSTOMER = UUID(int=7)


async def _pings(db: Connection, *, days: int, count: int) -> None:
    await db.execute(
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell)"
        " SELECT 7, $1, gen_random_uuid(), now(), now() - make_interval(days => $2), '52.50,13.40' FROM generate_series(1, $3)",
        CUSTOMER,
        days,
        count,
    )


async def test_pings_past_their_days_go_and_younger_ones_stay(pool: Pool, db: Connection) -> None:
    await _pings(db, days=15, count=30)
    await _pings(db, days=13, count=20)
    gone = await forget(pool, ages=AGES, rows=7)
    assert gone["pings"] == 30
    assert await db.fetchval("SELECT count(*) FROM pings") == 20


async def test_one_go_deletes_a_bounded_number_of_rows(db: Connection) -> None:
    await _pings(db, days=15, count=30)
    assert await forget_some(db, table="pings", age=AGES.pings, rows=7) == 7
    assert await db.fetchval("SELECT count(*) FROM pings") == 23


async def test_a_token_that_is_used_lives_on(pool: Pool, db: Connection) -> None:
    for number, used_days in ((1, 5), (2, 95)):
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id, created_at, last_used_at)"
            " VALUES (7, $1, $2, now() - interval '200 days', now() - make_interval(days => $3))",
            bytes([number]),
            CUSTOMER,
            used_days,
        )
    await forget(pool, ages=AGES)
    assert await db.fetchval("SELECT array_agg(hash) FROM customer_tokens") == [b"\x01"]


@pytest.mark.parametrize("table", sorted(FORGET))
async def test_every_table_that_forgets_has_an_age_and_a_statement_that_runs(db: Connection, table: str) -> None:
    assert await forget_some(db, table=table, age=ages_by_table(AGES)[table]) == 0


def test_idempotency_keys_outlive_a_weekend_by_far() -> None:
    assert ages_by_table(AGES)["idempotency_keys"] == timedelta(days=7)
