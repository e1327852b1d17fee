"""What is told of a ping that came to nothing: near things always and in full, plain no's for the pings that a hash picks."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from uuid import UUID

from tests.pipeline.town import Town, document, fix, off, street

INSIDE = {"trigger": "inside", "places": {"any": True}}
ONCE = {"per_customer": [{"max": 1, "period": {"rolling": "P7D"}}]}
WAITS = {"trigger": "dwell", "dwell": "PT10M", "places": {"any": True}}


def picked(ping: UUID, share: float) -> bool:
    """The rule of the documentation, read aloud."""
    return int.from_bytes(sha256(f"receipt:{ping}".encode()).digest()[:8], "big") / 2**64 < share


async def told(town: Town) -> list[list[tuple[str, str | None, float | None]]]:
    """List the receipts in the order of their making, as (offer, gate, weight)."""
    rows = await town.rows("SELECT verdicts FROM receipts ORDER BY at, id")
    each = [json.loads(row["verdicts"]) for row in rows]
    return [[(line["offer"], line["gate"], line.get("weight")) for line in lines] for lines in each]


async def test_plain_nos_are_told_for_the_pings_that_the_hash_picks_whichever_process_they_came_to(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish()
    customers, beside = await town.customers(40), off(108)
    pings = {each: fix(beside) for each in customers}
    async with (
        street(db_dsn, receipts__plain_share="0.25") as one,
        street(db_dsn, receipts__plain_share="0.25") as other,
    ):
        await asyncio.gather(*((one, other)[n % 2].ping(each, pings[each]) for n, each in enumerate(customers)))
    rows = await town.rows("SELECT customer_id FROM receipts")
    assert {row["customer_id"] for row in rows} == {each for each in customers if picked(pings[each].id, 0.25)}
    assert await told(town) == [[("coffee@1", "place", 4.0)]] * len(rows)
    assert await town.count("SELECT count(*) FROM receipt_lines") == len(rows)


async def test_what_was_shown_and_what_was_near_is_told_in_full_though_no_plain_no_is(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE, limits=ONCE))
    await town.publish(document("later", when=WAITS))
    customer = await town.customer()
    async with street(db_dsn, receipts__plain_share="0") as here:
        await here.ping(customer, fix())
        await here.ping(customer, fix())
        await here.ping(customer, fix(off(130), accuracy_m=25))
    assert await told(town) == [[("coffee@1", None, None)], [("coffee@1", "cap", None)]]
    [row] = await town.rows("SELECT verdicts->0 AS line FROM receipts WHERE moment_id IS NULL")
    line = json.loads(row["line"])
    assert line["reason"] == "This offer was shown often enough."
    assert line["values"] == {"cap": "offer", "max": 1, "period": "PT604800S", "shown": 1}


async def test_the_share_of_one_tells_of_every_offer_around(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    await town.publish(document("later", when=WAITS))
    async with street(db_dsn, receipts__plain_share="1") as here:
        await here.ping(await town.customer(), fix())
    assert await told(town) == [[("coffee@1", None, None), ("later@1", "trigger", None)]]


async def test_a_fix_that_comes_late_or_is_not_believed_is_near_where_its_places_are_around(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish()
    late, mocked, far = await town.customers(3)
    async with street(db_dsn, receipts__plain_share="0") as here:
        await here.ping(late, fix(age_s=600))
        await here.ping(mocked, fix(mock=True))
        await here.ping(far, fix(off(5000), mock=True))
    assert [line for lines in await told(town) for line in lines] == [
        ("coffee@1", "late", None),
        ("coffee@1", "trust", None),
    ]
