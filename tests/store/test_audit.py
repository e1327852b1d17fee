"""The chain: each row hangs on the one before, and any change of any row is found."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import asyncpg
import pytest

from server.store import audit
from server.store.audit import GENESIS, Verdict
from server.store.pool import Connection, Pool


async def deeds(db: Connection, count: int) -> None:
    for number in range(1, count + 1):
        await audit.record(
            db,
            actor="user:1",
            action="offer.publish",
            object=f"offer:{number}",
            before={"a": 1, "b": 2},
            after={"b": 2, "a": number},
            address="203.0.113.9",
            request_id=f"r{number}",
        )


async def test_a_deed_is_written_with_hashes_and_not_with_what_it_changed(db: Connection) -> None:
    await audit.record(db, actor="user:1", action="key.create", object="key:2", after={"secret": "hush", "a": 1})
    [entry] = await audit.page(db, before=None, limit=9)
    assert (entry.seq, entry.actor, entry.action, entry.object) == (1, "user:1", "key.create", "key:2")
    assert entry.previous == GENESIS
    assert entry.before_hash is None
    assert entry.after_hash == hashlib.sha256(b'{"a":1,"secret":"hush"}').hexdigest()
    assert "hush" not in repr(await db.fetchrow("SELECT * FROM audit"))


async def test_the_chain_can_be_checked_by_anybody_who_can_hash(db: Connection) -> None:
    await deeds(db, 3)
    previous = bytes(32)
    for row in await db.fetch("SELECT * FROM audit ORDER BY seq"):
        assert row["previous"] == previous
        at = row["at"].isoformat(timespec="microseconds")
        columns = [
            row[name] for name in ("actor", "action", "object", "before_hash", "after_hash", "address", "request_id")
        ]
        text = json.dumps([row["seq"], at, *columns, previous.hex()], separators=(",", ":"))
        assert row["hash"] == hashlib.sha256(text.encode()).digest()
        previous = row["hash"]


async def test_a_whole_chain_is_good_also_over_several_reads(db: Connection) -> None:
    await deeds(db, 7)
    assert await audit.verify(db, rows=3) == Verdict(7, None)


async def test_no_deeds_are_a_good_chain(db: Connection) -> None:
    assert await audit.verify(db) == Verdict(0, None)


TAMPERINGS = [
    "UPDATE audit SET actor = 'user:2' WHERE seq = 3",
    "UPDATE audit SET action = 'offer.pause' WHERE seq = 3",
    "UPDATE audit SET object = 'offer:9' WHERE seq = 3",
    "UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 3",
    "UPDATE audit SET before_hash = NULL WHERE seq = 3",
    "UPDATE audit SET after_hash = before_hash WHERE seq = 3",
    "UPDATE audit SET address = NULL WHERE seq = 3",
    "UPDATE audit SET request_id = 'r9' WHERE seq = 3",
    "UPDATE audit SET hash = previous WHERE seq = 3",
    "UPDATE audit SET previous = hash WHERE seq = 3",
    "DELETE FROM audit WHERE seq = 3",
    "UPDATE audit SET seq = seq + 100 WHERE seq >= 3",
]


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_any_change_of_a_row_is_found_even_by_the_owner_of_the_table(db: Connection, tampering: str) -> None:
    await deeds(db, 5)
    await db.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
    await db.execute(tampering)
    assert (await audit.verify(db)).broken_at == 3


@pytest.mark.parametrize("tampering", ["DELETE FROM audit WHERE seq = 5", "DELETE FROM audit", "TRUNCATE audit"])
async def test_a_chain_that_was_cut_off_at_its_end_is_found(db: Connection, tampering: str) -> None:
    await deeds(db, 5)
    await db.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
    await db.execute(tampering)
    assert (await audit.verify(db)).broken_at is not None


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_the_table_refuses_to_be_changed(db: Connection, change: str) -> None:
    await deeds(db, 1)
    with pytest.raises(asyncpg.RestrictViolationError):
        await db.execute(change)


async def test_a_deed_that_is_undone_leaves_no_row_and_no_gap(pool: Pool) -> None:
    async def undone() -> None:
        async with pool.transaction() as db:
            await deeds(db, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    async with pool.transaction() as db:
        await deeds(db, 1)
        assert await audit.verify(db) == Verdict(1, None)


async def test_deeds_done_at_once_make_one_chain(pool: Pool) -> None:
    async def one() -> None:
        async with pool.transaction() as db:
            await deeds(db, 1)

    await asyncio.gather(*(one() for _ in range(24)))
    async with pool.acquire() as db:
        assert await audit.verify(db) == Verdict(24, None)
        times = [row["at"] for row in await db.fetch("SELECT at FROM audit ORDER BY seq")]
    assert times == sorted(times)


async def test_deeds_are_listed_newest_first_and_page_by_page(db: Connection) -> None:
    await deeds(db, 5)
    first = await audit.page(db, before=None, limit=2)
    second = await audit.page(db, before=first[-1].seq, limit=9)
    assert [entry.seq for entry in (*first, *second)] == [5, 4, 3, 2, 1]


async def _entries(db: Connection) -> list[audit.Entry]:
    return (await audit.page(db, before=None, limit=1000))[::-1]


@pytest.mark.parametrize("value", [{"b": 1, "a": [1, None]}, [], "", 0, False, "é", {"at": "2026"}])
async def test_a_hash_is_that_of_the_canonical_document(undone: Connection, value: Any) -> None:
    await audit.record(undone, actor="user:1", action="a.b", object="x:1", before=value, after=value)
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    [entry] = (await _entries(undone))[-1:]
    assert entry.before_hash == entry.after_hash == hashlib.sha256(written).hexdigest()


async def test_what_was_not_there_before_or_is_not_there_after_has_no_hash(undone: Connection) -> None:
    await audit.record(undone, actor="user:1", action="offer.create", object="offer:1", after={"n": 1})
    await audit.record(undone, actor="user:1", action="offer.delete", object="offer:1", before={"n": 1})
    made, gone = (await _entries(undone))[-2:]
    assert (made.before_hash, gone.after_hash) == (None, None)
    assert made.after_hash == gone.before_hash is not None


async def test_the_order_of_the_fields_does_not_change_the_hash(undone: Connection) -> None:
    for value in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}):
        await audit.record(undone, actor="user:1", action="a.b", object="x:1", after=value)
    first, second = (await _entries(undone))[-2:]
    assert first.after_hash == second.after_hash
    assert first.hash != second.hash


async def test_times_never_run_backwards_even_when_the_clock_does(undone: Connection) -> None:
    await audit.record(undone, actor="user:1", action="a.b", object="x:1")
    await undone.execute("UPDATE audit_head SET at = at + interval '1 hour'")
    await audit.record(undone, actor="user:1", action="a.b", object="x:2")
    first, second = (await _entries(undone))[-2:]
    assert (second.at - first.at).total_seconds() == 3600


async def test_a_log_that_lost_its_head_writes_nothing_more(undone: Connection) -> None:
    await audit.record(undone, actor="user:1", action="a.b", object="x:1")
    await undone.execute("DELETE FROM audit_head")
    with pytest.raises(LookupError, match="head"):
        await audit.record(undone, actor="user:1", action="a.b", object="x:2")
    assert await audit.verify(undone) == audit.Verdict(1, 2)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6, 1000])
async def test_a_check_finds_the_same_in_portions_of_any_size(undone: Connection, rows: int) -> None:
    await deeds(undone, 6)
    assert await audit.verify(undone, rows=rows) == audit.Verdict(6, None)
    await undone.execute("ALTER TABLE audit DISABLE TRIGGER ALL; UPDATE audit SET actor = 'x' WHERE seq = 4")
    broken = await audit.verify(undone, rows=rows)
    assert broken.broken_at == 4


async def test_a_page_before_the_first_is_empty(undone: Connection) -> None:
    await deeds(undone, 3)
    assert await audit.page(undone, before=1, limit=9) == []
    assert [entry.seq for entry in await audit.page(undone, before=3, limit=9)] == [2, 1]
