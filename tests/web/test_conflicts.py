"""What could not be booked, as each sees it: a till its store's, readers all of it, marketers without serials."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.store import keys
from tests.till_book import TillBook
from tests.web.counter import Counter, open_counter

PATH = "/v1/redemptions/conflicts"


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def test_conflicts_are_told_in_pages_with_what_they_come_to(house: Counter) -> None:
    other = await house.anew()
    for each in (house, other):
        book = TillBook()
        made = await each.ask("POST", "/v1/redemptions/offline/keys", by="till", body={"public_key": book.public_key})
        book.known_as(made.json["id"])
        code = (await each.taken())["code"]
        records = [book.write(code), book.write(code), book.write("0" * 48)]
        await each.ask("POST", "/v1/redemptions/offline", by="till", body=book.body(*records))
    async with house.pool.transaction() as db:
        marketer = await keys.create(db, kind="marketer")
    assert marketer is not None
    house.tokens["marketer"] = marketer.token
    own = (await house.ask("GET", PATH, by="till")).json
    assert [(each["code"], each["store_id"]) for each in own["items"]] == [
        ("unknown_code", str(house.store_id)),
        ("already_redeemed", str(house.store_id)),
    ]
    cost = {"minor": 250, "currency": "EUR"}
    assert own["losses"] == [{"count": 1, "cost": cost}, {"count": 1, "cost": None}]
    first = (await house.ask("GET", f"{PATH}?limit=3", by="marketer")).json
    last = (await house.ask("GET", f"{PATH}?limit=3&cursor={first['next']}", by="marketer")).json
    assert [len(page["items"]) for page in (first, last)] == [3, 1]
    assert (
        first["losses"]
        == last["losses"]
        == [{"count": 2, "cost": {"minor": 500, "currency": "EUR"}}, {"count": 2, "cost": None}]
    )
    assert {each["serial"] for each in first["items"]} == {None}
    assert any(each["serial"] for each in (await house.ask("GET", PATH, by="admin")).json["items"])
    assert (await house.ask("GET", PATH, by="kim")).status == 403
