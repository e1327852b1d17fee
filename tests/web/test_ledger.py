"""Who sees which redemptions: a customer their own, a till its store's of today, an admin all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.web.ledger import day_began
from tests.counter_rows import add_store
from tests.web.counter import Counter, open_counter


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def redeemed(house: Counter, *, customer: str = "kim", by: str = "till") -> str:
    told = await house.taken(customer)
    answer = await house.redeem(told["code"], by=by)
    assert answer.status == 201
    identifier: str = answer.json["id"]
    return identifier


async def seen(house: Counter, by: str, query: str = "") -> list[str]:
    answer = await house.ask("GET", f"/v1/redemptions{query}", by=by)
    assert answer.status == 200, answer.body
    return [item["id"] for item in answer.json["items"]]


async def another_store(house: Counter) -> None:
    async with house.pool.transaction() as db:
        other = await add_store(db, name="Bahnhof")
    await house.till("elsewhere", store_id=other)


async def test_each_sees_their_own(house: Counter) -> None:
    await another_store(house)
    mine = await redeemed(house)
    theirs = await redeemed(house, customer="lee", by="elsewhere")
    assert await seen(house, "kim") == [mine]
    assert await seen(house, "lee") == [theirs]
    assert await seen(house, "till") == [mine]
    assert await seen(house, "elsewhere") == [theirs]
    assert await seen(house, "admin") == [theirs, mine]


async def test_a_row_says_what_was_given_and_whether_it_was_taken_back(house: Counter) -> None:
    identifier = await redeemed(house)
    (item,) = (await house.ask("GET", "/v1/redemptions", by="kim")).json["items"]
    assert (item["id"], item["store_id"], item["offer_id"]) == (identifier, str(house.store_id), str(house.offer_id))
    assert (item["reversed"], item["reversed_at"], item["uses_left"]) == (False, None, 0)
    assert item["reward"]["type"] == "free_item"
    assert "till_id" not in item
    assert "customer_id" not in item
    await house.ask("POST", f"/v1/redemptions/{identifier}/reversal", by="till", body={"reason": "oops"})
    (item,) = (await house.ask("GET", "/v1/redemptions", by="kim")).json["items"]
    assert (item["reversed"], item["reversed_at"] is not None) == (True, True)


async def test_a_till_sees_nothing_of_yesterday(house: Counter) -> None:
    """In the hour before its midnight the store's list holds the redemption; one zone further east it is tomorrow."""
    identifier = await redeemed(house)
    now = await house.value("SELECT clock_timestamp()")
    names = [f"Etc/GMT{-offset:+d}" for offset in range(-12, 15)]
    before = next(name for name in names[:-1] if now.astimezone(ZoneInfo(name)).hour == 23)
    after = names[names.index(before) + 1]
    for zone, wanted in ((before, [identifier]), (after, [])):
        async with house.pool.acquire() as db:
            await db.execute("UPDATE stores SET time_zone = $1", zone)
            if not wanted:  # the minutes of the new day that have passed lie behind it
                minutes = now.astimezone(ZoneInfo(after)).minute + 1
                await db.execute("ALTER TABLE redemptions DISABLE TRIGGER redemptions_append_only")
                back = "UPDATE redemptions SET redeemed_at = redeemed_at - make_interval(mins => $1)"
                await db.execute(back, minutes)
        assert await seen(house, "till") == wanted
    assert await seen(house, "admin") == [identifier]


async def test_pages_hold_each_redemption_once_the_newest_first(house: Counter) -> None:
    made = [await redeemed(house) for _ in range(5)]
    for by in ("kim", "till", "admin"):
        found, query = [], "?limit=2"
        while query:
            answer = await house.ask("GET", f"/v1/redemptions{query}", by=by)
            found += [item["id"] for item in answer.json["items"]]
            query = f"?limit=2&cursor={answer.json['next']}" if answer.json["next"] else ""
        assert found == made[::-1]


async def test_strangers_see_nothing(house: Counter) -> None:
    await redeemed(house)
    assert (await house.ask("GET", "/v1/redemptions")).status == 401
    await house.customer("lee")
    assert await seen(house, "lee") == []


@pytest.mark.parametrize(
    ("now", "zone", "began"),
    [
        ("2026-11-23T08:00:00+00:00", "Europe/Berlin", "2026-11-22T23:00:00+00:00"),
        ("2026-11-22T23:00:00+00:00", "Europe/Berlin", "2026-11-22T23:00:00+00:00"),
        ("2026-11-22T22:59:59+00:00", "Europe/Berlin", "2026-11-21T23:00:00+00:00"),
        ("2026-10-25T20:00:00+00:00", "Europe/Berlin", "2026-10-24T22:00:00+00:00"),  # a day of 25 hours
        ("2026-03-29T20:00:00+00:00", "Europe/Berlin", "2026-03-28T23:00:00+00:00"),  # a day of 23 hours
        ("2026-11-23T08:00:00+00:00", "Asia/Kathmandu", "2026-11-22T18:15:00+00:00"),
        ("2026-09-06T12:00:00+00:00", "America/Santiago", "2026-09-06T04:00:00+00:00"),  # its midnight does not exist
    ],
)
def test_a_day_begins_at_its_first_instant(now: str, zone: str, began: str) -> None:
    assert day_began(datetime.fromisoformat(now), zone) == datetime.fromisoformat(began)
