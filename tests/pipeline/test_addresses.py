"""Two processes import lists: the geocoder hears each address once, one question in an interval, and no more after that."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from server.errors import Unavailable
from server.model.place import Point
from server.pipeline.addresses import AddressBook
from server.store.pool import Pool, open_pool

ULM = Point(48.4, 9.99)


class Nominatim:
    """Takes a moment, and keeps what it was asked and when."""

    def __init__(self, *answers: Point | Exception | None, takes_s: float = 0.0) -> None:
        self.answers = list(answers)
        self.takes_s = takes_s
        self.asked: list[str] = []
        self.times: list[float] = []

    async def locate(self, address: str) -> Point | None:
        self.asked.append(address)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        answer = self.answers.pop(0) if self.answers else ULM
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_two_processes_ask_for_an_address_once_and_both_have_the_answer(pool: Pool, db_dsn: str) -> None:
    nominatim = Nominatim(takes_s=0.1)
    async with await open_pool(db_dsn, size=4, application_name="other") as other:
        books = [AddressBook(each, nominatim, interval_s=0) for each in (pool, other)]
        ways = ("Markt 1, Ulm", " markt  1,  ulm", "MARKT 1,\tULM")
        found = await asyncio.gather(*(book.locate(way) for book in books for way in ways))
    assert found == [ULM] * 6
    assert len(nominatim.asked) == 1
    # … nor does a process that starts later.
    assert await AddressBook(pool, nominatim, interval_s=0).locate("Markt 1, Ulm") == ULM
    assert len(nominatim.asked) == 1


async def test_questions_of_two_processes_keep_their_distance(pool: Pool, db_dsn: str) -> None:
    nominatim, interval_s = Nominatim(), 0.15
    async with await open_pool(db_dsn, size=4, application_name="other") as other:
        books = [AddressBook(each, nominatim, interval_s=interval_s) for each in (pool, other)]
        await asyncio.gather(
            *(book.locate(f"{letter} {number}") for number, book in enumerate(books) for letter in "ab")
        )
    assert len(nominatim.times) == 4
    # Three intervals lie between the first and the last turn; the first question may have been longer on its way.
    assert nominatim.times[-1] - nominatim.times[0] > 2 * interval_s


async def test_that_an_address_is_nowhere_is_not_asked_again(pool: Pool) -> None:
    nominatim = Nominatim(None)
    book = AddressBook(pool, nominatim, interval_s=0)
    assert [await book.locate("Nowhere 7") for _ in range(2)] == [None, None]
    assert nominatim.asked == ["Nowhere 7"]


async def test_where_there_was_no_answer_the_next_one_asks_again(pool: Pool) -> None:
    nominatim = Nominatim(Unavailable(), ULM)
    book = AddressBook(pool, nominatim, interval_s=0)
    with pytest.raises(Unavailable):
        await book.locate("Markt 1")
    assert await book.locate("Markt 1") == ULM


async def test_who_waits_for_one_that_died_asks_himself(pool: Pool) -> None:
    nominatim = Nominatim(takes_s=60)
    dying = asyncio.create_task(AddressBook(pool, nominatim, interval_s=0).locate("Markt 1"))
    while not nominatim.asked:
        await asyncio.sleep(0.01)
    async with pool.acquire() as db:  # as if the process had been killed: nobody gives up in its name
        await db.execute("UPDATE addresses SET asked_at = asked_at - interval '61 s'")
    quick = Nominatim()
    assert await AddressBook(pool, quick, interval_s=0).locate("Markt 1") == ULM
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await AddressBook(pool, quick, interval_s=0).locate("Markt 1") == ULM
    assert quick.asked == ["Markt 1"]


async def test_nobody_waits_for_ever_for_another_ones_answer(pool: Pool) -> None:
    nominatim = Nominatim(takes_s=60)
    asking = asyncio.create_task(AddressBook(pool, nominatim, interval_s=0).locate("Markt 1"))
    while not nominatim.asked:
        await asyncio.sleep(0.01)
    async with pool.acquire() as db:  # it goes on asking, and is never overdue
        await db.execute("UPDATE addresses SET asked_at = asked_at + interval '1 h'")
    with pytest.raises(Unavailable):
        await AddressBook(pool, nominatim, interval_s=0, patience=timedelta(0)).locate("Markt 1")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_an_empty_or_endless_address_is_nowhere_and_nobody_is_asked(shared_pool: Pool) -> None:
    nominatim = Nominatim()
    book = AddressBook(shared_pool, nominatim, interval_s=0)
    assert [await book.locate(address) for address in ("", " \t ", "x" * 501)] == [None] * 3
    assert nominatim.asked == []
