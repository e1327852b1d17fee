"""Tokens are found by their hash while they count, and by nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import keys
from server.store.ids import new_id, new_token
from server.store.pool import Connection

NEVER = UUID(int=0)


async def a_store(db: Connection) -> UUID:
    store, fence = new_id(), new_id()
    await db.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, geofence_id)"
        " VALUES ($1, 'Mitte', 52.5, 13.4, 60, 'Europe/Berlin', $2)",
        store,
        fence,
    )
    return store


async def a_customer_token(db: Connection, *, used_days_ago: float | None = None, made_days_ago: float = 0) -> str:
    customer = new_id()
    token = new_token("kc_", bucket=bucket_of(customer))
    await db.execute(
        "INSERT INTO customer_tokens (bucket, hash, customer_id, created_at, last_used_at)"
        " VALUES ($1, $2, $3, now() - make_interval(secs => $4), now() - make_interval(secs => $5))",
        bucket_of(customer),
        hashlib.sha256(token.encode()).digest(),
        customer,
        made_days_ago * 86400,
        None if used_days_ago is None else used_days_ago * 86400,
    )
    return token


async def owners(db: Connection, *tokens: str) -> list[keys.Owner]:
    hashes = [hashlib.sha256(token.encode()).digest() for token in tokens]
    return await keys.find_owners(db, buckets=[int(token[3:6], 16) for token in tokens], hashes=hashes, token_days=90)


@pytest.mark.parametrize("kind", sorted(set(keys.PREFIXES) - {"till"}))
async def test_a_key_is_found_by_its_token_and_begins_with_its_kind(db: Connection, kind: str) -> None:
    made = await keys.create(db, kind=kind)
    assert made is not None
    assert made.token.startswith(keys.PREFIXES[kind])
    found = await keys.find(db, token=made.token)
    assert found == keys.Found(made.id, kind, None, stale=True)


async def test_of_a_token_nothing_is_stored_but_its_hash_and_how_it_ends(db: Connection) -> None:
    made = await keys.create(db, kind="admin", name="ops")
    assert made is not None
    row = await db.fetchrow("SELECT * FROM api_keys")
    assert row is not None
    assert row["hash"] == hashlib.sha256(made.token.encode()).digest()
    assert row["hint"] == made.token[-4:]
    assert made.token[:-4] not in repr(dict(row))


async def test_another_token_finds_nothing(db: Connection) -> None:
    made = await keys.create(db, kind="admin")
    assert made is not None
    assert await keys.find(db, token=made.token[:-1] + "~") is None
    assert await keys.find(db, token="") is None


async def test_a_till_belongs_to_a_store_that_is_there(db: Connection) -> None:
    store = await a_store(db)
    made = await keys.create(db, kind="till", store_id=store)
    assert made is not None
    found = await keys.find(db, token=made.token)
    assert found is not None
    assert found.store_id == store
    assert await keys.create(db, kind="till", store_id=NEVER) is None
    await db.execute("UPDATE stores SET deleted_at = now()")
    assert await keys.create(db, kind="till", store_id=store) is None


async def test_a_revoked_key_counts_no_more_and_is_revoked_once(db: Connection) -> None:
    made = await keys.create(db, kind="crm")
    assert made is not None
    revoked = await keys.revoke(db, id_=made.id)
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert await keys.find(db, token=made.token) is None
    assert await keys.revoke(db, id_=made.id) is None
    assert await keys.revoke(db, id_=NEVER) is None


async def test_a_key_counts_until_its_end_and_not_after(db: Connection) -> None:
    now = await db.fetchval("SELECT clock_timestamp()")
    over = await keys.create(db, kind="app", not_after=now - timedelta(seconds=1))
    good = await keys.create(db, kind="app", not_after=now + timedelta(days=1))
    assert over is not None
    assert good is not None
    assert await keys.find(db, token=over.token) is None
    assert await keys.find(db, token=good.token) is not None


async def test_a_use_is_written_down_and_is_not_asked_for_again_for_an_hour(db: Connection) -> None:
    made = await keys.create(db, kind="app")
    assert made is not None
    await keys.touch_keys(db, ids=[made.id])
    found = await keys.find(db, token=made.token)
    assert found is not None
    assert not found.stale
    await db.execute("UPDATE api_keys SET last_used_at = now() - interval '61 minutes'")
    found = await keys.find(db, token=made.token)
    assert found is not None
    assert found.stale


async def test_keys_are_listed_newest_first_and_page_by_page(db: Connection) -> None:
    made = [await keys.create(db, kind="crm", name=str(number)) for number in range(5)]
    ids = [key.id for key in made if key]
    first = await keys.page(db, before=None, limit=2)
    second = await keys.page(db, before=first[-1].id, limit=9)
    assert [key.id for key in (*first, *second)] == ids[::-1]


async def test_many_customers_are_found_at_once_and_strangers_are_left_out(db: Connection) -> None:
    tokens = [await a_customer_token(db) for _ in range(3)]
    stranger = new_token("kc_", bucket=7)
    found = await owners(db, *tokens, stranger)
    assert {owner.hash for owner in found} == {hashlib.sha256(token.encode()).digest() for token in tokens}
    assert all(owner.bucket == bucket_of(owner.customer_id) for owner in found)


async def test_a_customers_token_with_another_bucket_is_not_found(db: Connection) -> None:
    token = await a_customer_token(db)
    digest = hashlib.sha256(token.encode()).digest()
    other = (int(token[3:6], 16) + 1) % 1024
    assert await keys.find_owners(db, buckets=[other], hashes=[digest], token_days=90) == []


@pytest.mark.parametrize(
    ("used", "made", "counts"), [(89.0, 200.0, True), (91.0, 200.0, False), (None, 89.0, True), (None, 91.0, False)]
)
async def test_a_customers_token_dies_when_it_is_not_used_for_long(
    db: Connection, used: float | None, made: float, counts: bool
) -> None:
    token = await a_customer_token(db, used_days_ago=used, made_days_ago=made)
    assert bool(await owners(db, token)) is counts


async def test_a_revoked_token_of_a_customer_counts_no_more(db: Connection) -> None:
    token = await a_customer_token(db)
    await db.execute("UPDATE customer_tokens SET revoked_at = now()")
    assert await owners(db, token) == []


async def test_the_use_of_customers_tokens_is_written_down_together(db: Connection) -> None:
    tokens = [await a_customer_token(db) for _ in range(2)]
    assert all(owner.stale for owner in await owners(db, *tokens))
    hashes = [hashlib.sha256(token.encode()).digest() for token in tokens]
    await keys.touch_tokens(db, buckets=[int(token[3:6], 16) for token in tokens], hashes=hashes)
    assert not any(owner.stale for owner in await owners(db, *tokens))


async def test_a_key_can_be_given_an_end_but_not_a_later_one(db: Connection) -> None:
    made = await keys.create(db, kind="app", not_after=datetime(2100, 1, 1, tzinfo=UTC))
    assert made is not None
    soon = await keys.end(db, id_=made.id, after=timedelta(hours=1))
    later = await keys.end(db, id_=made.id, after=timedelta(days=9))
    assert soon is not None
    assert later is not None
    assert soon.not_after == later.not_after
