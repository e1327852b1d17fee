"""Customers: external ids have one owner, profiles change field by field, the ledger only grows."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from server.model.customer import Consents
from server.model.ids import bucket_of
from server.store import customers, keys
from server.store.customers import Change
from server.store.ids import new_id, token_bucket
from server.store.pool import Connection, Pool
from tests.store.waits import blocked


async def _make(db: Connection, external_id: str | None = None) -> object:
    return await customers.insert(db, external_id=external_id, locale="de-DE", time_zone=None, attributes={"a": 1})


async def test_a_customer_begins_with_no_consent_and_with_a_state(db: Connection) -> None:
    made = await customers.insert(db, external_id="4711", locale=None, time_zone="Asia/Tokyo", attributes={"n": 1.5})
    assert made is not None
    profile = await customers.find(db, customer_id=made)
    assert profile is not None
    assert (profile.external_id, profile.time_zone, profile.attributes) == ("4711", "Asia/Tokyo", {"n": 1.5})
    assert profile.consents == Consents()
    assert await db.fetchval("SELECT version FROM customer_state WHERE customer_id = $1", made) == 0
    assert await customers.by_external_id(db, external_id="4711") == made


async def test_an_external_id_has_one_owner(db: Connection) -> None:
    assert await _make(db, "4711") is not None
    assert await _make(db, "4711") is None
    assert await customers.by_external_id(db, external_id="4712") is None
    assert await db.fetchval("SELECT count(*) FROM customers") == 1


async def test_a_token_finds_its_customer_and_carries_their_bucket(db: Connection) -> None:
    made = await customers.insert(db, external_id=None, locale=None, time_zone=None, attributes={})
    assert made is not None
    token = await customers.give_token(db, customer_id=made)
    assert token_bucket(token, keys.CUSTOMER_PREFIX) == bucket_of(made)
    assert token not in str(await db.fetch("SELECT encode(hash, 'escape') FROM customer_tokens"))


async def test_a_patch_changes_what_is_given_merges_attributes_and_null_removes(db: Connection) -> None:
    made = await customers.insert(
        db, external_id=None, locale="de", time_zone="Asia/Tokyo", attributes={"a": 1, "b": "x"}
    )
    assert made is not None
    change = Change(frozenset({"locale", "attributes"}), None, "ignored", {"b": None, "c": True})
    await customers.patch(db, customer_id=made, change=change)
    profile = await customers.find(db, customer_id=made)
    assert profile is not None
    assert (profile.locale, profile.time_zone, profile.attributes) == (None, "Asia/Tokyo", {"a": 1, "c": True})


async def test_the_consent_ledger_has_an_entry_for_each_purpose_said_and_cannot_be_changed(db: Connection) -> None:
    made = await customers.insert(db, external_id=None, locale=None, time_zone=None, attributes={})
    assert made is not None
    agreed = Consents(location=True)
    await customers.agree(
        db, customer_id=made, consents=agreed, changed=["location", "push"], terms="v1", source="sign-up"
    )
    async with db.transaction():
        assert await customers.lock(db, customer_id=made) == agreed
    rows = await db.fetch("SELECT purpose, granted FROM consents ORDER BY purpose")
    assert [tuple(row) for row in rows] == [("location", True), ("push", False)]
    with pytest.raises(asyncpg.RestrictViolationError):
        await db.execute("UPDATE consents SET granted = true")


async def test_who_is_not_there_is_not_found(db: Connection) -> None:
    assert await customers.find(db, customer_id=new_id()) is None
    assert await customers.lock(db, customer_id=new_id()) is None


async def _somebody(db: Connection, **given: Any) -> UUID:
    usual: dict[str, Any] = {"external_id": None, "locale": None, "time_zone": None, "attributes": {}}
    made = await customers.insert(db, **(usual | given))
    assert made is not None
    return made


@pytest.mark.parametrize("external_id", ["4711", "Ünïcode ✓", " ", "a" * 500, "'; DROP TABLE customers", "None"])
async def test_an_external_id_is_found_exactly_as_it_was_written(undone: Connection, external_id: str) -> None:
    made = await _somebody(undone, external_id=external_id)
    assert await customers.by_external_id(undone, external_id=external_id) == made
    for other in (external_id.upper() + "x", external_id + " ", ""):
        assert await customers.by_external_id(undone, external_id=other) is None
    bucket = await undone.fetchval("SELECT bucket FROM external_ids WHERE customer_id = $1", made)
    assert bucket == int(hashlib.sha256(external_id.encode()).hexdigest()[:8], 16) % 1024


async def test_of_many_who_sign_up_with_one_external_id_at_once_one_gets_it(shared_pool: Pool) -> None:
    async def sign_up() -> UUID | None:
        async with shared_pool.transaction() as db:
            return await customers.insert(db, external_id="race", locale=None, time_zone=None, attributes={})

    made = await asyncio.gather(*(sign_up() for _ in range(12)))
    [winner] = [each for each in made if each is not None]
    async with shared_pool.acquire() as db:
        assert await customers.by_external_id(db, external_id="race") == winner
        assert await db.fetchval("SELECT count(*) FROM customers WHERE external_id = 'race'") == 1


async def test_a_sign_up_that_is_rolled_back_leaves_its_external_id_to_the_next(shared_pool: Pool) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with shared_pool.transaction() as db:
            gone = await _somebody(db, external_id="again")
            raise ZeroDivisionError
    async with shared_pool.transaction() as db:
        assert await customers.find(db, customer_id=gone) is None
        made = await _somebody(db, external_id="again")
        assert await customers.by_external_id(db, external_id="again") == made
        assert await db.fetchval("SELECT count(*) FROM customer_state WHERE customer_id = $1", gone) == 0


async def test_one_customer_may_have_several_tokens_and_each_is_kept_as_its_hash(undone: Connection) -> None:
    made = await _somebody(undone)
    tokens = [await customers.give_token(undone, customer_id=made) for _ in range(3)]
    rows = await undone.fetch(
        "SELECT bucket, hash, last_used_at, revoked_at FROM customer_tokens WHERE customer_id = $1", made
    )
    assert {row["hash"] for row in rows} == {hashlib.sha256(token.encode()).digest() for token in tokens}
    assert {(row["bucket"], row["last_used_at"], row["revoked_at"]) for row in rows} == {(bucket_of(made), None, None)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change(frozenset()), ("de", "Asia/Tokyo", {"a": 1})),
        (Change(frozenset({"locale"}), "fr"), ("fr", "Asia/Tokyo", {"a": 1})),
        (Change(frozenset({"locale"}), None), (None, "Asia/Tokyo", {"a": 1})),
        (Change(frozenset({"time_zone"}), "fr", "Europe/Rome"), ("de", "Europe/Rome", {"a": 1})),
        (Change(frozenset({"attributes"}), None, None, {}), ("de", "Asia/Tokyo", {"a": 1})),
        (Change(frozenset({"attributes"}), None, None, {"a": 2}), ("de", "Asia/Tokyo", {"a": 2})),
        (Change(frozenset({"attributes"}), None, None, {"a": None}), ("de", "Asia/Tokyo", {})),
        (Change(frozenset({"attributes"}), None, None, {"z": None}), ("de", "Asia/Tokyo", {"a": 1})),
        (Change(frozenset({"attributes"}), None, None, {"é": 'q"'}), ("de", "Asia/Tokyo", {"a": 1, "é": 'q"'})),
    ],
)
async def test_each_field_changes_alone(undone: Connection, change: Change, expected: tuple[Any, ...]) -> None:
    made = await _somebody(undone, locale="de", time_zone="Asia/Tokyo", attributes={"a": 1})
    bystander = await _somebody(undone, locale="de", attributes={"a": 1})
    before = await customers.find(undone, customer_id=bystander)
    await customers.patch(undone, customer_id=made, change=change)
    after = await customers.find(undone, customer_id=made)
    assert after is not None
    assert (after.locale, after.time_zone, dict(after.attributes)) == expected
    assert await customers.find(undone, customer_id=bystander) == before


async def test_a_change_of_nobody_makes_nobody(undone: Connection) -> None:
    nobody = new_id()
    await customers.patch(undone, customer_id=nobody, change=Change(frozenset({"locale"}), "fr"))
    assert await customers.find(undone, customer_id=nobody) is None


async def test_what_was_agreed_to_holds_for_oneself_alone_and_the_ledger_tells_the_story(undone: Connection) -> None:
    made, other = await _somebody(undone), await _somebody(undone)
    story = [
        (Consents(location=True, push=True), ["location", "push"], "v1"),
        (Consents(location=True), ["push"], "v1"),
        (Consents(location=True, profiling=True), ["profiling"], "v2"),
        (Consents(), [], "v3"),
    ]
    for consents, changed, terms in story:
        await customers.agree(undone, customer_id=made, consents=consents, changed=changed, terms=terms, source="app")
        assert await customers.lock(undone, customer_id=made) == consents
    assert await customers.lock(undone, customer_id=other) == Consents()
    rows = await undone.fetch(
        "SELECT purpose, granted, terms, source, bucket FROM consents WHERE customer_id = $1 ORDER BY at, id", made
    )
    assert [tuple(row)[:3] for row in rows] == [
        ("location", True, "v1"),
        ("push", True, "v1"),
        ("push", False, "v1"),
        ("profiling", True, "v2"),
    ]
    assert {(row["source"], row["bucket"]) for row in rows} == {("app", bucket_of(made))}


async def test_a_purpose_that_nobody_knows_is_refused_by_the_database(undone: Connection) -> None:
    made = await _somebody(undone)
    with pytest.raises(asyncpg.CheckViolationError):
        await undone.execute(
            "INSERT INTO consents (bucket, id, customer_id, purpose, granted, terms, source)"
            " VALUES ($1, $2, $3, 'selling', true, 'v1', 'app')",
            bucket_of(made),
            new_id(),
            made,
        )


async def test_who_holds_a_customer_lets_another_wait(shared_pool: Pool) -> None:
    order: list[str] = []
    async with shared_pool.transaction() as db:
        made = await _somebody(db)

    async def second() -> None:
        async with shared_pool.transaction() as db:
            assert await customers.lock(db, customer_id=made) == Consents(push=True)
            order.append("second")

    async with shared_pool.transaction() as first:
        await customers.lock(first, customer_id=made)
        waiting = asyncio.create_task(second())
        while not await blocked(first):
            await asyncio.sleep(0.01)
        await customers.agree(
            first, customer_id=made, consents=Consents(push=True), changed=["push"], terms="v1", source="app"
        )
        order.append("first")
    await waiting
    assert order == ["first", "second"]
