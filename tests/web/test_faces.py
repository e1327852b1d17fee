"""What a pass looks like, over HTTP: to its customer alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.wallet.qr import qr_svg
from tests.web.counter import Counter, open_counter


@pytest.fixture(scope="module")
async def opened(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(shared_dsn, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
async def house(opened: Counter) -> Counter:
    return await opened.anew()


async def test_the_face_follows_the_pass(house: Counter) -> None:
    told = await house.taken()
    path = f"/v1/passes/{told['serial']}/face"
    first = await house.ask("GET", path, by="kim")
    assert first.status == 200, first.body
    assert (first.json["style"], first.json["state"]) == ("coupon", "active")
    assert first.json["primary"] == [{"label": "REWARD", "value": "Coffee on us"}]
    assert first.json["code_text"].replace(" ", "") == told["code"]
    german = await house.ask("GET", f"{path}?locale=de-DE&wallet=google", by="kim")
    assert german.json["primary"] == [{"label": "PRÄMIE", "value": "Kaffee aufs Haus"}]
    assert (await house.redeem(told["code"])).status == 201
    assert (await house.ask("GET", path, by="kim")).json["state"] == "redeemed"


@pytest.mark.parametrize("query", ["locale=german", "wallet=samsung", "lang=de"])
async def test_what_cannot_be_asked_is_refused(house: Counter, query: str) -> None:
    told = await house.taken()
    assert (await house.ask("GET", f"/v1/passes/{told['serial']}/face?{query}", by="kim")).status == 422


async def test_the_picture_is_that_of_the_code_and_is_kept_by_nobody(house: Counter) -> None:
    told = await house.taken()
    drawn = await house.ask("GET", f"/v1/passes/{told['serial']}/qr.svg", by="kim")
    assert (drawn.status, drawn.headers["Content-Type"]) == (200, "image/svg+xml")
    assert drawn.headers["Cache-Control"] == "no-store"
    assert drawn.body == qr_svg(told["code"])
