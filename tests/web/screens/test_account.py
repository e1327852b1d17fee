"""One's own page says who one is, in two languages, and holds nothing that others may not read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.store.pool import Pool
from tests.browser.hostile import SHORT
from tests.web.house import House, housed


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with housed(pool) as opened:
        yield opened


async def test_it_names_its_person_and_escapes_what_somebody_wrote(house: House) -> None:
    browser = await house.entered("marketer", "analyst", name=SHORT)
    page = await browser.get("/account", **{"Accept-Language": "de"})
    text = page.body.decode()
    assert page.status == 200
    assert "kim@example.com" in text
    assert "Auswertung" in text
    assert "<img" not in text
    assert browser.cookie.partition("=")[2] not in text


async def test_who_is_not_logged_in_is_led_to_it_and_who_must_change_a_password_to_that(house: House) -> None:
    away = await house.served.call("GET", "/account")
    assert (away.status, away.headers["Location"]) == (303, "/login?to=%2Faccount")
    user = await house.add_user()
    answered = await house.log_in(user["email"], user["password"])
    cookie = answered.headers["Set-Cookie"].partition(";")[0]
    page = await house.served.call("GET", "/account", headers={"Cookie": cookie})
    assert (page.status, page.headers["Location"]) == (303, "/password?to=%2Faccount")
