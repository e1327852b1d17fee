"""The outermost skin: people are led to the log-in, programs are told, and https is insisted on where it is there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from server.web.access import Access, Kind
from server.web.call import Call, Reply
from server.web.door import door
from tests.web.serving import NoPool, Served, serving, settings_with


class Seen(msgspec.Struct, frozen=True):
    ok: bool = True


@door("GET", "/page", produces="text/html")
async def page(call: Call) -> Reply:
    return Reply(200, b"<p>", media="text/html")


@door("GET", "/v1/data", answer=Seen)
async def data(call: Call) -> Seen:
    return Seen()


@door("GET", "/moved", answer=Seen)
async def moved(call: Call) -> Seen:
    raise web.HTTPSeeOther("/elsewhere")


@door("GET", "/cached", produces="text/plain")
async def cached(call: Call) -> Reply:
    return Reply(200, b"x", headers={"Cache-Control": "public, max-age=60"}, media="text/plain")


ADMIN, ANYBODY = Access(frozenset({Kind.ADMIN})), Access(frozenset({Kind.ANON}))
DOORS = [page, data, moved, cached]
TABLE = {
    ("GET", "/page"): ADMIN,
    ("GET", "/v1/data"): ADMIN,
    ("GET", "/moved"): ANYBODY,
    ("GET", "/cached"): ANYBODY,
}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(DOORS, settings_with(), NoPool(), table=TABLE) as running:
        yield running


async def test_a_page_leads_to_the_log_in_and_data_says_401(served: Served) -> None:
    answered = await served.call("GET", "/page")
    assert (answered.status, answered.headers["Location"], answered.body) == (303, "/login?to=%2Fpage", b"")
    answered = await served.call("GET", "/page?days=28&by=store")
    assert answered.headers["Location"] == "/login?to=%2Fpage%3Fdays%3D28%26by%3Dstore"
    answered = await served.call("GET", "/v1/data")
    assert (answered.status, answered.json["code"]) == (401, "unauthenticated")


async def test_a_way_elsewhere_stays_one(served: Served) -> None:
    answered = await served.call("GET", "/moved")
    assert (answered.status, answered.headers["Location"]) == (303, "/elsewhere")
    assert answered.headers["X-Request-Id"]


async def test_nothing_is_kept_by_caches_unless_the_door_says_so(served: Served) -> None:
    assert (await served.call("GET", "/v1/data")).headers["Cache-Control"] == "no-store"
    assert (await served.call("GET", "/cached")).headers["Cache-Control"] == "public, max-age=60"


async def test_https_is_insisted_on_where_the_public_address_has_it(served: Served) -> None:
    assert "Strict-Transport-Security" not in (await served.call("GET", "/cached")).headers
    secure = settings_with(server__public_url="https://kairos.example")
    async with serving(DOORS, secure, NoPool(), table=TABLE) as other:
        for path in ("/cached", "/v1/data"):
            assert "Strict-Transport-Security" in (await other.call("GET", path)).headers


async def test_pictures_come_from_elsewhere_only_where_maps_have_a_server_for_their_tiles(served: Served) -> None:
    name = "Content-Security-Policy"
    plain = (await served.call("GET", "/cached")).headers[name]
    assert "img-src 'self' data:;" in plain
    tiled = settings_with(map__tiles_url="https://tiles.example.com:8443/{z}/{x}/{y}.png?key=1")
    async with serving(DOORS, tiled, NoPool(), table=TABLE) as other:
        allowed = (await other.call("GET", "/cached")).headers[name]
    assert allowed == plain.replace("img-src 'self' data:", "img-src 'self' https://tiles.example.com:8443 data:")
