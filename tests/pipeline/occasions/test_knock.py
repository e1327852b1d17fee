"""What happened is decided like a ping: once, by every gate, and not lost when whoever decides is killed."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.errors import Unavailable
from server.model.ids import event_id
from server.model.money import Money
from server.pipeline.occasions.knock import knock
from server.store import happenings
from server.store.happenings import Happening
from tests.pipeline.town import Street, Town, document, fix, street

PURCHASE = {"trigger": "event", "event": "purchase"}


async def _told(process: Street, customer: UUID, name: str = "purchase", word: str = "1", **more: Any) -> UUID:
    """Tell that something happened so many seconds (`age_s`) ago."""
    at = await process.now() - timedelta(seconds=more.pop("age_s", 0))
    happening = Happening(event_id(customer, name, word), customer, name, at, **more)
    async with process.pool.transaction() as db:
        await happenings.tell(db, happenings=[happening])
    return happening.id


async def _knock(process: Street) -> int:
    return await knock(process.pool, process.arrivals, now=await process.now())


async def test_an_event_sets_an_offer_off_once(town: Town, db_dsn: str) -> None:
    offer = await town.publish(document(when=PURCHASE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        await _told(process, customer, amount=Money(1290, "EUR"))
        assert await _knock(process) == 1
        assert await _knock(process) == 0
    [moment] = await town.rows("SELECT customer_id, offer_id, place_id, channel FROM moments")
    assert moment == {"customer_id": customer, "offer_id": offer, "place_id": None, "channel": "push"}
    assert await town.count("SELECT count(*) FROM occasions") == 0
    assert await town.count("SELECT count(*) FROM receipts") == 1


async def test_processes_that_knock_at_once_decide_once(town: Town, db_dsn: str) -> None:
    await town.publish(document(when=PURCHASE, limits={"per_customer": [{"max": 9, "period": {"rolling": "P7D"}}]}))
    customers = await town.customers(40)
    async with street(db_dsn) as one, street(db_dsn) as two:
        for customer in customers:
            await _told(one, customer)
        await asyncio.gather(_knock(one), _knock(two), _knock(one), _knock(two))
    assert await town.count("SELECT count(*) FROM moments") == 40
    assert await town.count("SELECT count(DISTINCT customer_id) FROM moments") == 40
    assert await town.count("SELECT sum(json_array_length(state->'shown')) FROM customer_state") == 40
    assert await town.count("SELECT count(*) FROM occasions") == 0


async def test_what_happened_in_a_store_is_decided_there_else_where_the_last_fix_was(
    town: Town,
    db_dsn: str,
) -> None:
    here = await town.open_shop(name="Here", tags=frozenset({"store"}))
    there = await town.open_shop(fix().point._replace(lat=52.6), name="There", tags=frozenset({"store"}))
    await town.publish(document(when=PURCHASE | {"places": {"tag": "store"}}))
    unseen, seen, walked = await town.customers(3)
    async with street(db_dsn) as process:
        await process.ping(seen, fix())
        await process.ping(walked, fix(there.at._replace(lat=52.61)))
        await _told(process, unseen, store_id=there.id)
        await _told(process, seen)
        await _told(process, walked)
        assert await _knock(process) == 3
    rows = await town.rows("SELECT customer_id, place_id FROM moments")
    assert {row["customer_id"]: row["place_id"] for row in rows} == {unseen: there.id, seen: here.id}


async def test_what_is_told_too_late_and_what_another_offer_waits_for_sets_nothing_off(
    town: Town,
    db_dsn: str,
) -> None:
    await town.publish(document(when=PURCHASE))
    await town.publish(document("tea", when={"trigger": "event", "event": "visit"}))
    late, very_late, visitor, stranger = await town.customers(4)
    async with street(db_dsn) as process:
        await _told(process, late, age_s=181)
        await _told(process, very_late, age_s=90_000)
        await _told(process, visitor, "visit")
        await _told(process, stranger, "parcel")
        assert await _knock(process) == 4
    assert [row["customer_id"] for row in await town.rows("SELECT customer_id FROM moments")] == [visitor]
    [row] = await town.rows("SELECT verdicts FROM receipts WHERE customer_id = $1", late)
    assert {each["offer"]: each["gate"] for each in json.loads(row["verdicts"])}["coffee@1"] == "late"
    assert await town.count("SELECT count(*) FROM occasions") == 0


async def test_nobody_is_decided_on_without_consent_or_once_they_left(town: Town, db_dsn: str) -> None:
    await town.publish(document(when=PURCHASE))
    silent, gone = await town.customer(location=False), await town.customer()
    async with street(db_dsn) as process:
        await _told(process, silent)
        await _told(process, gone)
        async with process.pool.transaction() as db:
            await db.execute("DELETE FROM customers WHERE id = $1", gone)
        await _knock(process)
    assert await town.count("SELECT count(*) FROM moments") == 0
    assert await town.count("SELECT count(*) FROM occasions") == 0


async def test_what_is_decided_counts_into_caps_and_budgets(town: Town, db_dsn: str) -> None:
    limits = {"per_customer": [{"max": 1, "period": {"rolling": "P7D"}}], "total": {"units": 2}}
    await town.publish(document(when=PURCHASE, limits=limits))
    customers = await town.customers(3)
    async with street(db_dsn) as process:
        for customer in customers:
            await _told(process, customer)
            await _told(process, customer, word="2")
        assert await _knock(process) == 6
    assert await town.count("SELECT count(*) FROM moments") == 2
    assert await town.count("SELECT count(DISTINCT customer_id) FROM moments") == 2
    assert await town.rows("SELECT units FROM budgets") == [{"units": 2}]


async def test_a_dwell_timer_that_is_running_is_not_lost(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"}))
    await town.publish(document("tea", when=PURCHASE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        await process.ping(customer, fix(age_s=60))
        [before] = await town.rows("SELECT wake_at FROM customer_state")
        await _told(process, customer)
        await _knock(process)
        [after] = await town.rows("SELECT wake_at FROM customer_state")
    assert after == before
    assert after["wake_at"] is not None


async def test_what_cannot_be_decided_waits_and_holds_up_no_other(
    town: Town, db_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.publish(document(when=PURCHASE))
    broken, busy, fine = await town.customers(3)
    async with street(db_dsn) as process:
        for customer in (broken, busy, fine):
            await _told(process, customer)
        arrive = process.arrivals.arrive

        async def breaks(batch: Any) -> Any:
            if batch.customer_id == broken:
                raise ValueError("a bug")
            if batch.customer_id == busy:
                raise Unavailable
            return await arrive(batch)

        monkeypatch.setattr(process.arrivals, "arrive", breaks)
        assert await _knock(process) == 1
        rows = await town.rows("SELECT customer_id, tries FROM occasions WHERE due_at > now()")
        assert {row["customer_id"]: row["tries"] for row in rows} == {broken: 1, busy: 0}
        monkeypatch.undo()
        assert await knock(process.pool, process.arrivals, now=await process.now() + timedelta(seconds=2)) == 2
    assert await town.count("SELECT count(*) FROM moments") == 3
