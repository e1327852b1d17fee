"""Offers as rows: versions that stay, states that change once, lists in order."""

from __future__ import annotations

import asyncio
from typing import get_args
from uuid import UUID

import pytest

from server.store import offers
from server.store.ids import new_id
from server.store.offers import NEXT, Status
from server.store.pool import Connection, Pool


async def add(db: Connection, name: str = "coffee", **document: object) -> UUID:
    made = await offers.insert(db, id=new_id(), name=name, document={"name": name, **document}, author="user:kim")
    assert made is not None
    return made.id


async def test_a_new_offer_is_a_draft_in_its_first_version(db: Connection) -> None:
    identifier = await add(db, priority=5)
    found = await offers.find(db, offer_id=identifier)
    assert found is not None
    assert (found.status, found.version, found.live_version, found.author) == ("draft", 1, None, "user:kim")
    assert found.document == {"name": "coffee", "priority": 5}
    assert [each.version for each in await offers.versions(db, offer_id=identifier, limit=9)] == [1]


async def test_a_name_that_is_taken_leaves_the_transaction_as_it_was(db: Connection) -> None:
    await add(db)
    async with db.transaction():
        assert await offers.insert(db, id=new_id(), name="coffee", document={}, author="user:kim") is None
        await add(db, "tea")
    assert [each.name for each in await offers.page(db, after=None, status=None, limit=9)] == ["coffee", "tea"]


async def test_a_change_is_a_version_and_the_one_before_stays(db: Connection) -> None:
    identifier = await add(db)
    changed = await offers.change(
        db, offer_id=identifier, name="mocha", document={"name": "mocha"}, author="user:lee"
    )  # fmt: skip
    assert changed is not None
    assert (changed.version, changed.name, changed.live_version) == (2, "mocha", None)
    first = await offers.find(db, offer_id=identifier, version=1)
    assert first is not None
    assert (first.document, first.author, first.version) == ({"name": "coffee"}, "user:kim", 1)
    assert await offers.find(db, offer_id=identifier, version=3) is None


async def test_a_live_offers_change_waits_beside_the_version_that_is_live_until_it_is_led_in(db: Connection) -> None:
    identifier = await add(db)
    await offers.enter(db, offer_id=identifier, status="live")
    changed = await offers.change(db, offer_id=identifier, name="coffee", document={"n": 2}, author="user:kim")
    assert changed is not None
    assert (changed.status, changed.live_version, changed.version) == ("live", 1, 2)
    assert offers.may_go_live(changed)
    entered = await offers.enter(db, offer_id=identifier, status="live")
    assert entered is not None
    assert (entered.status, entered.live_version, entered.version) == ("live", 2, 2)
    assert not offers.may_go_live(entered)
    assert await offers.enter(db, offer_id=identifier, status="live") is None


async def test_a_paused_offers_change_rests_with_it(db: Connection) -> None:
    identifier = await add(db)
    await offers.enter(db, offer_id=identifier, status="live")
    await offers.enter(db, offer_id=identifier, status="paused")
    paused = await offers.change(db, offer_id=identifier, name="coffee", document={"n": 2}, author="user:kim")
    assert paused is not None
    assert (paused.status, paused.live_version, paused.version) == ("paused", 1, 2)


async def _lead(db: Connection, identifier: UUID, state: Status) -> None:
    """Bring a draft into a state."""
    way: dict[Status, list[Status]] = {
        "draft": [],
        "live": ["live"],
        "paused": ["live", "paused"],
        "ended": ["live", "ended"],
    }
    for step in way[state]:
        assert await offers.enter(db, offer_id=identifier, status=step) is not None


@pytest.mark.parametrize("before", get_args(Status))
@pytest.mark.parametrize("after", ["live", "paused", "ended"])
async def test_a_state_is_entered_from_where_the_table_says_and_from_nowhere_else(
    db: Connection, before: Status, after: Status
) -> None:
    identifier = await add(db)
    await _lead(db, identifier, before)
    entered = await offers.enter(db, offer_id=identifier, status=after)
    assert (entered is not None) == (before in NEXT[after])
    found = await offers.find(db, offer_id=identifier)
    assert found is not None
    assert found.status == (after if entered is not None else before)


async def test_of_many_who_publish_at_once_one_does(db: Connection, pool: Pool) -> None:
    identifier = await add(db)

    async def publish() -> bool:
        async with pool.transaction() as own:
            return await offers.enter(own, offer_id=identifier, status="live") is not None

    assert sum(await asyncio.gather(*(publish() for _ in range(8)))) == 1


async def test_an_ended_offer_does_not_change(db: Connection) -> None:
    identifier = await add(db)
    await _lead(db, identifier, "ended")
    assert await offers.change(db, offer_id=identifier, name="coffee", document={}, author="user:kim") is None


async def test_another_offers_name_is_taken_and_ones_own_is_not(db: Connection) -> None:
    identifier = await add(db)
    assert not await offers.name_taken(db, name="coffee", offer_id=identifier)
    assert await offers.name_taken(db, name="coffee", offer_id=new_id())


async def test_a_budget_is_opened_once(db: Connection) -> None:
    identifier = await add(db)
    await offers.open_budget(db, offer_id=identifier)
    await db.execute("UPDATE budgets SET units = 3")
    await offers.open_budget(db, offer_id=identifier)
    assert await db.fetchval("SELECT units FROM budgets") == 3


async def test_lists_are_cut_after_an_offer_and_by_state(db: Connection) -> None:
    ids = [await add(db, f"offer {number}") for number in range(4)]
    await offers.enter(db, offer_id=ids[2], status="live")
    assert [each.id for each in await offers.page(db, after=ids[0], status=None, limit=2)] == ids[1:3]
    assert [each.id for each in await offers.page(db, after=None, status="live", limit=9)] == [ids[2]]


async def test_the_newest_versions_are_listed_first_and_no_more_than_asked(db: Connection) -> None:
    identifier = await add(db)
    for number in range(4):
        await offers.change(db, offer_id=identifier, name="coffee", document={"n": number}, author="user:kim")
    assert [each.version for each in await offers.versions(db, offer_id=identifier, limit=3)] == [5, 4, 3]


async def test_a_locked_offer_waits_for_whoever_holds_it(db: Connection, pool: Pool) -> None:
    identifier = await add(db)
    async with pool.transaction() as one:
        assert await offers.lock(one, offer_id=identifier) is not None
        assert await db.fetch("SELECT 1 FROM offers FOR UPDATE SKIP LOCKED") == []
    assert await offers.lock(db, offer_id=new_id()) is None
