"""The till's page: its policy, what a browser keeps of it, and that nothing of anybody is in what is kept."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from server.web.assets import assets
from server.web.middleware import CAMERA_CSP, CSP
from server.web.screens import counter as screen
from server.web.screens.counter import kept
from tests.house.tree import ROOT
from tests.web.counter import Counter, open_counter

WEB = ROOT / "server" / "web"


@pytest.fixture(scope="module")
async def house(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    folder: Path = tmp_path_factory.mktemp("house")
    async with open_counter(shared_dsn, folder, screens=(screen,)) as opened:
        yield opened


async def test_the_page_is_its_stores_and_may_read_codes_from_a_camera(house: Counter) -> None:
    answer = await house.ask("GET", "/counter", by="till", key=None)
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"] == CAMERA_CSP != CSP
    assert answer.headers["Cache-Control"] == "no-store"
    facts = json.loads(re.search(rb'id="facts">(.*?)</script>', answer.body)[1])  # type: ignore[index]
    assert (facts["store_id"], facts["store"], facts["zone"]) == (str(house.store_id), "Marktplatz", "Europe/Berlin")
    assert facts["reversal_s"] == 900


async def test_a_store_that_is_no_more_has_no_till(house: Counter) -> None:
    await house.till("left", store_id=house.store_id)
    await house.value("UPDATE api_keys SET store_id = $1 WHERE store_id = $2 RETURNING id", uuid4(), house.store_id)
    assert (await house.ask("GET", "/counter", by="left", key=None)).status == 403


async def test_what_is_kept_for_want_of_a_network_is_nobodys(house: Counter) -> None:
    anybody = await house.ask("GET", "/counter/shell", key=None)
    somebody = await house.ask("GET", "/counter/shell", by="till", key=None)
    assert anybody.status == 200
    assert anybody.body == somebody.body
    text = anybody.body.decode()
    assert '<meta name="csrf" content="">' in text
    assert '"who": null' in text
    assert "Marktplatz" not in text
    assert str(house.store_id) not in text
    assert "/logout" not in text


async def test_the_worker_lists_every_file_that_the_page_needs_and_knows_their_version(house: Counter) -> None:
    answer = await house.ask("GET", "/counter-worker.js", key=None)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    version, files, *rest = answer.body.decode().split("\n")
    assert re.fullmatch(r'const VERSION = "[0-9a-f]{16}";', version)
    assert json.loads(files.removeprefix("const FILES = ").removesuffix(";")) == list(kept())
    assert "\n".join(rest) == assets()["js/counter_worker.js"].body.decode()


def test_whatever_the_page_loads_is_kept() -> None:
    page = "".join((WEB / "templates" / name).read_text("utf-8") for name in ("base.html", "page.html", "counter.html"))
    needed = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    waiting = {each for each in needed if each.endswith(".js")}
    while waiting:
        script = waiting.pop()
        text = (WEB / script.lstrip("/")).read_text("utf-8")
        near = {f"/static/js/{name}" for name in re.findall(r'from "\./([^"]+)"', text)}
        found = near | set(re.findall(r'import\("(/static/[^"]+)"\)', text))
        waiting |= {each for each in found - needed if "/vendor/" not in each}
        needed |= found
    assert needed <= set(kept())
    assert all((WEB / each.lstrip("/")).is_file() for each in kept())


async def test_the_manifest_speaks_the_readers_language(house: Counter) -> None:
    answer = await house.served.call("GET", "/counter.webmanifest", headers={"Accept-Language": "de"})
    assert answer.headers["Content-Type"] == "application/manifest+json"
    told = answer.json
    assert (told["name"], told["start_url"], told["scope"]) == ("Kasse – Kairos", "/counter", "/counter")
