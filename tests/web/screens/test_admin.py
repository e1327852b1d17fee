"""The house's own pages: a bar that leads to each, sentences in the reader's language, for admins alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from types import ModuleType

import pytest

from server.store.pool import Pool
from server.wallet.watch import Fixed, Life, Watch
from server.web.languages import catalogue
from server.web.screens import admin
from server.web.screens.admin import SECTIONS, tabs_for
from tests.web.authors import House, house
from tests.web.people import Clock
from tests.web.serving import settings_with

PAGES: ModuleType = admin


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    clock = Clock()
    ending = Life("wwdr", clock.now() - timedelta(days=9), clock.now() + timedelta(days=3.5))
    watch = Watch(Fixed(ending, warn=timedelta(days=30)))
    async with house(pool, PAGES, clock=clock, watch=watch) as served:
        yield served


async def test_every_section_has_its_page_and_nothing_else_has_one(at: House) -> None:
    words = catalogue("house")["de"]
    for section in ("", *(f"/{each}" for each in SECTIONS)):
        answered = await at.call("admin", "GET", f"/dashboard/admin{section}", Accept_Language="de")
        name = words[f"tab_{section[1:] or 'people'}"]
        assert f"<h1>{name}</h1>" in unescape(answered.body.decode())
    assert (await at.call("admin", "GET", "/dashboard/admin/secrets")).status == 404
    assert (await at.call("marketer", "GET", "/dashboard/admin")).status == 403


async def test_what_ends_is_said_in_the_readers_language(at: House) -> None:
    german = await at.call("admin", "GET", "/dashboard/admin/certificates", Accept_Language="de")
    assert "Apples Zwischenzertifikat (WWDR) endet am" in german.body.decode()
    elsewhere = await at.call("admin", "GET", "/dashboard/admin/keys", Accept_Language="de")
    assert "WWDR) endet" not in elsewhere.body.decode()


async def test_who_has_no_certificate_of_their_own_is_told_that_passes_open_on_no_phone(at: House, pool: Pool) -> None:
    said = "signed by a throw-away certificate and open on no phone"
    assert said in (await at.call("admin", "GET", "/dashboard/admin/certificates")).body.decode()
    real = settings_with(apple__pass_type_id="pass.com.example")
    async with house(pool, PAGES, clock=Clock(), watch=Watch(), settings=real) as served:
        page = await served.call("admin", "GET", "/dashboard/admin/certificates")
    assert '"warnings": []' in page.body.decode()


@pytest.mark.parametrize("here", [*SECTIONS, "webhooks"])
def test_the_bar_marks_where_one_is(here: str) -> None:
    tabs = tabs_for(here, "en")
    assert [tab.here for tab in tabs].count(True) == 1
    assert len({tab.path for tab in tabs}) == len(SECTIONS) + 1
