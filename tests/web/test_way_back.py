"""Where somebody wanted to go comes back from the browser: pages of this house are believed, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web.access import ACCESS, Kind, access_to
from server.web.door import DOORS, TABLE
from server.web.doors import all_doors
from server.web.way_back import page_of, way_to
from tests.web.serving import NoPool, Served, serving, settings_with

OFFER = "/dashboard/offers/01890000-0000-7000-8000-000000000001"
APP: Any = {DOORS: all_doors(), TABLE: ACCESS}
PAGES = [
    "/dashboard",
    "/dashboard?days=28&by=store&step=opened",
    "/dashboard/why?offer_id=1&from=2026-11-03T00:00:00.000Z&to=2026-11-04",
    "/dashboard/offers?search=100%25%20%C3%BC&order=newest",
    OFFER,
    f"{OFFER}/edit",
    "/dashboard/offers/new",
    "/dashboard/admin/audit",
    "/account",
    "/counter",
]
HOSTILE = [
    "",
    "dashboard",
    "//evil.example",
    "//evil.example/dashboard",
    "/\\evil.example",
    "\\\\evil.example",
    "/dashboard\\evil",
    "///dashboard",
    "/dashboard//evil",
    "/dashboard/",
    "https://evil.example/dashboard",
    "HTTPS:/dashboard",
    "javascript:alert(1)",
    "data:text/html,x",
    "?days=28",
    "#",
    "/dashboard#x",
    " /dashboard",
    "/dashboard ",
    "/\t/evil.example",
    "/dashboard\n",
    "/dashboard?x=\r\nSet-Cookie: sid=1",
    "/dashboard?x=\x00",
    "/dashboard?x=ü",
    '/dashboard?x="><script>',
    "/%2fevil.example",
    "/%5cevil.example",
    "/%2e%2e/evil",
    "/dashboard/../logout",
    "/dashboard/..%2flogout",
    "/.evil.example",
    "/@evil.example",
    "/dashboard@evil.example",
    "/dashboard:80",
    "/DASHBOARD",
    f"/dashboard?{'x' * 2000}",
    "/",
    "/login",
    "/login?to=/dashboard",
    "/login/code",
    "/logout",
    "/password",
    "/docs",
    "/app",
    "/openapi.json",
    "/static/js/api.js",
    "/v1/users",
    "/v1/export/moments",
    "/v1/account",
    "/p/abc",
    "/nowhere",
    "/dashboard/nowhere/at/all",
]


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(all_doors(), settings_with(), NoPool(), table=ACCESS) as running:
        yield running


@pytest.mark.parametrize("page", PAGES)
async def test_who_opens_a_page_is_led_to_a_form_that_hands_it_on(served: Served, page: str) -> None:
    assert page_of(APP, page) == page
    led = await served.call("GET", page)
    assert (led.status, led.headers["Location"]) == (303, way_to("/login", page))
    form = await served.call("GET", led.headers["Location"])
    value = page.replace("&", "&amp;")
    assert f'<input type="hidden" name="to" value="{value}">' in form.body.decode()


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_whatever_else_is_written_leads_nowhere(served: Served, hostile: str) -> None:
    assert page_of(APP, hostile) == ""
    for form in ("/login", "/login/code", "/password"):
        shown = await served.call("GET", way_to(form, hostile))
        assert b'name="to"' not in shown.body
        assert shown.headers.get("Location", "/login") == "/login"  # a form that leads on does so without it


@given(st.text(alphabet=st.sampled_from("/\\.:@%?#&=2fF5cC \t\r\n\x00dashborevil"), max_size=30))
def test_nothing_but_an_address_on_this_host_comes_through(text: str) -> None:
    for wanted in (text, f"/{text}", f"/dashboard{text}"):
        found = page_of(APP, wanted)
        assert found == "" or (found == wanted and found.partition("?")[0].strip("/").split("/")[0] == "dashboard")
        assert not found.startswith("//")
        assert not set(found) & set("\\\r\n\t\x00 #")


def test_a_page_is_for_those_who_may_see_it() -> None:
    analyst, till = frozenset({Kind.ANALYST}), frozenset({Kind.TILL})
    for page in PAGES:
        for roles in (analyst, till, frozenset({Kind.ADMIN}), frozenset({Kind.MARKETER, Kind.TILL})):
            route = page.partition("?")[0].replace(OFFER, "/dashboard/offers/{id}").replace("/audit", "/{section}")
            may = bool(access_to("GET", route).principals & roles)
            assert page_of(APP, page, roles=roles) == (page if may else ""), (page, roles)
    assert page_of(APP, "/dashboard/offers/new", roles=analyst) == ""  # not the offer that is called "new"
    assert page_of(APP, "/dashboard", roles=till) == ""
