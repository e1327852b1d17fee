"""The documentation page shows every door and takes nothing from elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import pytest

from server.web.access import ACCESS
from server.web.docs import resolved
from server.web.doors import all_doors
from tests.web.serving import NoPool, Served, serving, settings_with

DOORS = all_doors()


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    settings = settings_with(programme__name="Café <b>Kairos</b>", limits__requests_per_minute=10**6)
    async with serving(DOORS, settings, NoPool(), table=ACCESS) as running:
        yield running


class Page(HTMLParser):
    """What a page loads, and what scripts or styles are written into it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inside: list[str] = []
        self.attributes: set[str] = set()
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # What a page brings along for its scripts is data, which no browser runs.
        self._tag = "data" if ("type", "application/json") in attrs else tag
        self.attributes |= {name for name, _ in attrs}
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "action") and tag != "a"]

    def handle_data(self, data: str) -> None:
        if self._tag in ("script", "style") and data.strip():
            self.inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""


@pytest.mark.parametrize("path", ["/docs", "/login"])
async def test_a_page_needs_nothing_from_elsewhere_and_nothing_unsafe(served: Served, path: str) -> None:
    answered = await served.call("GET", path)
    assert answered.status == 200
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answered.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )
    for name in ("Cross-Origin-Opener-Policy", "Permissions-Policy", "Referrer-Policy"):
        assert answered.headers[name]
    page = Page()
    page.feed(answered.body.decode())
    assert page.inside == []
    assert not any(name.startswith("on") or name == "style" for name in page.attributes)
    assert page.loads
    for load in page.loads:
        assert load.startswith("/")
        assert not load.startswith("//")
        if load.startswith("/static/"):
            assert (await served.call("GET", load)).status == 200


async def test_every_door_is_on_the_page(served: Served) -> None:
    text = html.unescape((await served.call("GET", "/docs")).body.decode())
    for each in DOORS:
        assert re.search(rf">{each.method}</b> <code>{re.escape(each.path)}</code>", text), each.path


async def test_the_brands_name_is_escaped(served: Served) -> None:
    body = (await served.call("GET", "/docs")).body
    assert b"<b>Kairos</b>" not in body
    assert "Café &lt;b&gt;Kairos&lt;/b&gt;".encode() in body


async def test_machines_get_json(served: Served) -> None:
    answered = await served.call("GET", "/openapi.json")
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.json["openapi"].startswith("3.1")
    assert answered.json["info"]["title"] == "Café <b>Kairos</b> – Kairos"


def test_a_type_within_itself_is_shown_once() -> None:
    document = {
        "components": {
            "schemas": {"Tree": {"title": "Tree", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}}}
        }
    }
    assert resolved({"$ref": "#/components/schemas/Tree"}, document) == {"properties": {"left": {"type": "Tree"}}}
