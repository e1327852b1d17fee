"""Where a page is refused: words for a browser, in its language, and problem details for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.errors import Forbidden, NotFound, TooMany
from server.web.access import Access, Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.languages import catalogue
from tests.web.serving import NoPool, Served, serving, settings_with

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "de"}
WORDS = catalogue("refused")["de"]
REFUSALS = {"forbidden": Forbidden, "missing": NotFound, "often": TooMany, "broken": ZeroDivisionError}


@door("GET", "/page/{name}", produces="text/html")
async def page(call: Call) -> Reply:
    raise REFUSALS[call.path["name"]]("<b>quoted</b>")


@door("POST", "/page/{name}", produces="text/html")
async def deed(call: Call) -> Reply:
    raise Forbidden


@door("GET", "/v1/file", produces="text/csv")
async def file(call: Call) -> Reply:
    raise NotFound


ANYBODY = Access(frozenset({Kind.ANON}))
TABLE = {("GET", "/page/{name}"): ANYBODY, ("POST", "/page/{name}"): ANYBODY, ("GET", "/v1/file"): ANYBODY}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving([page, deed, file], settings_with(), NoPool(), table=TABLE) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/page/forbidden", 403, "forbidden"),
        ("/page/missing", 404, "not_found"),
        ("/page/often", 429, "too_many"),
        ("/page/broken", 500, "away"),
        ("/nowhere", 404, "not_found"),
    ],
)
async def test_a_browser_reads_why_and_a_program_gets_the_problem(
    served: Served, path: str, status: int, word: str
) -> None:
    answered = await served.call("GET", path, headers=BROWSER)
    text = answered.body.decode()
    assert (answered.status, answered.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert WORDS[word] in text
    assert f"<h1>{WORDS.get(f'title_{word}', WORDS['title'])}</h1>" in text
    assert answered.headers["X-Request-Id"] in text
    assert "quoted" not in text
    assert answered.headers["Content-Language"] == "de"
    assert answered.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert answered.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in answered.headers) == (status == 429)
    told = await served.call("GET", path)
    assert (told.status, told.headers["Content-Type"]) == (status, "application/problem+json")


async def test_deeds_and_the_contract_get_the_problem_in_a_browser_too(served: Served) -> None:
    for method, path in (
        ("POST", "/page/forbidden"),
        ("GET", "/v1/file"),
        ("GET", "/v1/nowhere"),
        ("GET", "/static/x"),
    ):
        told = await served.call(method, path, headers=BROWSER)
        assert told.headers["Content-Type"] == "application/problem+json", path
