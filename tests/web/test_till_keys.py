"""The list of browsers that may sign: newest first, in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.till_book import TillBook
from tests.web.counter import Counter, open_counter


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def test_keys_are_listed_in_pages_with_what_became_of_them(house: Counter) -> None:
    path, made = "/v1/redemptions/offline/keys", []
    for _ in range(3):
        answer = await house.ask("POST", path, by="till", body={"public_key": TillBook().public_key})
        made.append(answer.json["id"])
    assert (await house.ask("DELETE", f"{path}/{made[0]}", by="admin")).status == 204
    first = (await house.ask("GET", f"{path}?limit=2", by="admin")).json
    assert [each["id"] for each in first["items"]] == made[:0:-1]
    second = (await house.ask("GET", f"{path}?limit=2&cursor={first['next']}", by="admin")).json
    [last] = second["items"]
    assert (last["id"], last["store_id"], second["next"]) == (made[0], str(house.store_id), None)
    assert last["revoked_at"] is not None
    assert "public_key" not in last
