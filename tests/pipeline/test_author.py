"""What somebody writes stands in the audit with who, from where and in which request; what is undone does not."""

from __future__ import annotations

import pytest

from server.pipeline.author import Author
from server.store import audit
from server.store.pool import Connection, Pool

KIM = Author("user:kim", address="192.0.2.7", request_id="r-1")


async def test_a_deed_names_its_author_and_keeps_hashes_alone(db: Connection) -> None:
    async with db.transaction():
        await KIM.record(db, "offer.publish", "offer:1", before={"status": "draft"}, after={"status": "live"})
    [entry] = await audit.page(db, before=None, limit=10)
    assert (entry.actor, entry.address, entry.request_id) == ("user:kim", "192.0.2.7", "r-1")
    assert (entry.action, entry.object) == ("offer.publish", "offer:1")
    assert entry.before_hash != entry.after_hash
    assert "live" not in repr(entry)


async def test_a_deed_that_is_rolled_back_was_never_done(pool: Pool) -> None:
    async def change_one_s_mind() -> None:
        async with pool.transaction() as db:
            await KIM.record(db, "offer.end", "offer:1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_one_s_mind()
    async with pool.acquire() as db:
        assert await audit.page(db, before=None, limit=10) == []
        assert (await audit.verify(db)).broken_at is None


async def test_the_same_object_before_and_after_has_the_same_hash(db: Connection) -> None:
    async with db.transaction():
        await KIM.record(db, "store.change", "store:1", before={"a": 1, "b": 2}, after={"b": 2, "a": 1})
    [entry] = await audit.page(db, before=None, limit=10)
    assert entry.before_hash == entry.after_hash
