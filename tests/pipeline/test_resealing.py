"""Sealing anew loses nothing, stops nobody, and lets the older key end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.errors import Conflict
from server.model.ids import bucket_of
from server.pipeline.resealing import STAYS, Resealed, reseal
from server.store import examination, passes
from server.store.ids import new_id
from server.store.pool import Pool
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring, Kind
from tests.counter_rows import the_desk
from tests.store.test_examination import NOW

MINUTE = timedelta(minutes=1)


async def issue(pool: Pool, desk: Desk, *, now: datetime) -> UUID:
    serial = new_id(bucket=bucket_of(examination.DOCTOR), now=now)
    async with pool.transaction() as db:
        token = desk.new_token(serial, now=now)
        await examination.make(db, serial=serial, key_id=1, token_sealed=token, now=now)
    return serial


async def tokens(pool: Pool, keyring: Keyring, *, now: datetime) -> dict[UUID, bytes | None]:
    async with pool.acquire() as db:
        rows = await db.fetch("SELECT serial, token_sealed FROM passes")
    return {row[0]: keyring.unseal(row[1], table="passes", row=row[0].bytes, now=now) for row in rows}


async def test_every_token_stays_the_same_under_a_new_key_and_the_old_one_ends(pool: Pool, tmp_path: Path) -> None:
    desk, keyring = the_desk(tmp_path)
    for _ in range(5):
        await issue(pool, desk, now=NOW)
    before = await tokens(pool, keyring, now=NOW)
    assert None not in before.values()
    keyring.rotate(Kind.SEAL, now=NOW)
    later = NOW + 2 * MINUTE
    assert await reseal(pool, keyring, now=later) == Resealed(done=5, lost=0, key=2)
    assert await tokens(pool, keyring, now=later) == before
    assert keyring.find(Kind.SEAL, 1, now=later + STAYS) is None
    assert await tokens(pool, keyring, now=later + STAYS) == before
    assert await reseal(pool, keyring, now=later) == Resealed(done=0, lost=0, key=2)
    assert keyring.rotate(Kind.SEAL, now=later + STAYS).id == 3
    desk.close()


async def test_a_key_that_has_not_begun_is_waited_for(pool: Pool, tmp_path: Path) -> None:
    desk, keyring = the_desk(tmp_path)
    keyring.rotate(Kind.SEAL, now=NOW)
    with pytest.raises(Conflict, match="begins at 09:01:00 UTC"):
        await reseal(pool, keyring, now=NOW + MINUTE / 2)
    desk.close()


async def test_what_nobody_can_open_is_counted_and_left(pool: Pool, tmp_path: Path) -> None:
    desk, keyring = the_desk(tmp_path)
    serial = await issue(pool, desk, now=NOW)
    keyring.rotate(Kind.SEAL, now=NOW, overlap=timedelta(0))
    assert await reseal(pool, keyring, now=NOW + 2 * MINUTE) == Resealed(done=0, lost=1, key=2)
    assert await tokens(pool, keyring, now=NOW) == {serial: await _token(pool, desk, serial)}
    desk.close()


async def _token(pool: Pool, desk: Desk, serial: UUID) -> bytes:
    async with pool.acquire() as db:
        found = await passes.find(db, serial=serial)
    assert found is not None
    return desk._token(found, now=NOW)


async def test_while_it_is_rotated_and_sealed_anew_every_pass_is_believed_and_new_ones_are_made(
    pool: Pool, tmp_path: Path
) -> None:
    desk, keyring = the_desk(tmp_path)
    other_desk, other_keyring = the_desk(tmp_path)  # another process: it learns of the new key by itself
    for _ in range(5):
        await issue(pool, desk, now=NOW)
    known = await tokens(pool, keyring, now=NOW)
    clock, asked, ending = [NOW], 0, asyncio.Event()

    async def holders() -> None:
        nonlocal asked
        while not ending.is_set():
            for serial, token in known.items():
                async with pool.acquire() as db:
                    found = await passes.find(db, serial=serial)
                assert token is not None
                assert other_desk.is_token(token.decode(), of=found, serial=serial, now=clock[0])
                asked += 1
            await asyncio.sleep(0.001)

    async def buyers() -> None:
        while not ending.is_set():
            await issue(pool, other_desk, now=clock[0])
            await asyncio.sleep(0.001)  # as fast as buyers come at their most, not as fast as a processor can

    async def operator() -> None:
        for _ in range(2):
            keyring.rotate(Kind.SEAL, now=clock[0])
            clock[0] += 2 * MINUTE
            assert (await reseal(pool, keyring, now=clock[0])).lost == 0
            clock[0] += STAYS
        ending.set()

    async with asyncio.TaskGroup() as group:
        for work in (holders(), buyers(), operator()):
            group.create_task(work)
    assert asked > 20
    assert {key.id for key in keyring.keys(Kind.SEAL, now=clock[0])} == {3}
    after = await tokens(pool, other_keyring, now=clock[0])
    assert None not in after.values()
    assert after.items() >= known.items()
    assert len(after) > len(known)
    desk.close()
    other_desk.close()
