"""What is under way to Google: of each pass one thing at a time, and what nobody knows is not remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.store import google_objects, google_outbox, outbox
from server.store.google_outbox import MOST_LINKED, Other, Sent, linked
from server.store.outbox import End
from server.store.pool import Connection
from tests.counter_rows import Scene, set_scene

FAR = datetime(2100, 1, 1, tzinfo=UTC)
WITHIN = timedelta(days=3)


@pytest.fixture
async def scene(db: Connection, tmp_path: Path) -> Scene:
    scene = await set_scene(db, tmp_path)
    await google_objects.add(db, serial=scene.serial, kind="offer")
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True)
    return scene


async def take(db: Connection) -> list[outbox.Leased]:
    return await google_outbox.lease(db, limit=10, now=await db.fetchval("SELECT clock_timestamp()"), for_s=30)


async def test_of_a_pass_that_is_under_way_nothing_more_is_leased(db: Connection, scene: Scene) -> None:
    [first] = await take(db)
    assert first.serial == scene.serial
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True)
    assert await take(db) == []
    assert await google_outbox.any_waiting(db, serials=[scene.serial])
    async with db.transaction():
        await outbox.end(db, ends=[End(first, "delivered")], now=FAR)
    assert len(await take(db)) == 1
    assert not await google_outbox.any_waiting(db, serials=[scene.serial])


async def test_a_lease_that_ran_out_is_taken_again_before_what_waits(db: Connection, scene: Scene) -> None:
    [first] = await take(db)
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True)
    await db.execute("UPDATE deliveries SET not_before = now() WHERE state = 'leased'")
    [again] = await take(db)
    assert (again.id, again.attempts) == (first.id, 2)
    assert again.lease != first.lease


async def test_what_was_known_is_given_once_and_known_again_with_googles_answer(db: Connection, scene: Scene) -> None:
    [row] = await take(db)
    digests = {"state": "aa"}
    await google_outbox.begin(db, leased=[row])
    sent = Sent(scene.serial, row.lease, digests, "active", 1)
    assert await google_outbox.sent(db, sent=[sent]) == [scene.serial]
    assert await google_outbox.sent(db, sent=[sent._replace(lease=row.id)]) == []  # another lease: nobody knows
    assert await db.fetchval("SELECT digests FROM google_objects") == "{}"
    await google_outbox.begin(db, leased=[row])
    await google_outbox.sent(db, sent=[sent])
    held = (await google_outbox.begin(db, leased=[row]))[scene.serial]
    assert (held.digests, held.sent_state, held.sent_uses, held.kind) == (digests, "active", 1, "offer")
    assert held.known_at is not None
    assert (await google_outbox.begin(db, leased=[row]))[scene.serial].digests == {}
    await google_outbox.noticed(db, serial=scene.serial, by=row.id, loud=True)
    held = (await google_outbox.begin(db, leased=[row]))[scene.serial]
    assert (held.noticed, held.noticed_loud, held.locale) == (row.id, True, "en-US")


async def test_passes_that_google_has_are_found_by_their_customer(db: Connection, scene: Scene) -> None:
    assert await google_outbox.others(db, customers=[scene.customer_id]) == []
    await db.execute("UPDATE google_objects SET known_at = now()")
    assert await google_outbox.others(db, customers=[scene.customer_id]) == [
        Other(scene.customer_id, scene.serial, loyalty=False)
    ]
    await db.execute("UPDATE passes SET state = 'redeemed'")
    assert await google_outbox.others(db, customers=[scene.customer_id]) == []


def test_cards_are_linked_with_all_others_and_those_with_cards_within_googles_bound() -> None:
    kim, robin, card = UUID(int=1), UUID(int=2), UUID(int=3)
    coupons = [UUID(int=100 + number) for number in range(60)]
    found = [Other(kim, card, True), *(Other(kim, each, False) for each in coupons), Other(robin, UUID(int=9), True)]
    assert linked(found, serial=card, customer_id=kim, kind="loyalty") == coupons[:MOST_LINKED]
    assert linked(found, serial=coupons[0], customer_id=kim, kind="offer") == [card]
    assert linked(found, serial=coupons[0], customer_id=None, kind="offer") == []
