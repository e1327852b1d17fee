"""Calls sent by the outbox's engine to a receiver that verifies them: each taken, none without a signature, none for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.channels.outward import open_outward
from server.channels.reach import PUBLIC, STAND_INS, Policy
from server.channels.webhook import Webhook
from server.pipeline import webhooks as pipeline
from server.pipeline.author import Author
from server.pipeline.outbox import Sender
from server.pipeline.queue import Terms
from server.pipeline.webhook_queue import Patience, WebhookQueue
from server.pipeline.webhooks import Wanted
from server.store import funnel, webhook_calls, webhooks
from server.store.pool import Connection, Pool
from server.store.webhooks import Endpoint
from server.wallet.keyring import Keyring, open_keyring
from tests import hooks, lives
from tests.lives import row
from tests.pipeline.test_outbox import Counted
from tests.pipeline.test_queue import TERMS
from tests.standins.webhook import Receiver

QUICK = replace(
    TERMS, at_once=20, lease_s=2.0, send_s=5.0, poll_s=0.02, first_retry_s=0.02, longest_retry_s=0.05, attempts=99
)
PATIENT = Patience(timedelta(days=3), timedelta(days=5))
ADMIN = Author("key:admin")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("keys"), now=now())


async def listening(pool: Pool, keyring: Keyring, url: str, *events: str) -> tuple[Endpoint, str]:
    """Add an endpoint as an admin does, and give it with its secret."""
    wanted = Wanted(url, events or ("*",))
    async with pool.transaction() as db:
        return await pipeline.create(db, wanted=wanted, keyring=keyring, now=now(), most=99, by=ADMIN)


def queue_of(
    pool: Pool, keyring: Keyring, *, policy: Policy = STAND_INS, patience: Patience = PATIENT, deadline_s: float = 2.0
) -> WebhookQueue:
    way = Webhook(open_outward(policy), deadline_s=deadline_s)
    return WebhookQueue(pool, way, keyring=keyring, source="https://kairos.example", patience=patience)


@contextlib.asynccontextmanager
async def sending(pool: Pool, keyring: Keyring, *, terms: Terms = QUICK, **options: Any) -> AsyncIterator[Sender[Any]]:
    """Send while the block lasts."""
    queue, stopping = queue_of(pool, keyring, **options), asyncio.Event()
    sender = Sender(queue, terms=terms, clock=now, chance=lambda: 0.5, tally=Counted())
    task = asyncio.create_task(sender.run(stopping, shutdown_s=5))
    try:
        yield sender
    finally:
        stopping.set()
        await asyncio.wait_for(task, 20)
        await queue.close()


async def decided(pool: Pool, *customers: int) -> None:
    """Let a moment of each of these be decided, and told of."""
    async with pool.acquire() as db:
        await lives.decide(db, *(row(of) for of in customers))
    await funnel.roll(pool)


async def until(db: Connection, states: dict[str, int]) -> None:
    """Wait until calls stand so."""
    async with asyncio.timeout(30):
        while True:
            rows = await db.fetch("SELECT state, count(*) FROM webhook_calls GROUP BY 1")
            if {row["state"]: row["count"] for row in rows} == states:
                return
            await asyncio.sleep(0.02)


async def found(db: Connection, webhook_id: UUID) -> Endpoint:
    endpoint = await webhooks.find(db, webhook_id=webhook_id)
    assert endpoint is not None
    return endpoint


async def test_what_happened_arrives_signed_and_once(pool: Pool, db: Connection, keyring: Keyring) -> None:
    async with Receiver() as receiver, sending(pool, keyring):
        _, secret = await listening(pool, keyring, receiver.url)
        receiver.secrets.append(secret)
        await decided(pool, *range(1, 31))
        await until(db, {"sent": 30})
    assert set(receiver.taken.values()) == {1}
    assert set(receiver.taken) == {str(each["id"]) for each in await hooks.written(db)}
    first = receiver.heard[0]
    assert first.verified
    assert (first.event["source"], first.event["id"], first.event["type"]) == (
        "https://kairos.example",
        first.id,
        "kairos.moment.created",
    )


async def test_much_for_one_endpoint_goes_out_without_waiting_for_the_next_look(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    """Its places are fewer than the sender's: what they hold back goes as soon as one of them is free."""
    async with Receiver() as receiver:
        receiver.secrets.append((await listening(pool, keyring, receiver.url))[1])
        await decided(pool, *range(1, 6 * webhook_calls.EACH))
        async with sending(pool, keyring, terms=replace(QUICK, at_once=50, poll_s=600.0)):
            await until(db, {"sent": 6 * webhook_calls.EACH - 1})
    assert len(receiver.taken) == 6 * webhook_calls.EACH - 1
    assert set(receiver.taken.values()) == {1}


async def test_a_receiver_that_fails_is_told_again_with_the_same_id_and_body(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver, sending(pool, keyring, deadline_s=0.3):
        receiver.secrets.append((await listening(pool, keyring, receiver.url))[1])
        receiver.orders.plan.extend(["503", "reset", "garbage", "hang", "429", "307", "401"])
        await decided(pool, 1)
        await until(db, {"sent": 1})
    assert [each.status for each in receiver.heard] == [503, 0, 0, 0, 429, 307, 401, 204]
    assert len({each.id for each in receiver.heard}) == len({each.body for each in receiver.heard}) == 1
    [logged] = await db.fetch("SELECT attempts, reason FROM webhook_calls")
    assert tuple(logged) == (8, "status 204")
    assert receiver.heard[-1].path == "/hook", "no redirect was followed"


async def test_who_asks_for_time_is_given_it(pool: Pool, db: Connection, keyring: Keyring) -> None:
    async with Receiver() as receiver, sending(pool, keyring):
        await listening(pool, keyring, receiver.url)
        receiver.orders.plan.append("503")
        receiver.orders.retry_after = "3600"
        await decided(pool, 1)
        async with asyncio.timeout(20):
            while not await db.fetchval("SELECT true FROM webhook_calls WHERE reason = 'status 503'"):
                await asyncio.sleep(0.02)
    waits = await db.fetchval("SELECT not_before - tried_at FROM webhook_calls")
    assert timedelta(seconds=3590) < waits < timedelta(seconds=3700)
    assert len(receiver.heard) == 1


async def test_one_endpoint_that_hangs_holds_up_no_other(pool: Pool, db: Connection, keyring: Keyring) -> None:
    async with Receiver() as slow, Receiver() as quick, sending(pool, keyring, deadline_s=60.0):
        slow.orders.shares = {"hang": 1.0}
        await listening(pool, keyring, slow.url)
        await decided(pool, *range(1, 21))
        await slow.until(lambda: len(slow.heard) == webhook_calls.EACH)
        quick.secrets.append((await listening(pool, keyring, quick.url, "kairos.moment.created"))[1])
        await decided(pool, *range(31, 41))
        await quick.until(lambda: len(quick.taken) == 10)
        assert len(slow.heard) == webhook_calls.EACH
        slow.orders.shares = {}
        await db.execute("UPDATE webhook_calls SET state = 'sent' WHERE state <> 'sent'")


async def test_an_endpoint_that_is_gone_is_turned_off_with_a_line_in_the_audit(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver, sending(pool, keyring):
        endpoint, _ = await listening(pool, keyring, receiver.url)
        receiver.orders.shares = {"410": 1.0}
        await decided(pool, 1)
        await until(db, {"dead": 1})
        await decided(pool, 2)
    after = await found(db, endpoint.id)
    assert (after.enabled, after.disabled_for) == (False, "gone")
    deeds = await db.fetch("SELECT actor, action, object FROM audit ORDER BY seq")
    assert tuple(deeds[-1]) == ("kairos", "webhook.disable", f"webhook:{endpoint.id}")
    assert len(receiver.heard) == 1, "nothing more is told"


async def test_an_endpoint_that_took_nothing_for_days_is_turned_off_and_told_again_when_it_is_on(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver, sending(pool, keyring, patience=Patience(timedelta(days=3), timedelta())):
        endpoint, secret = await listening(pool, keyring, receiver.url)
        receiver.orders.shares = {"500": 1.0}
        await decided(pool, 1)
        async with asyncio.timeout(20):
            while (await found(db, endpoint.id)).enabled:
                await asyncio.sleep(0.02)
        assert (await found(db, endpoint.id)).disabled_for == "failing"
        receiver.orders.shares, receiver.secrets = {}, [secret]
        async with pool.transaction() as mine:
            before = await found(db, endpoint.id)
            await pipeline.change(mine, before=before, wanted=Wanted(receiver.url, ["*"]), by=ADMIN)
        await until(db, {"sent": 1})
    actions = [row["action"] for row in await db.fetch("SELECT action FROM audit ORDER BY seq")]
    assert actions == ["webhook.create", "webhook.disable", "webhook.change"]


async def test_an_endpoint_that_takes_one_thing_is_well_whatever_fails_beside(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver, sending(pool, keyring):
        endpoint, secret = await listening(pool, keyring, receiver.url)
        receiver.secrets.append(secret)
        receiver.orders.plan.append("500")
        await decided(pool, 1)
        await until(db, {"sent": 1})
    assert (await found(db, endpoint.id)).failing_since is None


async def test_during_an_overlap_receivers_of_either_secret_are_served(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as old, Receiver() as new, sending(pool, keyring):
        endpoint, first = await listening(pool, keyring, old.url)
        async with pool.transaction() as mine:
            rotated = {"overlap": timedelta(hours=1), "keyring": keyring, "now": now(), "by": ADMIN}
            _, second = await pipeline.rotate(mine, webhook_id=endpoint.id, **rotated)
        old.secrets, new.secrets = [first], [second]
        await decided(pool, 1)
        await until(db, {"sent": 1})
        async with pool.transaction() as mine:
            before = await found(db, endpoint.id)
            await pipeline.change(mine, before=before, wanted=Wanted(new.url, ["*"]), by=ADMIN)
        await decided(pool, 2)
        await until(db, {"sent": 2})
        await db.execute("UPDATE webhooks SET old_until = clock_timestamp() - interval '1 second'")
        await decided(pool, 3)
        await until(db, {"sent": 3})
    assert old.heard[0].verified
    assert [each.headers["webhook-signature"].count("v1,") for each in new.heard] == [2, 1]


async def test_what_is_too_old_is_given_up(pool: Pool, db: Connection, keyring: Keyring) -> None:
    async with Receiver() as receiver:
        await listening(pool, keyring, receiver.url)
        await decided(pool, 1)
        await db.execute("UPDATE webhook_calls SET queued_at = queued_at - interval '73 hours'")
        async with sending(pool, keyring):
            await until(db, {"dead": 1})
    assert receiver.heard == []
    assert await db.fetchval("SELECT reason FROM webhook_calls") == "too_late"


async def test_in_production_no_inner_address_is_called_whatever_the_table_says(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver, sending(pool, keyring, policy=PUBLIC):
        await listening(pool, keyring, receiver.url)
        await listening(pool, keyring, "https://127.0.0.1/")
        await decided(pool, 1)
        async with asyncio.timeout(20):
            while await db.fetchval("SELECT count(*) FROM webhook_calls WHERE attempts > 1") < 2:
                await asyncio.sleep(0.02)
    assert receiver.heard == []
    assert await db.fetchval("SELECT array_agg(DISTINCT reason) FROM webhook_calls WHERE reason IS NOT NULL") == [
        "address_refused"
    ]


async def test_a_secret_that_cannot_be_opened_signs_nothing(pool: Pool, db: Connection, keyring: Keyring) -> None:
    async with Receiver() as receiver, sending(pool, keyring):
        await listening(pool, keyring, receiver.url)
        await db.execute("UPDATE webhooks SET secret_sealed = $1", b"\x01" + bytes(60))
        await decided(pool, 1)
        await until(db, {"dead": 1})
    assert receiver.heard == []
    assert await db.fetchval("SELECT reason FROM webhook_calls") == "secret_lost"


async def test_who_dies_between_sending_and_writing_is_followed_by_one_who_sends_the_same(
    pool: Pool, db: Connection, keyring: Keyring
) -> None:
    async with Receiver() as receiver:
        receiver.secrets.append((await listening(pool, keyring, receiver.url))[1])
        await decided(pool, *range(1, 6))
        dying = queue_of(pool, keyring)
        for call in await dying.lease(limit=3, now=now(), for_s=0.2):
            await dying.send(call, now=now())
        await dying.close()
        assert len(receiver.heard) == 3
        async with sending(pool, keyring):
            await until(db, {"sent": 5})
    assert len(receiver.taken) == 5
    assert sorted(receiver.taken.values()) == [1, 1, 2, 2, 2]


async def test_who_stops_puts_back_what_was_not_sent(pool: Pool, db: Connection, keyring: Keyring) -> None:
    queue = queue_of(pool, keyring)
    await listening(pool, keyring, "http://127.0.0.1:1/")
    await decided(pool, 1, 2)
    held = await queue.lease(limit=9, now=now(), for_s=30)
    later = now() + timedelta(seconds=60)
    assert await queue.renew(held, until=later) == [0, 1]
    await queue.release(held, now=now())
    assert await queue.renew(held, until=later) == []
    assert [call.attempts for call in await queue.lease(limit=9, now=now(), for_s=30)] == [1, 1]
    await queue.close()
