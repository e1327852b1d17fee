"""A workshop starts nothing where there is nothing to do, nothing once it is closed, and ends what it started."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import psutil

from server.pipeline.workshop import Orders, Workshop
from server.store import replays
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.builders import NOON, after
from tests.pipeline.town import settings


def workers() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "server.commands.past" in each.cmdline()]


async def test_no_work_no_worker_and_a_closed_workshop_starts_none(pool: Pool, db: Connection) -> None:
    workshop = Workshop(pool, settings=settings(), dsn="postgresql://nowhere")
    await workshop.look()
    assert workers() == []
    await workshop.close()
    await replays.ask(db, id=new_id(), offer_id=new_id(), version=1, start=NOON, end=after(1), asked_by="test", most=1)
    await workshop.look()
    assert workers() == []


async def test_closing_ends_the_worker(pool: Any) -> None:
    workshop = Workshop(pool, settings=settings(), dsn="postgresql://127.0.0.1:1/nowhere")
    workshop.wake()
    async with asyncio.timeout(20):
        while not workers():
            await asyncio.sleep(0.01)
    await workshop.close()
    assert workers() == []


def test_what_a_worker_is_told_are_the_settings_as_they_are() -> None:
    orders = Orders("postgresql://somewhere", settings(replay__memory_mb="600", quiet_hours__from="22:30"))
    assert msgspec.json.decode(msgspec.json.encode(orders), type=Orders) == orders
