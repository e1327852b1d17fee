"""Pushes that fell into the quiet hours come at their end, once, or their receipt says why not."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from server.pipeline.occasions.knock import knock
from tests.pipeline.town import Street, Town, document, fix, off, street

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = timedelta(hours=3, minutes=30)


def offer(name: str = "coffee", **changes: Any) -> dict[str, Any]:
    """An offer that is pushed, and lives for half a day."""
    moment = document()["moment"] | {"surfaces": ["push"]}
    return document(name, deliver_by="PT12H", moment=moment, **changes)


async def quiet(town: Town) -> dict[str, str]:
    """Settings of a night that began an hour ago, and ends in one to two hours: at a full one."""
    [row] = await town.rows("SELECT now()")
    local = row["now"].astimezone(BERLIN)
    night = (local - timedelta(hours=1), (local + timedelta(hours=2)).replace(minute=0))
    return {"quiet_hours__from": f"{night[0]:%H:%M}", "quiet_hours__to": f"{night[1]:%H:%M}"}


async def _at_the_edge(town: Town, dsn: str, *, after: timedelta = NIGHT, **night: str) -> int:
    async with street(dsn, shift=after, **night) as morning:
        return await _knock(morning)


async def _knock(process: Street) -> int:
    return await knock(process.pool, process.arrivals, now=await process.now())


async def _hold(town: Town, dsn: str, customer: UUID, **night: str) -> None:
    """Walk into the shop in the night, leave, and walk in again."""
    async with street(dsn, **night) as process:
        for step, metres in enumerate((0, 900, 950, 0)):
            await process.ping(customer, fix(off(metres), age_s=150 - 40 * step), foreground=False)
        assert await _knock(process) == 0


async def test_a_push_waits_for_the_end_of_the_night_and_comes_once(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop()
    published = await town.publish(offer())
    customer, night = await town.customer(), await quiet(town)
    await _hold(town, db_dsn, customer, **night)
    [held] = await town.rows("SELECT id, kind, offer_id, geofence_id, at, due_at FROM occasions")
    assert (held["kind"], held["offer_id"], held["geofence_id"]) == ("held", published, shop.fence)
    assert f"{held['due_at'].astimezone(BERLIN):%H:%M}" == night["quiet_hours__to"]
    assert await town.count("SELECT count(*) FROM moments") == 0
    told = await asyncio.gather(*(_at_the_edge(town, db_dsn, **night) for _ in range(2)))
    assert sum(told) >= 1
    [moment] = await town.rows("SELECT id, channel, place_id, created_at FROM moments")
    assert (moment["id"], moment["channel"], moment["place_id"]) == (held["id"], "push", shop.id)
    assert moment["created_at"] >= held["due_at"]
    assert await town.count("SELECT count(*) FROM deliveries") == 1
    assert await town.count("SELECT count(*) FROM occasions") == 0
    [state] = await town.rows("SELECT state FROM customer_state")
    assert len(json.loads(state["state"])["shown"]) == 1


async def test_every_gate_is_asked_again_and_the_receipt_says_what_stopped_it(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(offer())
    silent, late, orphan = await town.customers(3)
    night = await quiet(town)
    async with street(db_dsn, **night) as process:
        for customer in (silent, late, orphan):
            await process.ping(customer, fix(), foreground=False)
    async with town.pool.transaction() as db:
        await db.execute("UPDATE customers SET push = false WHERE id = $1", silent)
        await db.execute("UPDATE occasions SET ends_at = at WHERE customer_id = $1", late)
        await db.execute("UPDATE occasions SET offer_id = gen_random_uuid() WHERE customer_id = $1", orphan)
    assert await _at_the_edge(town, db_dsn, **night) == 3
    assert await town.count("SELECT count(*) FROM moments") == 0
    assert await town.count("SELECT count(*) FROM occasions") == 0
    rows = await town.rows(
        "SELECT DISTINCT ON (customer_id) customer_id, verdicts FROM receipts ORDER BY customer_id, at DESC"
    )
    said = {row["customer_id"]: json.loads(row["verdicts"])[0] for row in rows}
    assert {each["offer"] for each in said.values()} == {"coffee@1"}
    assert said[silent]["gate"] == "consent"
    assert said[late]["gate"] == "late"
    assert said[orphan]["reason"] == "The quiet hours ended, and the offer is no longer live."


async def test_who_travels_into_another_night_waits_for_that_one(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(offer())
    customer, night = await town.customer(), await quiet(town)
    await _hold(town, db_dsn, customer, **night)
    [before] = await town.rows("SELECT at, ends_at FROM occasions")
    longer = night | {"quiet_hours__to": f"{(before['at'] + timedelta(hours=5)).astimezone(BERLIN):%H:%M}"}
    assert await _at_the_edge(town, db_dsn, **longer) == 1
    [after] = await town.rows("SELECT at, ends_at FROM occasions")
    assert after == {"at": before["at"] + timedelta(hours=5), "ends_at": before["ends_at"]}
    assert await town.count("SELECT count(*) FROM moments") == 0
