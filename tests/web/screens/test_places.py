"""The page of places: who is offered what, and the bounds that its scripts are told."""

from __future__ import annotations

import json
import re

import pytest

from server.store.pool import Pool
from server.web.doors import all_doors
from server.web.languages import catalogue
from tests.web.marketing import Desk, token_of
from tests.web.serving import serving, settings_with

CHANGES = ("new-store", "new-circle", "new-area", "import")


async def page(pool: Pool, kind: str, language: str = "en") -> str:
    async with serving(all_doors(("screens.places",)), settings_with(limits__page_items=20), pool) as served:
        desk = Desk(served, await token_of(pool, kind))
        answer = await desk.call("GET", "/dashboard/places", headers={"Accept-Language": language})
    assert answer.status == 200, answer.body
    return answer.body.decode()


@pytest.fixture(scope="module")
async def shown(shared_pool: Pool) -> dict[str, str]:
    return {kind: await page(shared_pool, kind) for kind in ("marketer", "analyst", "admin")}


@pytest.mark.parametrize(("kind", "writes"), [("marketer", True), ("admin", True), ("analyst", False)])
def test_who_may_not_change_places_is_not_offered_to(shown: dict[str, str], kind: str, writes: bool) -> None:
    assert [f'id="{each}"' in shown[kind] for each in CHANGES] == [writes] * 4
    assert 'href="/v1/stores/export"' in shown[kind]


def test_the_scripts_are_told_the_bounds_of_the_rules(shown: dict[str, str]) -> None:
    told = re.search(r'<script type="application/json" id="facts">(.*?)</script>', shown["analyst"], re.DOTALL)
    assert told is not None
    facts = json.loads(told[1])
    assert facts["radius"] == {"least": 20, "most": 5000, "sure": 75}
    assert (facts["page"], facts["writes"], facts["imports"]["rows"]) == (20, False, 50_000)


async def test_the_page_speaks_german(shared_pool: Pool) -> None:
    text = await page(shared_pool, "analyst", "de")
    assert f"<h1>{catalogue('places')['de']['title']}</h1>" in text
    assert '<a href="/dashboard/places" aria-current="page">Orte</a>' in text
