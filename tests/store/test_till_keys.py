"""Keys of tills' browsers: registered once, held while a record is booked, revoked for good."""

from __future__ import annotations

import asyncio

from server.store import till_keys
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.till_keys import TillKey

POINT = b"\x04" + bytes(64)


async def register(db: Connection, *, number: int = 1, till_id: str = "key:a") -> TillKey | None:
    identifier = till_keys.fresh_id()
    point = POINT[:-1] + bytes([number])
    return await till_keys.register(
        db, id=identifier, till_id=till_id, store_id=new_id(), public_key=point, head=bytes(32)
    )


async def test_a_key_is_registered_once_listed_and_revoked(undone: Connection) -> None:
    one = await register(undone)
    assert one is not None
    assert await register(undone) is None
    assert await till_keys.find(undone, public_key=one.public_key) == one
    two = await register(undone, number=2)
    assert two is not None
    assert await till_keys.page(undone, before=None, limit=5) == [two, one]
    assert await till_keys.page(undone, before=two.id, limit=5) == [one]
    assert await till_keys.count_recent(undone, till_id="key:a") == 2
    assert await till_keys.revoke(undone, id=one.id)
    assert await till_keys.count_recent(undone, till_id="key:a") == 1
    assert await till_keys.count_recent(undone, till_id="key:b") == 0
    first = await till_keys.find(undone, public_key=one.public_key)
    assert await till_keys.revoke(undone, id=one.id)
    again = await till_keys.find(undone, public_key=one.public_key)
    assert first == again is not None
    assert not await till_keys.revoke(undone, id=new_id())


async def test_a_chain_moves_on_and_what_is_missing_adds_up(undone: Connection) -> None:
    key = await register(undone)
    assert key is not None
    await till_keys.advance(undone, id=key.id, n=3, head=b"h" * 32, missing=2)
    await till_keys.advance(undone, id=key.id, n=5, head=b"i" * 32, missing=1)
    held = await till_keys.hold(undone, id=key.id, store_id=key.store_id)
    assert held is not None
    assert (held.last_n, held.head, held.missing) == (5, b"i" * 32, 3)
    assert held.last_used_at is not None
    assert await till_keys.hold(undone, id=key.id, store_id=new_id()) is None


async def test_who_holds_a_key_is_alone_with_it(pool: Pool) -> None:
    async with pool.transaction() as db:
        key = await register(db)
    assert key is not None
    order: list[str] = []

    async def book(name: str) -> None:
        async with pool.transaction() as db:
            held = await till_keys.hold(db, id=key.id, store_id=key.store_id)
            assert held is not None
            order.append(name)
            await asyncio.sleep(0)
            await till_keys.advance(db, id=key.id, n=held.last_n + 1, head=held.head, missing=0)
            order.append(name)

    await asyncio.gather(book("a"), book("b"), book("c"))
    assert order[0::2] == order[1::2]
    async with pool.acquire() as db:
        found = await till_keys.find(db, public_key=key.public_key)
    assert found is not None
    assert found.last_n == 3
