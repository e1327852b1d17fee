"""Rows of `deliveries` as a queue: looked at again with every try, and written in one transaction with what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from server.channels.base import Outcome, Receipt
from server.pipeline.deliveries import DeliveryQueue, Prepared, Ready
from server.pipeline.queue import Ended
from server.store import outbox
from server.store.outbox import End, Leased
from server.store.pool import Connection, Pool
from tests.builders import NOON, after
from tests.outbox_rows import FOR_S, key, row_of, write
from tests.pipeline.test_outbox import Counted


class Post:
    """A way whose rows may go where their device is called "phone"."""

    name, channel = "apns", "push"

    def __init__(self) -> None:
        self.settled: list[tuple[str, str]] = []
        self.fails = False
        self.breaks: set[UUID] = set()
        self.asked: list[int] = []

    async def lease(self, db: Connection, *, limit: int, now: datetime, for_s: float) -> Sequence[Leased]:
        return await outbox.lease(db, channel="push", way="apns", limit=limit, now=now, for_s=for_s)

    async def prepare(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[str, str]:
        self.asked.append(len(leased))
        if self.breaks & {each.id for each in leased}:
            await db.execute("SELECT 1 / 0")
        ready = [Ready(each, f"to {each.device_id}", "secret-token") for each in leased if each.device_id == "phone"]
        ends = [End(each, "suppressed", "no_device") for each in leased if each.device_id != "phone"]
        return Prepared(ready, ends)

    async def send(self, ready: Ready[str, str], *, now: datetime) -> Receipt:
        return Receipt(Outcome.SENT, f"{ready.thing} by {ready.address}")

    async def settle(self, db: Connection, ended: Sequence[Ended[Ready[str, str]]], *, now: datetime) -> None:
        self.settled += [(str(each.item.leased.device_id), each.state) for each in ended]
        await db.execute("UPDATE deliveries SET serial = $1", key(7))
        if self.fails:
            raise RuntimeError("what follows cannot be written")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def tally() -> Counted:
    return Counted()


@pytest.fixture
async def queue(pool: Pool, post: Post, tally: Counted) -> DeliveryQueue[str, str]:
    """A queue over two rows, one of which must not go."""
    async with pool.acquire() as db:
        await write(db, 1)
        await write(db, 2, device_id="sold")
    return DeliveryQueue(pool, post, tally=tally)


def ended(item: Any, outcome: Outcome = Outcome.SENT, **more: Any) -> Ended[Any]:
    return Ended(item, more.pop("state", "delivered"), receipt=Receipt(outcome, "word"), **more)


async def test_what_must_not_go_ends_when_it_is_taken_and_is_counted(
    queue: DeliveryQueue[str, str], db: Connection, tally: Counted
) -> None:
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    assert (ready.leased.id, ready.attempts, ready.deliver_by) == (key(1), 1, after(hours=1))
    row = await row_of(db, 2)
    assert (row["state"], row["reason"]) == ("suppressed", "no_device")
    assert tally.counts == {("ended", "apns", "suppressed"): 1}
    assert list(await queue.lease(limit=10, now=NOON, for_s=FOR_S)) == []


async def test_it_is_called_as_its_way_is_and_sends_by_it(queue: DeliveryQueue[str, str]) -> None:
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    assert (queue.name, queue.channel) == ("apns", "push")
    assert (await queue.send(ready, now=NOON)).reason == "to phone by secret-token"
    assert "secret-token" not in repr(ready)


async def test_an_end_and_what_follows_from_it_are_written_together(
    queue: DeliveryQueue[str, str], db: Connection, post: Post
) -> None:
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    await queue.end([ended(ready)], now=NOON)
    row = await row_of(db)
    assert (row["state"], row["serial"]) == ("delivered", key(7))
    assert post.settled == [("phone", "delivered")]


async def test_where_what_follows_cannot_be_written_the_row_is_all_the_same(
    queue: DeliveryQueue[str, str], db: Connection, post: Post
) -> None:
    """A bug of ours must not tell somebody twice what they were told."""
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    post.fails = True
    await queue.end([ended(ready)], now=NOON)
    row = await row_of(db)
    assert (row["state"], row["serial"]) == ("delivered", None)


async def test_a_row_that_breaks_us_is_a_dead_letter_and_holds_up_no_other(
    queue: DeliveryQueue[str, str], db: Connection, post: Post, tally: Counted
) -> None:
    await write(db, 3)
    post.breaks = {key(3)}
    with pytest.raises(asyncpg.DivisionByZeroError):
        await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    assert [(await row_of(db, n))["state"] for n in (1, 2, 3)] == ["queued"] * 3
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    assert ready.leased.id == key(1)
    row = await row_of(db, 3)
    assert (row["state"], row["reason"], row["attempts"]) == ("dead", "unreadable", 0)
    assert tally.counts[("ended", "apns", "dead")] == 1
    assert post.asked == [3, 1, 1, 1]
    await write(db, 4)
    await write(db, 5)
    assert len(await queue.lease(limit=10, now=NOON, for_s=FOR_S)) == 2
    assert post.asked[-1] == 2  # all together again


async def test_what_was_not_tried_is_no_ways_business(
    queue: DeliveryQueue[str, str], db: Connection, post: Post
) -> None:
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    await queue.end([Ended(ready, "expired", "too_late")], now=NOON)
    assert post.settled == []
    assert (await row_of(db))["state"] == "expired"


async def test_leases_are_kept_by_their_places_and_given_back(queue: DeliveryQueue[str, str], db: Connection) -> None:
    [ready] = await queue.lease(limit=10, now=NOON, for_s=FOR_S)
    assert set(await queue.renew([ready], until=after(90))) == {0}
    await queue.release([ready], now=after(1))
    assert (await row_of(db))["attempts"] == 0
    assert set(await queue.renew([ready], until=after(90))) == set()
    [again] = await queue.lease(limit=10, now=after(1), for_s=FOR_S)
    assert again.attempts == 1
