"""An address is asked for by one, answered once, and turns are an interval apart, whoever takes them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from server.model.place import Point
from server.store import addresses
from server.store.addresses import Answered
from server.store.pool import Connection, Pool

LONG, NONE = timedelta(seconds=60), timedelta(0)


async def test_one_asks_and_all_have_the_answer(undone: Connection) -> None:
    assert await addresses.answer(undone, address="markt 1") is None
    assert await addresses.claim(undone, address="markt 1", patience=LONG)
    assert not await addresses.claim(undone, address="markt 1", patience=LONG)
    assert await addresses.answer(undone, address="markt 1") is None, "it was asked for, and not answered yet"
    await addresses.keep(undone, address="markt 1", point=Point(52.5, 13.4))
    assert await addresses.answer(undone, address="markt 1") == Answered(Point(52.5, 13.4))
    assert not await addresses.claim(undone, address="markt 1", patience=NONE)
    await addresses.keep(undone, address="markt 1", point=None)
    await addresses.give_up(undone, address="markt 1")
    assert await addresses.answer(undone, address="markt 1") == Answered(Point(52.5, 13.4)), "an answer stays"


async def test_that_there_is_no_such_address_is_an_answer_too(undone: Connection) -> None:
    assert await addresses.claim(undone, address="nowhere", patience=LONG)
    await addresses.keep(undone, address="nowhere", point=None)
    assert await addresses.answer(undone, address="nowhere") == Answered(None)


async def test_what_was_given_up_or_asked_by_who_died_is_anybodys_again(undone: Connection) -> None:
    assert await addresses.claim(undone, address="a", patience=LONG)
    await addresses.give_up(undone, address="a")
    assert await addresses.claim(undone, address="a", patience=LONG)
    await undone.execute("UPDATE addresses SET asked_at = asked_at - interval '61 s'")
    assert await addresses.claim(undone, address="a", patience=LONG)
    assert not await addresses.claim(undone, address="a", patience=LONG)


async def test_of_many_who_claim_or_take_the_turn_at_once_one_does(pool: Pool) -> None:
    async def both() -> tuple[bool, timedelta | None]:
        async with pool.acquire() as db:
            mine = await addresses.claim(db, address="a", patience=LONG)
            return mine, await addresses.turn(db, interval=LONG)

    outcomes = await asyncio.gather(*(both() for _ in range(8)))
    assert sorted(mine for mine, _ in outcomes) == [False] * 7 + [True]
    waits = [wait for _, wait in outcomes if wait is not None]
    assert len(waits) == 7
    assert all(timedelta(seconds=50) < wait <= LONG for wait in waits)


async def test_the_turn_comes_again_when_the_interval_is_over(undone: Connection) -> None:
    assert await addresses.turn(undone, interval=LONG) is None
    assert await addresses.turn(undone, interval=LONG) is not None
    await undone.execute("UPDATE geocoder_turn SET next_at = clock_timestamp()")
    assert await addresses.turn(undone, interval=LONG) is None
