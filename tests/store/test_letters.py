"""Dead letters: listed without addresses, retried where it is not too late, dropped for good; and what waits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from server.store import letters
from server.store.letters import Letter
from server.store.pool import Connection
from tests.builders import after
from tests.outbox_rows import key, lease, row_of, write


async def bury(db: Connection, number: int = 1, **more: Any) -> UUID:
    """Write a dead letter that died so many seconds after noon."""
    made = await write(db, number, state="dead", **more)
    await db.execute(
        "UPDATE deliveries SET finished_at = $2, reason = 'BadTopic', attempts = 12 WHERE id = $1", made, after(number)
    )
    return made


async def ids(db: Connection, kind: Any = "dead", **more: Any) -> list[UUID]:
    return [each.id for each in await letters.page(db, kind=kind, **({"limit": 100} | more))]


async def test_the_newest_dead_letter_comes_first_page_by_page(undone: Connection) -> None:
    for number in (2, 5, 1, 4, 3):
        await bury(undone, number)
    await write(undone, 6)
    assert await ids(undone) == [key(5), key(4), key(3), key(2), key(1)]
    page = await letters.page(undone, kind="dead", limit=2)
    assert await ids(undone, limit=2, after=(page[-1].at, page[-1].id)) == [key(3), key(2)]


async def test_a_letter_tells_why_and_whose_and_no_address(undone: Connection) -> None:
    await bury(undone)
    [letter] = await letters.page(undone, kind="dead", limit=9)
    assert (letter.way, letter.state, letter.reason, letter.attempts) == ("apns", "dead", "BadTopic", 12)
    assert letter.moment_id == key(101)
    assert not {"device_id", "device_hash", "push_token"} & set(Letter.__slots__)


async def test_one_ways_letters_are_listed_alone(undone: Connection) -> None:
    await bury(undone, 1)
    await bury(undone, 2, way="fcm")
    assert await ids(undone, way="fcm") == [key(2)]
    assert await ids(undone, way="webpush") == []


async def test_what_waits_comes_the_longest_waiting_first_and_in_app_is_nothing_to_send(undone: Connection) -> None:
    await write(undone, 1, not_before=after(30))
    await write(undone, 2, way=None, not_before=after(10))
    await write(undone, 3, not_before=after(20))
    await write(undone, 4, channel="in_app")
    await bury(undone, 5)
    await lease(undone, at=after(20))  # 3 is being sent
    assert await ids(undone, "waiting") == [key(2), key(1), key(3)]


async def test_a_retried_letter_goes_from_its_first_try_on(undone: Connection) -> None:
    await bury(undone)
    assert await letters.retry(undone, ids=[key(1)], now=after(60)) == {key(1): "queued"}
    row = await row_of(undone)
    assert (row["state"], row["attempts"], row["not_before"]) == ("queued", 0, after(60))
    assert (row["reason"], row["finished_at"], row["lease"]) == ("retried", None, None)
    [again] = await lease(undone, at=after(60))
    assert again.attempts == 1
    assert await ids(undone) == []


async def test_what_is_not_dead_or_too_late_or_not_there_is_not_retried(undone: Connection) -> None:
    await bury(undone, 1, deliver_by=after(60))
    await write(undone, 2)
    assert await letters.retry(undone, ids=[key(1), key(2), key(9)], now=after(60)) == {}
    assert [(await row_of(undone, n))["state"] for n in (1, 2)] == ["dead", "queued"]


async def test_of_a_wallets_dead_letters_one_is_enough(undone: Connection) -> None:
    await bury(undone, 1, channel="apple_wallet")
    await bury(undone, 2, channel="apple_wallet")
    told = await letters.retry(undone, ids=[key(1), key(2)], now=after(60))
    assert told == {key(1): "suppressed", key(2): "queued"}
    await bury(undone, 3, channel="apple_wallet")
    assert await letters.retry(undone, ids=[key(3)], now=after(60)) == {key(3): "suppressed"}


async def test_a_dropped_letter_is_not_tried_again(undone: Connection) -> None:
    await bury(undone, 1)
    await write(undone, 2)
    assert await letters.drop(undone, ids=[key(1), key(2)], now=after(60)) == {key(1)}
    row = await row_of(undone)
    assert (row["state"], row["reason"], row["finished_at"]) == ("suppressed", "dropped", after(60))
    assert await letters.retry(undone, ids=[key(1)], now=after(61)) == {}
    assert await letters.drop(undone, ids=[key(1)], now=after(61)) == set()


@pytest.mark.parametrize("state", ["dead", "queued", "delivered"])
async def test_a_delivery_is_found_whatever_became_of_it(undone: Connection, state: str) -> None:
    await write(undone, 1, state=state)
    found = await letters.find(undone, id_=key(1))
    assert found is not None
    assert found.state == state
    assert await letters.find(undone, id_=key(2)) is None


async def test_a_moment_that_is_shown_in_the_app_is_no_delivery_to_look_at(undone: Connection) -> None:
    await write(undone, 1, channel="in_app")
    assert await letters.find(undone, id_=key(1)) is None


async def test_how_each_way_stands_is_counted(undone: Connection) -> None:
    await write(undone, 1, not_before=after(20))
    await write(undone, 2, not_before=after(10))
    await lease(undone, at=after(10))
    await write(undone, 3, way=None, not_before=after(5))
    await bury(undone, 4)
    await bury(undone, 5, channel="google_wallet")
    await write(undone, 6, channel="in_app")
    await write(undone, 7, state="delivered")
    told = {each.way: each[1:] for each in await letters.standings(undone)}
    assert told == {
        "apns": (1, 1, 1, after(20)),
        "push": (1, 0, 0, after(5)),
        "google_wallet": (0, 0, 1, None),
    }
