"""Endpoints as the pipeline makes them: secrets sealed to their row, deeds in the audit, knocks for who sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.channels.signed import read_secret
from server.errors import Invalid, NotFound
from server.pipeline import webhooks
from server.pipeline.author import Author
from server.pipeline.resealing import Resealed, reseal
from server.pipeline.webhooks import TABLE, TooManyWebhooks, Wanted, WebhookOff
from server.store import webhooks as store
from server.store.ids import new_id
from server.store.knocks import listen
from server.store.pool import Connection, Pool
from server.store.webhooks import Endpoint
from server.wallet.keyring import Keyring, Kind, open_keyring
from tests import hooks

WANTED = Wanted(hooks.URL, ["*"])
ADMIN = Author("key:admin")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("keys"), now=NOW)


async def made(db: Connection, keyring: Keyring, *, most: int = 99) -> tuple[Endpoint, str]:
    return await webhooks.create(db, wanted=WANTED, keyring=keyring, now=NOW, most=most, by=ADMIN)


async def test_a_secret_opens_at_its_own_row_alone(undone: Connection, keyring: Keyring) -> None:
    (one, secret), (other, another) = await made(undone, keyring), await made(undone, keyring)
    opened = keyring.unseal(one.secret_sealed, table=TABLE, row=one.id.bytes, now=NOW)
    assert opened == read_secret(secret)
    assert opened != read_secret(another)
    assert keyring.unseal(one.secret_sealed, table=TABLE, row=other.id.bytes, now=NOW) is None


async def test_there_are_as_many_endpoints_as_are_allowed(undone: Connection, keyring: Keyring) -> None:
    for _ in range(2):
        await made(undone, keyring, most=2)
    with pytest.raises(TooManyWebhooks):
        await made(undone, keyring, most=2)


async def test_a_secret_that_is_replaced_signs_until_the_overlap_ends(undone: Connection, keyring: Keyring) -> None:
    before, first = await made(undone, keyring)
    after, second = await webhooks.rotate(
        undone, webhook_id=before.id, overlap=timedelta(hours=1), keyring=keyring, now=NOW, by=ADMIN
    )
    assert after.old_sealed == before.secret_sealed
    assert keyring.unseal(after.secret_sealed, table=TABLE, row=after.id.bytes, now=NOW) == read_secret(second)
    assert first != second


async def test_secrets_survive_the_key_that_sealed_them(pool: Pool, tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    async with pool.transaction() as db:
        endpoint, first = await made(db, keyring)
        _, second = await webhooks.rotate(
            db, webhook_id=endpoint.id, overlap=timedelta(days=1), keyring=keyring, now=NOW, by=ADMIN
        )
    keyring.rotate(Kind.SEAL, now=NOW)
    later = NOW + timedelta(minutes=2)
    assert await reseal(pool, keyring, now=later) == Resealed(done=2, lost=0, key=2)
    async with pool.acquire() as db:
        [after] = await store.page(db, before=None, limit=9)
    sealed = [after.secret_sealed, after.old_sealed or b""]
    assert [each[0] for each in sealed] == [2, 2]
    opened = [keyring.unseal(each, table=TABLE, row=after.id.bytes, now=later) for each in sealed]
    assert opened == [read_secret(second), read_secret(first)]


async def test_what_is_not_there_is_not_found(undone: Connection, keyring: Keyring) -> None:
    nobody = new_id()
    with pytest.raises(NotFound):
        await webhooks.rotate(undone, webhook_id=nobody, overlap=timedelta(), keyring=keyring, now=NOW, by=ADMIN)
    with pytest.raises(NotFound):
        await webhooks.remove(undone, webhook_id=nobody, by=ADMIN)
    with pytest.raises(NotFound):
        await webhooks.test(undone, webhook_id=nobody, now=NOW)
    with pytest.raises(NotFound):
        await webhooks.replay(undone, webhook_id=nobody, span=None, events=[new_id()], most=9, by=ADMIN)


async def test_one_that_is_off_is_not_told_again(undone: Connection, keyring: Keyring) -> None:
    before, _ = await made(undone, keyring)
    off = await webhooks.change(undone, before=before, wanted=Wanted(hooks.URL, ["*"], enabled=False), by=ADMIN)
    assert not off.enabled
    with pytest.raises(WebhookOff):
        await webhooks.test(undone, webhook_id=off.id, now=NOW)
    with pytest.raises(WebhookOff):
        await webhooks.replay(undone, webhook_id=off.id, span=(NOW, NOW), events=(), most=9, by=ADMIN)


async def test_a_replay_of_too_much_is_refused_with_the_limit(undone: Connection, keyring: Keyring) -> None:
    before, _ = await made(undone, keyring)
    await undone.execute(
        "INSERT INTO webhook_events (bucket, id, type, at, subject, data)"
        " SELECT 1, gen_random_uuid(), 'kairos.pass.issued', now(), '', '{}' FROM generate_series(1, 3)"
    )
    span = (NOW - timedelta(days=1), NOW + timedelta(days=1))
    with pytest.raises(Invalid) as refusal:
        await webhooks.replay(undone, webhook_id=before.id, span=span, events=(), most=2, by=ADMIN)
    assert refusal.value.errors[0].message == "holds more than 2 events (limits.webhook_replay)"
    assert await webhooks.replay(undone, webhook_id=before.id, span=span, events=(), most=3, by=ADMIN) == 3


async def test_every_deed_is_in_the_audit_without_an_address(undone: Connection, keyring: Keyring) -> None:
    endpoint, _ = await made(undone, keyring)
    endpoint = await webhooks.change(undone, before=endpoint, wanted=WANTED, by=ADMIN)
    await webhooks.rotate(undone, webhook_id=endpoint.id, overlap=timedelta(), keyring=keyring, now=NOW, by=ADMIN)
    await webhooks.replay(undone, webhook_id=endpoint.id, span=None, events=[new_id()], most=9, by=ADMIN)
    await webhooks.remove(undone, webhook_id=endpoint.id, by=ADMIN)
    rows = await undone.fetch("SELECT action, actor, object, a::text AS whole FROM audit a ORDER BY seq DESC LIMIT 5")
    assert [row["action"] for row in rows][::-1] == [
        f"webhook.{word}" for word in ("create", "change", "rotate", "replay", "remove")
    ]
    assert {(row["actor"], row["object"]) for row in rows} == {("key:admin", f"webhook:{endpoint.id}")}
    assert not any("hooks.example.com" in row["whole"] for row in rows)


@contextlib.asynccontextmanager
async def knocks(dsn: str) -> AsyncIterator[asyncio.Queue[str | None]]:
    """What a listener hears from now on."""
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(listen(dsn, heard.put_nowait))
    try:
        assert await asyncio.wait_for(heard.get(), 20) is None
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_whoever_sends_hears_of_a_test_a_replay_and_an_endpoint_that_is_on_again(
    pool: Pool, db_dsn: str, keyring: Keyring
) -> None:
    async with pool.transaction() as db:
        endpoint, _ = await made(db, keyring)
    async with knocks(db_dsn) as heard:
        async with pool.transaction() as db:
            await webhooks.test(db, webhook_id=endpoint.id, now=NOW)
        assert await asyncio.wait_for(heard.get(), 20) == "webhook"
        async with pool.transaction() as db:
            await webhooks.replay(db, webhook_id=endpoint.id, span=None, events=[new_id()], most=9, by=ADMIN)
        assert await asyncio.wait_for(heard.get(), 20) == "webhook"
        async with pool.transaction() as db:
            await webhooks.change(db, before=endpoint, wanted=WANTED, by=ADMIN)
        assert await asyncio.wait_for(heard.get(), 20) == "webhook"
