"""Barcodes that change at the counter: a half minute counts once, and a picture of it is worth nothing a minute later.

The digits are computed here after RFC 6238 and RFC 4226, from the hash alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from server.model.pass_ import PassState
from server.pipeline import redeem
from server.pipeline.redeem import AlreadyRedeemed, Held, UnknownCode, Voided
from server.store import google_objects, passes
from server.store.pool import Connection, Contended, Pool
from server.store.redemptions import Redeemed
from server.wallet.codes import CHANGING, issue_code
from tests.counter_rows import NO_PURCHASE, Scene, gathered, set_scene, till

PERIOD_S = 30


def digits(key: bytes, step: int) -> str:
    def padded(mask: int) -> bytes:
        return bytes(each ^ mask for each in key.ljust(64, b"\0"))

    inner = hashlib.sha1(padded(0x36) + step.to_bytes(8, "big"), usedforsecurity=False).digest()
    digest = hashlib.sha1(padded(0x5C) + inner, usedforsecurity=False).digest()
    start = digest[19] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**8:08}"


class Changing(NamedTuple):
    """A pass with a changing barcode, and its secret."""

    scene: Scene
    key: bytes
    name: str

    async def shown(self, db: Connection, *, steps: int = 0) -> str:
        """What the phone shows now, or so many half minutes later."""
        now: datetime = await db.fetchval("SELECT clock_timestamp()")
        return f"{self.name}.{digits(self.key, int(now.timestamp()) // PERIOD_S + steps)}"

    async def redeem(self, db: Connection, code: str, **more: object) -> Redeemed:
        scan = redeem.scan_of(code, keyring=self.scene.keyring, now=await db.fetchval("SELECT clock_timestamp()"))
        async with db.transaction():
            step = await redeem.step_of(db, scan, keyring=self.scene.keyring)
            given = {"till": self.scene.till, "purchase": NO_PURCHASE} | more
            return await redeem.redeem(db, serial=scan.serial, step=step, **given)  # type: ignore[arg-type]


async def changing(db: Connection, folder: Path, *, uses: int = 5) -> Changing:
    scene = await set_scene(db, folder, uses=uses)
    pass_ = await passes.find(db, serial=scene.serial)
    assert pass_ is not None
    key = secrets.token_bytes(20)
    now = pass_.created_at
    sealed = scene.keyring.seal(key, table=google_objects.TABLE, row=scene.serial.bytes, now=now)
    await google_objects.add(db, serial=scene.serial, kind="offer", totp_sealed=sealed)
    name = issue_code(scene.serial, keyring=scene.keyring, key_id=pass_.key_id, now=now, version=CHANGING)
    return Changing(scene, key, name)


@pytest.fixture
async def card(db: Connection, tmp_path: Path) -> Changing:
    return await changing(db, tmp_path)


async def early(db: Connection) -> None:
    """Wait out the last seconds of a half minute, so that a test's codes are all of the same one."""
    left: float = await db.fetchval("SELECT (30 - mod(extract(epoch FROM clock_timestamp()), 30))::float8")
    if left < 4:
        await asyncio.sleep(left)


async def test_what_the_phone_shows_is_taken_once_in_its_half_minute(db: Connection, card: Changing) -> None:
    await early(db)
    code = await card.shown(db)
    done = await card.redeem(db, code)
    assert (done.serial, done.uses_left) == (card.scene.serial, 4)
    with pytest.raises(AlreadyRedeemed) as caught:
        await card.redeem(db, code)
    assert caught.value.extra == {"redeemed_at": done.redeemed_at, "store_id": card.scene.store_id}
    assert await db.fetchval("SELECT uses_left FROM passes") == 4
    assert await db.fetchval("SELECT totp_step FROM redemptions") is not None


async def test_a_step_to_either_side_is_taken_and_two_steps_are_a_code_that_nobody_has(
    db: Connection, card: Changing
) -> None:
    await early(db)
    for steps in (-1, 1, 0):
        await card.redeem(db, await card.shown(db, steps=steps))
    for steps in (-1, 0, 1):
        with pytest.raises(AlreadyRedeemed):
            await card.redeem(db, await card.shown(db, steps=steps))
    for steps in (-2, 2, -120, 10**6):
        with pytest.raises(UnknownCode):
            await card.redeem(db, await card.shown(db, steps=steps))
    assert await db.fetchval("SELECT uses_left FROM passes") == 2


async def test_the_name_alone_other_digits_and_another_passs_digits_are_no_code(
    db: Connection, card: Changing, tmp_path: Path
) -> None:
    await early(db)
    other = await changing(db, tmp_path)
    code = await card.shown(db)
    name, shown = code.split(".")
    theirs = (await other.shown(db)).split(".")[1]
    static = card.scene.code
    for wrong in (
        name,
        f"{name}.00000000",
        f"{name}.{theirs}",
        f"{static}.{shown}",
        f"{name}.{shown}0",
        f"{shown}.{name}",
    ):
        if wrong == code:  # one time in a hundred million
            continue
        with pytest.raises(UnknownCode):
            await card.redeem(db, wrong)
    plain = await set_scene(db, tmp_path)
    now = await db.fetchval("SELECT clock_timestamp()")
    made = issue_code(plain.serial, keyring=plain.keyring, key_id=1, now=now, version=CHANGING)
    with pytest.raises(UnknownCode):
        await card.redeem(db, f"{made}.{shown}")


async def test_digits_of_the_same_half_minute_at_many_tills_at_once_are_one_redemption(
    pool: Pool, tmp_path: Path
) -> None:
    async with pool.acquire() as db:
        card = await changing(db, tmp_path, uses=50)
        await early(db)
        code = await card.shown(db)

    async def scan(number: int) -> Redeemed:
        async def work(db: Connection) -> Redeemed:
            return await card.redeem(db, code, till=till(card.scene.store_id, name=f"key:till-{number}"))

        return await pool.attempt(work)

    answers = await gathered(*(scan(number) for number in range(24)))
    assert [type(each) for each in answers if isinstance(each, Redeemed)] == [Redeemed]
    assert {type(each) for each in answers} <= {Redeemed, AlreadyRedeemed, Contended}
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT uses_left FROM passes") == 49
        assert await db.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_the_constraint_stands_behind_the_look_before(pool: Pool, tmp_path: Path) -> None:
    """A claim that waited for another one's commit looks at what was there before: then the key is taken."""
    async with pool.acquire() as db:
        card = await changing(db, tmp_path)
        await early(db)
        code = await card.shown(db)
    async with pool.acquire() as first, pool.acquire() as second:
        holding = first.transaction()
        await holding.start()
        await card.redeem(first, code)
        late = asyncio.create_task(card.redeem(second, code))
        async with pool.acquire() as other, asyncio.timeout(20):
            while not await other.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                await asyncio.sleep(0.01)
        await holding.commit()
        with pytest.raises(Contended):
            await late
        with pytest.raises(AlreadyRedeemed):
            await card.redeem(second, code)


async def test_a_look_changes_nothing_and_says_what_would_come(db: Connection, card: Changing) -> None:
    await early(db)
    code = await card.shown(db)
    scan = redeem.scan_of(code, keyring=card.scene.keyring, now=await db.fetchval("SELECT clock_timestamp()"))
    step = await redeem.step_of(db, scan, keyring=card.scene.keyring)
    asked = {"serial": scan.serial, "purchase": NO_PURCHASE, "step": step}
    for _ in range(2):
        checked = await redeem.check(db, till=card.scene.till, hold=timedelta(minutes=1), **asked)  # type: ignore[arg-type]
        assert checked.refusal is None
    assert (await redeem.rehearse(db, till=card.scene.till, **asked)).uses_left == 4  # type: ignore[arg-type]
    elsewhere = await redeem.check(db, till=till(card.scene.store_id, name="key:till-2"), **asked)  # type: ignore[arg-type]
    assert isinstance(elsewhere.refusal, Held)
    await card.redeem(db, code)
    checked = await redeem.check(db, till=card.scene.till, **asked)  # type: ignore[arg-type]
    assert isinstance(checked.refusal, AlreadyRedeemed)


async def test_a_use_that_was_given_back_does_not_make_the_same_digits_good_again(
    db: Connection, card: Changing
) -> None:
    await early(db)
    code = await card.shown(db)
    done = await card.redeem(db, code)
    async with db.transaction():
        await redeem.reverse(
            db,
            redemption_id=done.id,
            store_id=card.scene.store_id,
            window=timedelta(minutes=15),
            actor="key:till-1",
            reason="a mistake",
        )
    with pytest.raises(AlreadyRedeemed):
        await card.redeem(db, code)
    assert (await card.redeem(db, await card.shown(db, steps=1))).uses_left == 4


async def test_a_voided_pass_is_voided_whatever_it_shows(db: Connection, card: Changing) -> None:
    async with db.transaction():
        voided = await passes.void(db, serial=card.scene.serial, reason="lost")
    assert voided is not None
    assert voided.before is PassState.ACTIVE
    with pytest.raises(Voided):
        await card.redeem(db, await card.shown(db))


async def test_the_static_code_of_the_same_pass_works_beside_it_and_needs_no_step(
    db: Connection, card: Changing
) -> None:
    await card.redeem(db, card.scene.code)
    await card.redeem(db, card.scene.code)
    assert await db.fetchval("SELECT count(*) FROM redemptions WHERE totp_step IS NULL") == 2
