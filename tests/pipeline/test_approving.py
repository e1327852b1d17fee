"""Two pairs of eyes: what is too large for one person waits, and no order of deeds gets round the second one."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from server.pipeline import approving, authoring
from server.pipeline.approving import AlreadyApproved, NotRequested, OtherVersion, SamePerson, Sizing
from server.pipeline.audience import Reach
from server.pipeline.author import Author
from server.pipeline.authoring import Written, WrongState
from server.store import approvals, audit, offers
from server.store.pool import Connection, Pool
from tests.web.authors import PROGRAMME, document

KIM, ROBIN, ALEX = (Author(f"user:{name}") for name in ("kim", "robin", "alex"))


def expecting(customers: int, *, above: int = 100) -> Sizing:
    """A size, and a count that is always the same."""

    async def expect(db: Connection, offer: Any) -> Reach:
        return Reach(frozenset(), customers, "visits")

    return Sizing(above, expect)


MANY, FEW = expecting(101), expecting(100)


async def write(pool: Pool, *, by: Author = KIM) -> UUID:
    async with pool.transaction() as db:
        return (await authoring.create(db, document=document(), programme=PROGRAMME, by=by)).offer.id


async def publish(pool: Pool, offer: UUID, *, by: Author = KIM, sizing: Sizing | None = MANY) -> Written:
    async with pool.transaction() as db:
        return await authoring.publish(db, offer_id=offer, programme=PROGRAMME, by=by, sizing=sizing)


async def edit(pool: Pool, offer: UUID, priority: int, *, by: Author = KIM, sizing: Sizing | None = MANY) -> Written:
    async with pool.transaction() as db:
        return await authoring.change(
            db, offer_id=offer, document=document(priority=priority), programme=PROGRAMME, by=by, sizing=sizing
        )  # fmt: skip


async def approve(pool: Pool, offer: UUID, *, by: Author = ROBIN, version: int | None = None) -> approvals.Approval:
    async with pool.transaction() as db:
        return await approving.approve(db, offer_id=offer, version=version, by=by)


async def test_an_offer_goes_from_draft_over_request_and_yes_to_live(pool: Pool, db: Connection) -> None:
    offer = await write(pool)
    asked = await publish(pool, offer)
    assert asked.waits is not None
    assert (asked.offer.status, asked.waits.version, asked.waits.expected) == ("draft", 1, 101)
    assert (await publish(pool, offer, by=ROBIN)).waits == asked.waits
    done = await approve(pool, offer, by=ALEX)
    assert (done.approved_by, done.requested_by) == (ALEX.actor, KIM.actor)
    live = await publish(pool, offer)
    assert (live.offer.status, live.offer.live_version, live.waits) == ("live", 1, None)
    deeds = [each.action for each in reversed(await audit.page(db, before=None, limit=10))]
    assert deeds == ["offer.create", "offer.request", "offer.approve", "offer.publish"]
    assert (await audit.verify(db)).broken_at is None


async def test_up_to_the_size_and_where_none_is_set_nobody_is_asked(pool: Pool) -> None:
    for number, sizing in enumerate((FEW, expecting(10**9, above=0), None)):
        async with pool.transaction() as db:
            written = document(f"offer {number}")
            made = (await authoring.create(db, document=written, programme=PROGRAMME, by=KIM)).offer
        assert (await publish(pool, made.id, sizing=sizing)).offer.status == "live"


async def test_neither_who_wrote_it_nor_who_asked_says_yes(pool: Pool) -> None:
    offer = await write(pool, by=KIM)
    with pytest.raises(NotRequested):
        await approve(pool, offer, by=ALEX)
    await publish(pool, offer, by=ROBIN)
    for two in (KIM, ROBIN):
        with pytest.raises(SamePerson):
            await approve(pool, offer, by=two)
        assert (await publish(pool, offer, by=two)).waits is not None
    await approve(pool, offer, by=ALEX)
    with pytest.raises(AlreadyApproved):
        await approve(pool, offer, by=Author("user:fourth"))


async def test_a_later_edit_needs_a_yes_of_its_own(pool: Pool) -> None:
    offer = await write(pool)
    await publish(pool, offer)
    await approve(pool, offer)
    await edit(pool, offer, 70)
    assert (await publish(pool, offer)).waits is not None
    with pytest.raises(OtherVersion) as other:
        await approve(pool, offer, version=1)
    assert other.value.extra == {"version": 2}
    await approve(pool, offer, version=2)
    assert (await publish(pool, offer)).offer.live_version == 2


async def test_an_edit_of_a_live_offer_does_not_slip_past_the_second_person(pool: Pool, db: Connection) -> None:
    offer = await write(pool)
    await publish(pool, offer, sizing=FEW)
    small = await edit(pool, offer, 60, sizing=FEW)
    assert (small.offer.version, small.offer.live_version, small.waits) == (2, 2, None)
    large = await edit(pool, offer, 70)
    assert (large.offer.status, large.offer.version, large.offer.live_version) == ("live", 3, 2)
    assert large.waits is not None
    assert "Version 3 waits" in large.warnings[-1].message
    assert (await publish(pool, offer)).waits == large.waits
    await approve(pool, offer, version=3)
    assert (await publish(pool, offer)).offer.live_version == 3
    with pytest.raises(WrongState):
        await publish(pool, offer)


async def test_a_version_that_waits_goes_with_the_offers_end(pool: Pool) -> None:
    offer = await write(pool)
    await publish(pool, offer, sizing=FEW)
    await edit(pool, offer, 70)
    async with pool.transaction() as db:
        await authoring.end(db, offer_id=offer, void_passes=False, by=KIM)
    with pytest.raises(WrongState):
        await publish(pool, offer)


async def test_of_many_who_say_yes_at_once_one_did(pool: Pool) -> None:
    offer = await write(pool)
    await publish(pool, offer)
    told = await asyncio.gather(
        *(approve(pool, offer, by=Author(f"user:{number}")) for number in range(6)), return_exceptions=True
    )
    [done] = [each for each in told if not isinstance(each, BaseException)]
    assert sum(isinstance(each, AlreadyApproved) for each in told) == 5
    async with pool.acquire() as db:
        assert await approvals.find(db, offer_id=offer, version=1) == done


async def test_however_edits_yeses_and_publishing_interleave_only_what_was_approved_is_live(pool: Pool) -> None:
    offer = await write(pool)
    await publish(pool, offer)

    async def again_and_again(deed: Any, *given: Any) -> None:
        for number in range(6):
            try:
                await deed(pool, offer, *(60 + number for _ in given))
            except (WrongState, NotRequested, AlreadyApproved, SamePerson):
                await asyncio.sleep(0)

    lived: set[int] = set()

    async def watch() -> None:
        while True:
            async with pool.acquire() as db:
                found = await offers.find(db, offer_id=offer)
            assert found is not None
            lived.update({found.live_version} - {None})  # type: ignore[arg-type]
            await asyncio.sleep(0.002)

    watching = asyncio.create_task(watch())
    await asyncio.gather(again_and_again(edit, 0), again_and_again(approve), again_and_again(publish))
    watching.cancel()
    await approve_newest(pool, offer)
    lived.add((await publish(pool, offer)).offer.live_version or 0)
    async with pool.acquire() as db:
        yes = {number for number in range(1, 9) if await approved(db, offer, number)}
    assert lived
    assert lived <= yes


async def approved(db: Connection, offer: UUID, version: int) -> bool:
    found = await approvals.find(db, offer_id=offer, version=version)
    return found is not None and found.approved_by is not None


async def approve_newest(pool: Pool, offer: UUID) -> None:
    """Edit once more, ask, and say yes."""
    await edit(pool, offer, 99)
    await publish(pool, offer)
    await approve(pool, offer)
