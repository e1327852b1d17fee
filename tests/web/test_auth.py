"""A token or a cookie becomes a principal for a second, and for no longer than it counts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import pytest

from server.errors import Unavailable
from server.model.ids import bucket_of
from server.store import keys, sessions, users
from server.store.ids import new_id, new_token
from server.store.pool import Connection, Pool
from server.web.access import Kind
from server.web.auth import Credentials
from tests.web.serving import away


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


HAND = Hand()


@pytest.fixture
async def credentials(pool: Pool) -> AsyncIterator[Credentials]:
    made = Credentials(pool, pool, token_days=90, idle_s=1800, monotonic=HAND)
    yield made
    await made.close()


async def a_customer(pool: Pool, customer: UUID | None = None) -> tuple[UUID, str]:
    customer = customer or new_id()
    token = new_token("kc_", bucket=bucket_of(customer))
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)",
            bucket_of(customer),
            hashlib.sha256(token.encode()).digest(),
            customer,
        )
    return customer, token


async def test_a_customers_token_is_the_customer(pool: Pool, credentials: Credentials) -> None:
    customer, token = await a_customer(pool)
    found = await credentials.by_token(token)
    assert found is not None
    principal = found.principal
    assert (principal.kind, principal.id, principal.customer_id) == (Kind.CUSTOMER, f"customer:{customer}", customer)
    assert principal.roles == {Kind.CUSTOMER}
    assert principal.via == "token"


async def test_a_token_that_is_remembered_is_no_cookie(pool: Pool, credentials: Credentials) -> None:
    async with pool.acquire() as db:
        made = await keys.create(db, kind="admin")
    assert made is not None
    assert await credentials.by_token(made.token)
    assert await credentials.by_cookie(made.token) is None


@pytest.mark.parametrize("kind", ["app", "crm", "marketer", "analyst", "admin"])
async def test_a_keys_token_is_its_kind(pool: Pool, credentials: Credentials, kind: str) -> None:
    async with pool.acquire() as db:
        made = await keys.create(db, kind=kind)
    assert made is not None
    found = await credentials.by_token(made.token)
    assert found is not None
    assert (found.principal.kind, found.principal.id) == (Kind(kind), f"key:{made.id}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "kc_",
        "kc_000",
        pytest.param(new_token("kc_", bucket=3), id="unknown customer"),
        pytest.param(new_token("kd_"), id="unknown admin"),
        "kd_" + "x" * 5000,
        "\ud800",
        "kx_" + "a" * 43,
    ],
)
async def test_what_is_no_token_is_nobody(shared_pool: Pool, token: str) -> None:
    credentials = Credentials(shared_pool, shared_pool, token_days=90, idle_s=1800, monotonic=HAND)
    assert await credentials.by_token(token) is None


async def test_one_kinds_token_with_anothers_prefix_is_nobody(pool: Pool, credentials: Credentials) -> None:
    async with pool.acquire() as db:
        made = await keys.create(db, kind="app")
    assert made is not None
    assert await credentials.by_token("kd_" + made.token[3:]) is None


async def test_a_revoked_key_is_dead_within_a_second_elsewhere_and_at_once_here(
    pool: Pool, credentials: Credentials
) -> None:
    elsewhere = Credentials(pool, pool, token_days=90, idle_s=1800, monotonic=HAND)
    async with pool.acquire() as db:
        made = await keys.create(db, kind="admin")
        assert made is not None
        for each in (credentials, elsewhere):
            assert await each.by_token(made.token) is not None
        await keys.revoke(db, id_=made.id)
    credentials.forget(f"key:{made.id}")
    assert await credentials.by_token(made.token) is None
    assert await elsewhere.by_token(made.token) is not None
    HAND.now += 1.0
    assert await elsewhere.by_token(made.token) is None


async def test_an_erased_customer_is_nobody_at_once(pool: Pool, credentials: Credentials) -> None:
    customer, token = await a_customer(pool)
    _, other = await a_customer(pool)
    assert await credentials.by_token(token)
    assert await credentials.by_token(other)
    async with pool.acquire() as db:
        await db.execute("DELETE FROM customer_tokens")
    credentials.forget_customer(customer)
    assert await credentials.by_token(token) is None
    assert await credentials.by_token(other) is not None  # the others are remembered for their second


async def test_what_was_read_before_somebody_was_dropped_is_not_remembered_after(
    pool: Pool, credentials: Credentials
) -> None:
    customer, token = await a_customer(pool)
    reading = asyncio.create_task(credentials.by_token(token))
    while not credentials._waiting and not reading.done():
        await asyncio.sleep(0)
    while credentials._waiting:
        await asyncio.sleep(0)
    credentials.forget_customer(customer)  # while the statement is on its way
    await reading
    async with pool.acquire() as db:
        await db.execute("DELETE FROM customer_tokens")
    assert await credentials.by_token(token) is None


async def test_a_customers_token_is_a_guess_for_a_while_that_has_to_be_proven(
    pool: Pool, credentials: Credentials
) -> None:
    customer, token = await a_customer(pool)
    assert credentials.guess(token) is None
    await credentials.by_token(token)
    fresh = credentials.guess(token)
    assert fresh is not None
    assert (fresh.visitor.principal.customer_id, fresh.proof) == (customer, None)
    HAND.now += 1.0
    stale = credentials.guess(token)
    assert stale is not None
    assert (stale.visitor, stale.proof) == (fresh.visitor, hashlib.sha256(token.encode()).digest())
    HAND.now += 899.0
    assert credentials.guess(token) is None
    await credentials.by_token(token)
    assert credentials.guess(token) == fresh
    credentials.forget_customer(customer)
    assert credentials.guess(token) is None


async def test_a_keys_token_is_never_a_guess(pool: Pool, credentials: Credentials) -> None:
    async with pool.acquire() as db:
        made = await keys.create(db, kind="app")
    assert made is not None
    assert await credentials.by_token(made.token) is not None
    assert credentials.guess(made.token) is None
    assert not credentials.ask(made.token, lambda found: None)


class Counted:
    """A pool that counts how often it is asked for a connection."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.times = 0

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        self.times += 1
        return self.pool.acquire()


async def test_many_tokens_at_once_are_a_few_statements(pool: Pool) -> None:
    made = [await a_customer(pool) for _ in range(200)]
    tokens = [token for _, token in made] + [made[0][1]] * 3 + [new_token("kc_", bucket=1)]
    counted = Counted(pool)
    credentials = Credentials(counted, counted, token_days=90, idle_s=1800, monotonic=HAND)  # type: ignore[arg-type]
    found = await asyncio.gather(*(credentials.by_token(token) for token in tokens))
    assert [visitor.principal.customer_id if visitor else None for visitor in found] == [
        *(customer for customer, _ in made),
        *[made[0][0]] * 3,
        None,
    ]
    assert counted.times <= 3  # the look-up, and what is written of the use
    await credentials.close()


async def test_a_use_is_written_down_once_an_hour(pool: Pool, credentials: Credentials) -> None:
    _, token = await a_customer(pool)
    await credentials.by_token(token)
    await credentials.close()
    async with pool.acquire() as db:
        first = await db.fetchval("SELECT last_used_at FROM customer_tokens")
        HAND.now += 2
        await credentials.by_token(token)
        await credentials.close()
        assert first is not None
        assert await db.fetchval("SELECT last_used_at FROM customer_tokens") == first


async def test_a_database_that_is_away_is_not_now_and_not_nobody() -> None:
    async with await away() as pool:
        credentials = Credentials(pool, pool, token_days=90, idle_s=1800, monotonic=HAND)
        for token in (new_token("kc_", bucket=3), new_token("kd_")):
            with pytest.raises(Unavailable):
                await credentials.by_token(token)
        with pytest.raises(Unavailable):
            await credentials.by_cookie(new_token("ks_"))
        await credentials.close()


async def test_a_cookie_is_its_person_with_every_role(pool: Pool, credentials: Credentials) -> None:
    async with pool.acquire() as db:
        person = await users.create(
            db, email="k@x", name="K", roles=["analyst", "admin"], store_id=None, password_hash="x", one_time=False
        )
        assert person is not None
        made = await sessions.create(db, user_id=person.id, absolute_s=3600)
    found = await credentials.by_cookie(made.token)
    assert found is not None
    assert found.csrf == made.csrf
    assert not found.one_time
    assert (found.principal.kind, found.principal.via) == (Kind.ADMIN, "cookie")
    assert found.principal.roles == {Kind.ADMIN, Kind.ANALYST}
    assert await credentials.by_cookie("") is None
    assert await credentials.by_cookie(made.token + "x") is None
    async with pool.acquire() as db:
        await sessions.end_all(db, user_id=person.id)
    credentials.forget_user(person.id)
    assert await credentials.by_cookie(made.token) is None
