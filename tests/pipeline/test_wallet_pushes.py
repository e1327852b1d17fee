"""Apple's wallets as a way out: the address of now, dead ones turned off, revived by whoever registers again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.channels.base import Outcome, Receipt, Stir
from server.pipeline import registering
from server.pipeline.deliveries import DeliveryQueue
from server.pipeline.forget import erase
from server.pipeline.numbering import Numbering, number_all
from server.pipeline.queue import ended_by
from server.pipeline.wallet_pushes import WalletPushes
from server.store import farewell, registrations
from server.store.pool import Connection, Pool
from tests.counter_rows import Scene, set_scene
from tests.pipeline.test_outbox import TERMS, Counted

TYPE = "pass.de.kaffeeklatsch.coupon"
NUMBERS = Numbering(TYPE, within=timedelta(days=3))
GOOD, OTHER = "aa" * 32, "bb" * 32
SENT = Receipt(Outcome.SENT, "200")


class Post:
    """A service that answers as it is told, by the token, and keeps what it was asked."""

    name = "apple_wallet"

    def __init__(self) -> None:
        self.answers: Mapping[str, Receipt] = {}
        self.seen: list[tuple[Stir, str]] = []

    async def send(self, thing: Stir, address: str, *, now: datetime) -> Receipt:
        self.seen.append((thing, address))
        return self.answers.get(address, SENT)

    async def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def queue(pool: Pool, post: Post) -> DeliveryQueue[Stir, str]:
    return DeliveryQueue(pool, WalletPushes(post), tally=Counted())


@pytest.fixture
async def scene(pool: Pool, db: Connection, tmp_path: Path) -> Scene:
    """A pass in a phone's wallet."""
    made = await set_scene(db, tmp_path)
    await register(pool, made)
    return made


@pytest.fixture
async def two(scene: Scene, pool: Pool, db: Connection, tmp_path: Path) -> tuple[Scene, Scene]:
    """Two passes in that wallet."""
    made = await set_scene(db, tmp_path)
    await register(pool, made)
    return scene, made


async def register(pool: Pool, scene: Scene, *, device: str = "phone", token: str = GOOD, apple: bool = True) -> bool:
    async def work(db: Connection) -> bool:
        return await registering.register(
            db, device_id=device, pass_type=TYPE, serial=scene.serial, push_token=token, apple=apple, most=50
        )

    return await pool.attempt(work)


async def change(pool: Pool) -> None:
    """Let every pass have changed, and be numbered."""
    async with pool.acquire() as db:
        await db.execute("UPDATE passes SET tag = -1")
    await number_all(pool, terms=NUMBERS)


async def work_off(queue: DeliveryQueue[Stir, str], db: Connection) -> list[tuple[str, str | None]]:
    """Send what is due, as the engine does, and give the states and reasons of all rows, the oldest first."""
    now = await db.fetchval("SELECT clock_timestamp()")
    ended = []
    for item in await queue.lease(limit=100, now=now, for_s=30):
        receipt = await queue.send(item, now=now)
        ended.append(ended_by(receipt, item, now=now, terms=TERMS, chance=lambda: 0.5))
    if ended:
        await queue.end(ended, now=now)
    rows = await db.fetch("SELECT state, reason FROM deliveries WHERE channel = 'apple_wallet' ORDER BY created_at, id")
    return [(row["state"], row["reason"]) for row in rows]


async def test_a_wallet_is_told_at_the_address_that_it_brought_last(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    await change(pool)
    await register(pool, scene, token=OTHER)
    assert await work_off(queue, db) == [("delivered", None)]
    [(stir, address)] = post.seen
    row = await db.fetchrow("SELECT id, deliver_by FROM deliveries")
    assert row is not None
    assert (address, stir.id, stir.expires_at) == (OTHER, row["id"], row["deliver_by"])


async def test_who_dropped_the_pass_or_lost_the_address_meanwhile_is_told_nothing(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    await register(pool, scene, device="sold", token=OTHER)
    await register(pool, scene, device="android", token="cc" * 32)
    await change(pool)
    await registrations.delete(db, device_id="phone", pass_type=TYPE, serial=scene.serial)
    await register(pool, scene, device="bought", token=OTHER)
    await register(pool, scene, device="android", token="cc" * 32, apple=False)
    await db.execute("UPDATE passes SET tag = 0")
    told = await work_off(queue, db)
    assert sorted(told) == [("suppressed", "no_token"), ("suppressed", "no_token"), ("suppressed", "unregistered")]
    assert post.seen == []


async def test_without_a_channel_nothing_waits_for_one(scene: Scene, pool: Pool, db: Connection) -> None:
    await change(pool)
    assert await work_off(DeliveryQueue(pool, WalletPushes(None), tally=Counted()), db) == [
        ("suppressed", "no_channel")
    ]


async def test_a_dead_address_is_forgotten_with_its_registrations_and_revived_by_registering_again(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    now = await db.fetchval("SELECT clock_timestamp()")
    post.answers = {GOOD: Receipt(Outcome.GONE, "Unregistered", gone_since=now)}
    await change(pool)
    assert await work_off(queue, db) == [("suppressed", "gone")]
    assert await db.fetchval("SELECT count(*) FROM registrations") == 0
    await change(pool)
    assert len(await work_off(queue, db)) == len(post.seen) == 1
    post.answers = {}
    assert await register(pool, scene)
    await change(pool)
    assert await work_off(queue, db) == [("suppressed", "gone"), ("delivered", None)]


async def test_an_address_that_was_brought_again_after_apple_knew_is_alive(
    two: tuple[Scene, Scene], pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    before = await db.fetchval("SELECT clock_timestamp()")
    await register(pool, two[0])
    post.answers = {GOOD: Receipt(Outcome.GONE, "Unregistered", gone_since=before)}
    await change(pool)
    await work_off(queue, db)
    assert await db.fetchval("SELECT count(*) FROM registrations WHERE push_token = $1", GOOD) == 2


async def test_an_address_that_never_was_one_is_turned_off_and_its_wallet_still_asks(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    post.answers = {GOOD: Receipt(Outcome.GONE, "BadDeviceToken")}
    await change(pool)
    assert await work_off(queue, db) == [("suppressed", "gone")]
    assert await db.fetchval("SELECT count(*) FROM registrations WHERE push_token IS NULL") == 1
    await change(pool)
    assert len(post.seen) == 1
    found = await registrations.updated(db, device_id="phone", pass_type=TYPE, since=None)
    assert found.serials == (scene.serial,)


async def test_a_failing_service_turns_no_address_off(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    for outcome, state in ((Outcome.LATER, "queued"), (Outcome.REFUSED, "dead")):
        await db.execute("DELETE FROM deliveries")
        post.answers = {GOOD: Receipt(outcome, "BadTopic")}
        await change(pool)
        assert await work_off(queue, db) == [(state, "BadTopic")]
        assert await db.fetchval("SELECT count(*) FROM registrations WHERE push_token = $1", GOOD) == 1


async def test_a_change_while_a_push_is_under_way_is_told_by_another_one(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    await change(pool)
    now = await db.fetchval("SELECT clock_timestamp()")
    [flying] = await queue.lease(limit=1, now=now, for_s=30)
    await change(pool)
    await queue.end([ended_by(SENT, flying, now=now, terms=TERMS, chance=lambda: 0.0)], now=now)
    assert await work_off(queue, db) == [("delivered", None), ("delivered", None)]
    assert len(post.seen) == 1


async def test_a_retry_that_a_newer_change_waits_beside_is_one(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    await change(pool)
    now = await db.fetchval("SELECT clock_timestamp()")
    [flying] = await queue.lease(limit=1, now=now, for_s=30)
    await change(pool)
    later = Receipt(Outcome.LATER, "ServiceUnavailable")
    await queue.end([ended_by(later, flying, now=now, terms=TERMS, chance=lambda: 0.0)], now=now)
    assert await work_off(queue, db) == [("suppressed", "coalesced"), ("delivered", None)]


async def test_an_erased_customers_wallet_is_told_and_then_nothing_names_it(
    scene: Scene, pool: Pool, db: Connection, queue: DeliveryQueue[Stir, str], post: Post
) -> None:
    await db.execute("INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM customers")
    await change(pool)
    await pool.attempt(lambda own: erase(own, customer_id=scene.customer_id))
    await number_all(pool, terms=NUMBERS)
    assert await work_off(queue, db) == [("delivered", None)]
    assert [address for _, address in post.seen] == [GOOD]
    await farewell.end(db, after=timedelta(days=1))
    assert await db.fetchval("SELECT count(*) FROM deliveries WHERE device_hash IS NOT NULL") == 0
