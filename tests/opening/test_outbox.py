"""The outbox of an open house: woken by knocks, bound to the settings, and ended with the house."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from server.opening.outbox import sending, terms_of
from server.store.knocks import knock
from server.store.pool import Pool
from tests.pipeline.test_outbox import Shelf, Thing, now
from tests.web.serving import parts_of, settings_with


class Wall:
    """A clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def parts(pool: Pool, **changes: Any) -> Any:
    return parts_of(settings_with(**({"outbox__poll_s": 60.0} | changes)), pool, clock=Wall())


async def test_a_knock_wakes_the_senders_of_an_open_house(pool: Pool, db_dsn: str) -> None:
    shelf = Shelf()
    opened = parts(pool)
    async with sending(opened, dsn=db_dsn, queues=lambda *given: [shelf]):
        await shelf.until(lambda: len(shelf.limits) >= 2)  # once by itself, once since it listens
        shelf.waiting.append((now(), Thing("one")))
        async with pool.acquire() as db:
            await knock(db, "push")
        await shelf.until(lambda: shelf.states() == {"one": "delivered"})
    text = opened.metrics.text().decode()
    assert 'kairos_outbox_attempts_total{outcome="sent",way="apns"} 1.0' in text
    assert 'kairos_outbox_ended_total{state="delivered",way="apns"} 1.0' in text


async def test_with_the_house_its_senders_end_and_leave_no_connection(pool: Pool, db_dsn: str) -> None:
    before = asyncio.all_tasks()
    shelf = Shelf()
    async with sending(parts(pool), dsn=db_dsn, queues=lambda *given: [shelf]):
        await shelf.until(lambda: len(shelf.limits) >= 2)
    assert not {task for task in asyncio.all_tasks() - before if not task.done()}
    async with pool.acquire() as db:
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kairos outbox%' AND datname = $1"
        name = await db.fetchval("SELECT current_database()")
        async with asyncio.timeout(20):
            while await db.fetchval(left, name):
                await asyncio.sleep(0.02)


class Timed(Shelf):
    """A queue that notes at what time it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.asked_at = name, list[datetime]()

    async def lease(self, *, limit: int, now: datetime, for_s: float) -> list[Thing]:
        self.asked_at.append(now)
        return list(await super().lease(limit=limit, now=now, for_s=for_s))


async def test_a_day_that_is_moved_moves_moments_and_neither_wallets_nor_other_systems(pool: Pool, db_dsn: str) -> None:
    shelves = [Timed(name) for name in WAYS]
    week = timedelta(days=7)
    opened = parts(pool, clock_shift_s=week.total_seconds())
    begun = now()
    async with sending(opened, dsn=db_dsn, queues=lambda *given: shelves):
        for shelf in shelves:
            await shelf.until(lambda shelf=shelf: bool(shelf.limits))
    moved = {shelf.name for shelf in shelves if shelf.asked_at[0] < begun - week / 2}
    assert moved == {
        "apple_wallet",
        "google_wallet",
        "webhooks",
    }  # the clock of this test is not moved: they are a week behind


WAYS = ("apns", "fcm", "webpush", "apple_wallet", "google_wallet", "webhooks")


@pytest.mark.parametrize("name", WAYS)
def test_each_way_has_its_own_room(name: str) -> None:
    outbox = settings_with().outbox
    changed = msgspec.structs.replace(outbox, **{f"{name}_at_once": 7})
    assert terms_of(changed, name).at_once == 7
    assert all(terms_of(changed, other) == terms_of(outbox, other) for other in WAYS if other != name)


def test_a_lease_outlasts_a_try_by_default() -> None:
    terms = terms_of(settings_with().outbox, "apns")
    assert terms.send_s < terms.lease_s
