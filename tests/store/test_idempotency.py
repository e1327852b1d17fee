"""A key is claimed once; who comes second waits for the first, and reads its answer or takes its place."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import idempotency
from server.store.idempotency import Claim, Kept
from server.store.ids import new_id
from server.store.pool import Connection, Pool

CLAIM = Claim("key:1", "POST /v1/things", "abc", b"h" * 32)


async def test_the_first_claims_and_the_second_reads_what_was_kept(db: Connection) -> None:
    assert await idempotency.claim(db, CLAIM) is None
    await idempotency.keep(db, CLAIM, status=201, body=b"{}")
    assert await idempotency.claim(db, CLAIM) == Kept(b"h" * 32, 201, b"{}")
    assert await idempotency.claim(db, CLAIM._replace(body_hash=b"i" * 32)) == Kept(b"h" * 32, 201, b"{}")


@pytest.mark.parametrize("field", ["principal", "route", "key"])
async def test_another_principal_route_or_key_is_another_claim(db: Connection, field: str) -> None:
    await idempotency.claim(db, CLAIM)
    assert await idempotency.claim(db, CLAIM._replace(**{field: "other"})) is None


async def test_who_comes_second_waits_and_reads_the_firsts_answer(pool: Pool) -> None:
    async with pool.transaction() as first:
        await idempotency.claim(first, CLAIM)

        async def come_second() -> Kept | None:
            async with pool.transaction() as second:
                return await idempotency.claim(second, CLAIM)

        waiting = asyncio.create_task(come_second())
        while not await _waits(pool):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await idempotency.keep(first, CLAIM, status=409, body=b"no")
    assert await waiting == Kept(CLAIM.body_hash, 409, b"no")


async def test_who_comes_second_takes_the_place_of_one_who_rolled_back(pool: Pool) -> None:
    async def come_second() -> Kept | None:
        async with pool.transaction() as second:
            return await idempotency.claim(second, CLAIM)

    with contextlib.suppress(ZeroDivisionError):
        async with pool.transaction() as first:
            await idempotency.claim(first, CLAIM)
            waiting = asyncio.create_task(come_second())
            while not await _waits(pool):
                await asyncio.sleep(0.01)
            raise ZeroDivisionError
    assert await waiting is None


async def _waits(pool: Pool) -> bool:
    async with pool.acquire() as db:
        return bool(await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_a_customers_keys_lie_in_the_customers_shard_and_can_be_forgotten(db: Connection) -> None:
    customer, other = new_id(), new_id()
    for principal in (f"customer:{customer}", f"customer:{other}", "key:7"):
        await idempotency.claim(db, CLAIM._replace(principal=principal))
    bucket = await db.fetchval("SELECT bucket FROM idempotency_keys WHERE principal = $1", f"customer:{customer}")
    assert bucket == bucket_of(customer)
    await idempotency.forget_principal(db, principal=f"customer:{customer}")
    left = {row["principal"] for row in await db.fetch("SELECT principal FROM idempotency_keys")}
    assert left == {f"customer:{other}", "key:7"}


def test_other_principals_are_spread_by_their_name() -> None:
    buckets = {idempotency.bucket_of_principal(f"key:{UUID(int=number)}") for number in range(300)}
    assert len(buckets) > 200
    assert all(0 <= bucket < 1024 for bucket in buckets)


async def test_a_claim_that_is_not_answered_yet_has_no_answer(undone: Connection) -> None:
    assert await idempotency.claim(undone, CLAIM) is None
    row = await undone.fetchrow("SELECT status, body, created_at <= clock_timestamp() AS past FROM idempotency_keys")
    assert row is not None
    assert tuple(row) == (None, None, True)


async def test_a_kept_answer_is_that_of_its_own_claim(undone: Connection) -> None:
    others = [CLAIM._replace(principal="key:2"), CLAIM._replace(route="GET /"), CLAIM._replace(key="abd")]
    for claimed in (CLAIM, *others):
        assert await idempotency.claim(undone, claimed) is None
    for number, claimed in enumerate((CLAIM, *others)):
        await idempotency.keep(undone, claimed, status=200 + number, body=bytes([number]))
    kept = [await idempotency.claim(undone, claimed) for claimed in (CLAIM, *others)]
    assert kept == [Kept(CLAIM.body_hash, 200 + number, bytes([number])) for number in range(4)]


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"x" * 70_000])
async def test_an_answer_comes_back_byte_by_byte(undone: Connection, body: bytes) -> None:
    await idempotency.claim(undone, CLAIM)
    await idempotency.keep(undone, CLAIM, status=599, body=body)
    assert await idempotency.claim(undone, CLAIM) == Kept(CLAIM.body_hash, 599, body)


async def test_of_many_with_one_key_at_once_one_does_the_deed_and_all_hear_its_answer(shared_pool: Pool) -> None:
    claimed, done = CLAIM._replace(key="many"), list[int]()

    async def ask(number: int) -> bytes:
        async with shared_pool.transaction() as db:
            kept = await idempotency.claim(db, claimed)
            if kept is not None:
                return kept.body
            done.append(number)
            await idempotency.keep(db, claimed, status=201, body=str(number).encode())
            return str(number).encode()

    answers = await asyncio.gather(*(ask(number) for number in range(12)))
    assert len(done) == 1
    assert set(answers) == {str(done[0]).encode()}


async def test_forgetting_a_principal_forgets_no_neighbour(undone: Connection) -> None:
    one, neighbour = new_id(bucket=9), new_id(bucket=9)
    for owner in (one, neighbour):
        await idempotency.claim(undone, CLAIM._replace(principal=f"customer:{owner}"))
    await idempotency.claim(undone, CLAIM)
    await idempotency.forget_principal(undone, principal=f"customer:{one}")
    await idempotency.forget_principal(undone, principal="key:unknown")
    left = {row["principal"] for row in await undone.fetch("SELECT principal FROM idempotency_keys")}
    assert left == {f"customer:{neighbour}", CLAIM.principal}
