"""A call lends the right connection: the till's own pool, and within an idempotent request the one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from server.store.pool import Pool
from server.web.access import ANONYMOUS, Kind, Principal
from server.web.call import Call
from tests.web.serving import NoPool, parts_of, settings_with

CUSTOMER = UUID(int=5)


def call(pool: Any, *, kind: Kind = Kind.ADMIN, till_pool: Any = None, **others: Any) -> Call:
    principal = Principal(kind, "key:1", frozenset({kind}), customer_id=CUSTOMER if kind is Kind.CUSTOMER else None)
    parts = parts_of(settings_with(), pool, till_pool=till_pool or pool)
    return Call(request=None, parts=parts, principal=principal, request_id="r", address="a", **others)  # type: ignore[arg-type]


async def test_a_till_has_a_pool_of_its_own(pool: Pool) -> None:
    assert call(NoPool(), kind=Kind.TILL, till_pool=pool).pool is pool
    assert call(pool, kind=Kind.ADMIN, till_pool=NoPool()).pool is pool


async def test_what_raises_within_a_transaction_is_undone(pool: Pool) -> None:
    made = call(pool)
    async with made.transaction() as db:
        await db.execute("CREATE TABLE things (name text)")
    with pytest.raises(ZeroDivisionError):
        await _break(made)
    async with made.connection() as db:
        assert await db.fetchval("SELECT count(*) FROM things") == 0


async def _break(made: Call) -> None:
    async with made.transaction() as db:
        await db.execute("INSERT INTO things VALUES ('x')")
        raise ZeroDivisionError


async def test_a_held_transaction_is_lent_again_and_a_part_of_it_can_be_undone(pool: Pool) -> None:
    async with pool.transaction() as held:
        made = call(NoPool(), held=held)
        async with made.transaction() as db:
            assert db is held
            await db.execute("CREATE TABLE things (name text)")
        with pytest.raises(ZeroDivisionError):
            await _break(made)
        async with made.connection() as db:
            assert db is held
            assert await db.fetchval("SELECT count(*) FROM things") == 0


def test_names_in_the_path_are_given_by_kind() -> None:
    made = call(NoPool(), path={"id": CUSTOMER, "type": "pings"})
    assert made.uuid("id") == CUSTOMER
    assert made.text("type") == "pings"
    assert made.text("id") == str(CUSTOMER)
    with pytest.raises(LookupError):
        made.uuid("type")


def test_only_a_customers_call_has_a_customer() -> None:
    assert call(NoPool(), kind=Kind.CUSTOMER).customer_id == CUSTOMER
    with pytest.raises(LookupError):
        _ = call(NoPool(), kind=Kind.ADMIN).customer_id
    assert ANONYMOUS.customer_id is None
