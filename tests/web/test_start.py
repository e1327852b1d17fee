"""The first page leads on, and says what kind of server this is."""

from __future__ import annotations

import re

import pytest

from server.signals.weather.credits import CREDITS
from server.web.access import ACCESS
from server.web.doors import all_doors
from tests.web.serving import serving, settings_with

TABLE = {key: entry for key, entry in ACCESS.items() if key == ("GET", "/")}


@pytest.mark.parametrize(("mode", "said"), [("test", True), ("production", False)])
async def test_the_page_says_aloud_that_a_server_is_for_tests(mode: str, said: bool) -> None:
    settings = settings_with(mode=mode, server__hosts=("127.0.0.1",))
    async with serving(all_doors(["start"]), settings, None, table=TABLE) as served:
        page = (await served.call("GET", "/")).body.decode()
        assert ("<strong>This server runs in test mode." in page) is said


async def test_every_link_of_the_page_is_a_route() -> None:
    async with serving(all_doors(["start"]), settings_with(), None, table=TABLE) as served:
        answered = await served.call("GET", "/")
    assert answered.headers["Content-Type"].startswith("text/html")
    links = set(re.findall(r'href="(/[^"]*)"', answered.body.decode())) - {"/static/base.css", "/static/icon.svg"}
    assert {("GET", link) for link in links} <= set(ACCESS)
    assert len(links) >= 6


@pytest.mark.parametrize(("provider", "said"), [("fixed", ""), ("open_meteo", "CC BY 4.0"), ("met_no", "NLOD 2.0")])
async def test_whoever_gives_the_weather_is_named_on_the_pages_and_in_the_contract(provider: str, said: str) -> None:
    settings = settings_with(weather__provider=provider)
    shown = {key: entry for key, entry in ACCESS.items() if key[1] in ("/", "/docs", "/openapi.json")}
    async with serving(all_doors(["start", "docs"]), settings, None, table=shown) as served:
        pages = [(await served.call("GET", path)).body.decode() for path in ("/", "/docs")]
        about = (await served.call("GET", "/openapi.json")).json["info"].get("x-attribution")
    credit = CREDITS.get(provider)
    assert (about is None) is (credit is None)
    for page in pages:
        assert ("<footer>" in page) is (credit is not None)
        if credit is not None:
            assert (said in page, credit.url in page, credit.licence_url in page) == (True, True, True)
            assert about == credit._asdict()
