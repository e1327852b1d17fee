"""A second person's yes, as the table keeps it: once, by neither of the two who must not."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from server.store import approvals, offers
from server.store.ids import new_id
from server.store.pool import Connection

AUTHOR, ASKER, OTHER = "key:author", "user:asker", "user:other"


async def written(db: Connection, *, versions: int = 1) -> UUID:
    """An offer with so many versions of one author."""
    identifier = new_id()
    await offers.insert(db, id=identifier, name=str(identifier), document={}, author=AUTHOR)
    for _ in range(versions - 1):
        await offers.change(db, offer_id=identifier, name=str(identifier), document={}, author=AUTHOR)
    return identifier


async def test_a_version_is_asked_for_once_and_by_whom_and_for_how_many_is_kept(undone: Connection) -> None:
    offer = await written(undone)
    assert await approvals.find(undone, offer_id=offer, version=1) is None
    made = await approvals.request(undone, offer_id=offer, version=1, expected=1200, by=ASKER)
    assert made is not None
    assert (made.author, made.expected, made.requested_by, made.approved_by) == (AUTHOR, 1200, ASKER, None)
    assert await approvals.request(undone, offer_id=offer, version=1, expected=9, by=OTHER) is None
    assert await approvals.find(undone, offer_id=offer, version=1) == made


async def test_what_was_never_written_cannot_be_asked_for(undone: Connection) -> None:
    offer = await written(undone)
    assert await approvals.request(undone, offer_id=offer, version=2, expected=1, by=ASKER) is None


@pytest.mark.parametrize(("who", "may"), [(AUTHOR, False), (ASKER, False), (OTHER, True)])
async def test_neither_author_nor_asker_approves(undone: Connection, who: str, may: bool) -> None:
    offer = await written(undone)
    await approvals.request(undone, offer_id=offer, version=1, expected=1200, by=ASKER)
    done = await approvals.approve(undone, offer_id=offer, version=1, by=who)
    assert (done is not None and done.approved_by == who and done.approved_at is not None) == may
    assert await approvals.approve(undone, offer_id=offer, version=1, by="user:third") is None or not may


@pytest.mark.parametrize("who", [AUTHOR, ASKER])
async def test_the_table_itself_refuses_those_two(undone: Connection, who: str) -> None:
    offer = await written(undone)
    await approvals.request(undone, offer_id=offer, version=1, expected=1200, by=ASKER)
    with pytest.raises(asyncpg.CheckViolationError):
        await undone.execute("UPDATE offer_approvals SET approved_by = $1, approved_at = now()", who)


async def test_what_has_its_yes_and_is_not_live_is_listed_until_it_is(undone: Connection) -> None:
    offer = await written(undone, versions=2)
    for version in (1, 2):
        await approvals.request(undone, offer_id=offer, version=version, expected=1200, by=ASKER)
    await approvals.approve(undone, offer_id=offer, version=1, by=OTHER)
    assert await approvals.unpublished(undone) == []
    done = await approvals.approve(undone, offer_id=offer, version=2, by=OTHER)
    assert await approvals.unpublished(undone) == [done]
    await offers.enter(undone, offer_id=offer, status="live")
    assert await approvals.unpublished(undone) == []
