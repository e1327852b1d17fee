"""Numbering: a change that has a number is a change that its wallets are told, whoever dies in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.pipeline import redeem, registering
from server.pipeline.forget import erase
from server.pipeline.numbering import Numbering, number, number_all, number_these
from server.pipeline.voiding import void_offer
from server.store import passes, redemptions
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import NO_PURCHASE, Scene, row_of, set_scene

TYPE = "pass.de.kaffeeklatsch.coupon"
TERMS = Numbering(TYPE, within=timedelta(days=3))


async def hold(pool: Pool, scene: Scene, *, device: str = "phone") -> None:
    """Put a pass into a wallet, whose push token follows from its name."""

    async def work(db: Connection) -> bool:
        return await registering.register(
            db, device_id=device, pass_type=TYPE, serial=scene.serial, push_token=device.encode().hex() * 8, most=50
        )

    await pool.attempt(work)
    await db_of(pool, "UPDATE passes SET tag = 0 WHERE serial = $1", scene.serial)


async def db_of(pool: Pool, sql: str, *values: Any) -> Any:
    async with pool.acquire() as db:
        return await db.fetch(sql, *values)


async def use(pool: Pool, scene: Scene) -> UUID:
    async with pool.transaction() as db:
        return (await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)).id


async def news(pool: Pool) -> list[dict[str, Any]]:
    return [dict(row) for row in await db_of(pool, "SELECT * FROM deliveries WHERE channel = 'apple_wallet'")]


async def used_in_part(pool: Pool, scene: Scene) -> None:
    await use(pool, scene)


async def used_up(pool: Pool, scene: Scene) -> None:
    for _ in range(2):
        await use(pool, scene)


async def given_back(pool: Pool, scene: Scene) -> None:
    redemption = await use(pool, scene)
    await number_all(pool, terms=TERMS)
    await db_of(pool, "DELETE FROM deliveries")
    async with pool.transaction() as db:
        await redemptions.reverse(
            db,
            id=new_id(),
            redemption_id=redemption,
            store_id=None,
            window=timedelta(minutes=15),
            by="till",
            reason="a mistake",
        )


async def expired(pool: Pool, scene: Scene) -> None:
    async with pool.transaction() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
        assert await passes.expire(db, now=now + timedelta(days=1), limit=10) == 1


async def voided(pool: Pool, scene: Scene) -> None:
    async with pool.transaction() as db:
        assert await passes.void(db, serial=scene.serial, reason="test")


async def offer_voided(pool: Pool, scene: Scene) -> None:
    async with pool.transaction() as db:
        assert await void_offer(db, offer_id=scene.offer_id, reason="offer_ended") == 1


async def customer_erased(pool: Pool, scene: Scene) -> None:
    await db_of(pool, "INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM customers")
    async with pool.transaction() as db:
        await erase(db, customer_id=scene.customer_id)


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        (used_in_part, -1),
        (used_up, -1),
        (given_back, -1),
        (expired, -2),  # with many others, and the phone knows the date
        (voided, -1),
        (offer_voided, -2),
        (customer_erased, -1),
    ],
)
async def test_whatever_changes_a_pass_tells_its_wallets(
    pool: Pool, db: Connection, tmp_path: Path, change: Any, mark: int
) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    await hold(pool, scene)
    await hold(pool, scene, device="watch")
    before = await row_of(db, scene.serial)
    await change(pool, scene)
    after = await row_of(db, scene.serial)
    assert after["tag"] == mark
    assert after["modified_at"] >= before["modified_at"] + timedelta(seconds=1)
    assert await number_all(pool, terms=TERMS) == 1
    assert len({row["device_hash"] for row in await news(pool)}) == len(await news(pool)) == 2


async def test_a_row_of_the_outbox_lies_with_its_customer_and_says_until_when(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path)
    await hold(pool, scene)
    await use(pool, scene)
    await number_all(pool, terms=TERMS)
    [row] = await news(pool)
    assert (row["bucket"], row["customer_id"], row["way"]) == (
        scene.serial.int % 1024,
        scene.customer_id,
        "apple_wallet",
    )
    assert row["id"].int % 1024 == row["bucket"]
    assert (row["state"], row["moment_id"], row["attempts"]) == ("queued", None, 0)
    assert row["deliver_by"] - row["created_at"] == pytest.approx(timedelta(days=3), abs=timedelta(seconds=1))
    assert row["not_before"] < row["created_at"]


async def test_a_wallet_is_told_once_of_whatever_changed_until_it_is_told(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    one = await set_scene(db, tmp_path, uses=3)
    await hold(pool, one)
    for _ in range(2):
        await use(pool, one)
        await number_all(pool, terms=TERMS)
    assert len(await news(pool)) == 1
    await db.execute("UPDATE deliveries SET state = 'leased'")
    await use(pool, one)
    await number_all(pool, terms=TERMS)
    assert sorted(row["state"] for row in await news(pool)) == ["leased", "queued"]


async def test_without_a_wallet_nobody_is_told(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await use(pool, scene)
    assert await number_all(pool, terms=TERMS) == 1
    assert await news(pool) == []


async def test_a_number_and_its_news_are_committed_together_or_not_at_all(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path)
    await hold(pool, scene)
    await use(pool, scene)

    async def die(own: Connection) -> None:
        assert await number(own, terms=TERMS) == 1
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await pool.attempt(die)
    assert (await row_of(db, scene.serial))["tag"] == -1
    assert await news(pool) == []
    assert await number_all(pool, terms=TERMS) == 1
    assert len(await news(pool)) == 1


async def test_a_campaigns_passes_are_numbered_and_told_behind_those_that_somebody_waits_for(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    many = [await set_scene(db, tmp_path) for _ in range(3)]
    late = await set_scene(db, tmp_path)
    for count, scene in enumerate((*many, late)):
        await hold(pool, scene, device=f"phone {count}")
    await db.execute("UPDATE passes SET tag = -2 WHERE serial <> $1", late.serial)
    await use(pool, late)
    async with pool.transaction() as own:
        assert await number(own, terms=TERMS, limit=1) == 1
    assert (await row_of(db, late.serial))["tag"] == 1
    assert await number_all(pool, terms=TERMS, limit=2) == 3
    rows = sorted(await news(pool), key=lambda row: row["not_before"])
    assert rows[0]["customer_id"] == late.customer_id
    assert all(row["not_before"] > row["created_at"] - timedelta(minutes=1) for row in rows[1:])


async def test_who_begins_to_wait_moves_to_the_front(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await hold(pool, scene)
    await db.execute("UPDATE passes SET tag = -2")
    await number_all(pool, terms=TERMS)
    await use(pool, scene)
    await number_all(pool, terms=TERMS)
    [row] = await news(pool)
    assert row["not_before"] < row["created_at"] - timedelta(hours=1)
    # A service that asked for a pause is not asked before its time.
    await db.execute("UPDATE deliveries SET attempts = 1, not_before = now() + interval '1 hour'")
    await db.execute("UPDATE passes SET tag = -1")
    await number_all(pool, terms=TERMS)
    assert await db.fetchval("SELECT not_before > now() FROM deliveries")


async def test_a_row_that_is_being_leased_does_not_swallow_a_later_change(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    await hold(pool, scene)
    await use(pool, scene)
    await number_all(pool, terms=TERMS)
    await use(pool, scene)
    async with pool.transaction() as sender:
        await sender.execute("UPDATE deliveries SET state = 'leased'")
        numbering = asyncio.create_task(number_all(pool, terms=TERMS))
        done, _ = await asyncio.wait([numbering], timeout=0.2)
        assert not done, "whether the row still waits is not known before the lease is committed"
    assert await numbering == 1
    assert sorted(row["state"] for row in await news(pool)) == ["leased", "queued"]


async def test_a_wallet_that_asks_has_its_own_numbered_and_no_campaigns(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    mine, others = await set_scene(db, tmp_path), [await set_scene(db, tmp_path) for _ in range(3)]
    await db.execute("UPDATE passes SET tag = -2")
    assert await pool.attempt(lambda own: number_these(own, terms=TERMS, serials=[mine.serial, new_id()])) == 1
    assert (await row_of(db, mine.serial))["tag"] == 1
    assert {(await row_of(db, each.serial))["tag"] for each in others} == {-2}


async def test_many_who_number_at_once_tell_each_wallet_once(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path) for _ in range(12)]
    for count, scene in enumerate(scenes):
        await hold(pool, scene, device=f"phone {count}")
        await use(pool, scene)
    counts = await asyncio.gather(*(number_all(pool, terms=TERMS, limit=3) for _ in range(4)))
    assert sum(counts) == 12
    assert len(await news(pool)) == 12
    tags = [(await row_of(db, scene.serial))["tag"] for scene in scenes]
    assert sorted(tags) == list(range(1, 13))
