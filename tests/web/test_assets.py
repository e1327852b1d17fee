"""Only what lies in the folder is served, whatever a path says."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from server.web.access import ACCESS
from server.web.assets import assets
from server.web.doors import all_doors
from tests.web.serving import NoPool, Served, serving, settings_with


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    settings = settings_with(limits__requests_per_minute=10**6)
    async with serving(all_doors(("assets",)), settings, NoPool(), table=ACCESS) as running:
        yield running


@pytest.mark.parametrize("name", sorted(assets()))
async def test_each_file_is_served_with_its_type_and_a_tag(served: Served, name: str) -> None:
    answered = await served.call("GET", f"/static/{name}")
    assert (answered.status, answered.body) == (200, assets()[name].body)
    assert answered.headers["Content-Type"].partition(";")[0] == assets()[name].media
    again = await served.call("GET", f"/static/{name}", headers={"If-None-Match": answered.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "../door.py", "%2e%2e/door.py", "..%2fdoor.py", "/etc/passwd", "%2fetc%2fpasswd", "base.css/", "base.css%00"],
)  # fmt: skip
async def test_nothing_else_is(served: Served, path: str) -> None:
    answered = await served.raw(f"GET /static/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answered.startswith(b"HTTP/1.1 404 "), answered[:80]


def test_there_are_styles_and_scripts() -> None:
    assert {"base.css", "docs.css", "docs.js", "icon.svg"} <= set(assets())


async def test_large_texts_go_out_packed_to_whoever_takes_that(served: Served) -> None:
    name = "vendor/world-atlas/countries-50m.json"
    plain = await served.raw(_asked(name, ""))
    packed = await served.raw(_asked(name, "Accept-Encoding: br, gzip\r\n"))
    assert len(packed) < len(plain) / 2
    head, _, body = packed.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == assets()[name].body == plain.partition(b"\r\n\r\n")[2]


def _asked(name: str, more: str) -> bytes:
    return f"GET /static/{name} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n".encode()
