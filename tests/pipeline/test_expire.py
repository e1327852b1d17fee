"""What the clock ends: moments are ended once, and give back exactly what they had reserved."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from server.pipeline.expire import expire, ring
from tests.pipeline.town import Street, Town, document, fix, street

LIMITS = {
    "total": {"units": 3, "liability": {"minor": 10_000, "currency": "EUR"}},
    "per_place": {"units": 3, "period": {"calendar": "day"}},
}


async def _later(process: Street, seconds: float) -> int:
    """Let so many seconds pass, and end what is over by then."""
    return await expire(process.pool, now=await process.now() + timedelta(seconds=seconds))


async def test_what_nobody_saw_in_time_is_ended_and_its_reservation_goes_to_somebody_else(
    town: Town, db_dsn: str
) -> None:
    shop = await town.open_shop()
    await town.publish(document(deliver_by="PT30S", limits=LIMITS))
    customers = await town.customers(5)
    async with street(db_dsn) as process:
        told = [len((await process.ping(each, fix(), foreground=False)).moments) for each in customers]
        assert told == [1, 1, 1, 0, 0]
        assert await _later(process, 29) == 0
        assert await _later(process, 31) == 3
        assert await _later(process, 31) == 0
        assert await town.rows("SELECT units, liability FROM budgets") == [{"units": 0, "liability": 0}]
        assert await town.rows("SELECT place_id, units FROM place_budgets") == [{"place_id": shop.id, "units": 0}]
        assert len((await process.ping(await town.customer(), fix())).moments) == 1
    states = await town.rows(
        "SELECT state, reserved IS NULL AS free, expired_at IS NULL AS open FROM moments ORDER BY created_at"
    )
    assert states[:3] == [{"state": "expired", "free": True, "open": False}] * 3
    assert states[3] == {"state": "created", "free": False, "open": True}
    ways = await town.rows("SELECT state, reason FROM deliveries ORDER BY created_at")
    assert ways[0] == {"state": "expired", "reason": "undelivered"}


async def test_the_receipt_says_that_the_reservation_was_released(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits=LIMITS))
    customer = await town.customer()
    async with street(db_dsn) as process:
        [moment] = (await process.ping(customer, fix())).moments
        await _later(process, 301)
    [row] = await town.rows("SELECT verdicts FROM receipts WHERE moment_id = $1", moment.id)
    won, ended = json.loads(row["verdicts"])
    assert (won["offer"], ended["offer"]) == ("coffee@1", "coffee@1")
    assert "given back" in ended["reason"]
    assert ended["values"]["released"]["liability"] == 250


async def test_what_was_delivered_lasts_until_its_rewards_end(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    reward = document()["reward"] | {"valid": {"at_most": "PT1H"}}
    await town.publish(document(reward=reward, limits=LIMITS))
    customer = await town.customer()
    async with street(db_dsn) as process:
        await process.ping(customer, fix())
        await town.count("WITH u AS (UPDATE moments SET state = 'opened' RETURNING 1) SELECT count(*) FROM u")
        assert await _later(process, 3_599) == 0
        assert await _later(process, 3_601) == 1
        assert await town.count("SELECT units FROM budgets") == 0


async def test_what_was_accepted_and_what_was_held_out_is_not_ended_here(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits=LIMITS))
    await town.publish(document("spared", priority=90, holdout={"share": 0.5, "salt": "x"}))
    customers = await town.customers(12)
    async with street(db_dsn) as process:
        await asyncio.gather(*(process.ping(each, fix()) for each in customers))
        held_out = await town.count("SELECT count(*) FROM moments WHERE held_out")
        assert 0 < held_out < 12
        await town.count(
            "WITH u AS (UPDATE moments SET state = 'accepted' WHERE NOT held_out RETURNING 1) SELECT count(*) FROM u"
        )
        assert await _later(process, 10_000_000) == 0


async def test_many_are_ended_once_by_several_at_once(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits={"total": {"units": 5_000}}))
    customers = await town.customers(1_100)
    async with street(db_dsn, limits__queue_s="30") as process:
        for first in range(0, len(customers), 100):
            await asyncio.gather(*(process.ping(each, fix()) for each in customers[first : first + 100]))
        assert await town.count("SELECT units FROM budgets") == 1_100
        ended = await asyncio.gather(*(_later(process, 301) for _ in range(3)))
        assert sum(ended) == 1_100
        assert await town.count("SELECT units FROM budgets") == 0
        assert await town.count("SELECT count(*) FROM moments WHERE state = 'expired'") == 1_100


async def test_timers_that_are_due_are_rung(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"}))
    due, early = await town.customers(2)
    async with street(db_dsn) as process:
        await process.ping(due, fix(age_s=119.5))
        await process.ping(early, fix(age_s=10))
        assert await ring(process.pool, process.arrivals, now=await process.now() - timedelta(seconds=60)) == 0
        for _ in range(200):
            if await ring(process.pool, process.arrivals, now=await process.now()):
                break
            await asyncio.sleep(0.02)
        assert await ring(process.pool, process.arrivals, now=await process.now()) == 0
    [moment] = await town.rows("SELECT customer_id FROM moments")
    assert moment["customer_id"] == due


async def test_what_nobody_saw_counts_into_no_cap(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    once = [{"max": 1, "period": {"rolling": "P7D"}}]
    await town.publish(document(when={"trigger": "inside", "places": {"any": True}}, limits={"per_customer": once}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert len((await process.ping(customer, fix())).moments) == 1
        assert len((await process.ping(customer, fix())).moments) == 0
        assert await _later(process, 301) == 1
        assert len((await process.ping(customer, fix())).moments) == 1
        assert len((await process.ping(customer, fix())).moments) == 0


async def test_what_was_seen_counts_though_its_reward_ended(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    once = [{"max": 1, "period": {"rolling": "P7D"}}]
    reward = document()["reward"] | {"valid": {"at_most": "PT1H"}}
    offer = document(when={"trigger": "inside", "places": {"any": True}}, limits={"per_customer": once}, reward=reward)
    await town.publish(offer)
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert len((await process.ping(customer, fix())).moments) == 1
        await town.count("WITH u AS (UPDATE moments SET state = 'opened' RETURNING 1) SELECT count(*) FROM u")
        assert await _later(process, 3_601) == 1
        assert len((await process.ping(customer, fix())).moments) == 0
