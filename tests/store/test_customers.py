"""Customers: external ids have one owner, profiles change field by field, the ledger only grows."""

from __future__ import annotations

import asyncpg
import pytest

from server.model.customer import Consents
from server.model.ids import bucket_of
from server.store import customers, keys
from server.store.customers import Change
from server.store.ids import new_id, token_bucket
from server.store.pool import Connection


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
