"""A weather provider that misbehaves, whatever way: no ping waits or fails, and what hangs on the weather is not shown.

The house is whole, with its own fetching. A provider may keep a question for a minute here instead of three seconds: so that
pings are answered while it is open is no matter of speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.model.place import Point
from server.signals.weather.cache import WeatherCache
from server.signals.weather.open_meteo import OpenMeteo
from tests.standins.weather import FLOOD_BYTES, GOOD, INSIDE, ORDERS, Weather
from tests.street.scene import document, report
from tests.street.serving import Answered, Street, open_street

LON = 11.0328
PINGS = 8
"""So many customers come into each store."""

WAITING = ("hang", "slow")
RAIN = {"weather": {"precipitation_mm": {"gte": 0.3}}}


@dataclass
class Town:
    """A house that asks a provider, and a store in a cell of its own for each thing that the provider does."""

    street: Street
    sky: Weather
    stores: int = 0

    @property
    def cache(self) -> WeatherCache:
        """What is known of the weather."""
        source = self.street.house.parts.weather
        assert isinstance(source, WeatherCache)
        return source

    async def store(self) -> float:
        """Open a store where none was; gives its latitude. Its weather is asked for at once."""
        self.stores += 1
        lat = 40.05 + self.stores * 0.5
        body = {"name": f"Store {self.stores}", "lat": lat, "lon": LON, "radius_m": 120}
        assert (await self.street.call("POST", "/v1/stores", by="admin", body=body)).status == 201
        await self.street.house.parts.rules.refresh()
        return lat

    def questions(self, lat: float) -> list[str]:
        """What the provider did with each question about a store's cell."""
        return [each.order for each in self.sky.asked if abs(each.lat - lat) < 0.06]

    async def come(self, name: str, lat: float) -> Answered:
        """A new customer comes into the store."""
        await self.street.customer(name)
        return await self.street.call("POST", "/v1/pings", by=name, body=report(lat=lat, lon=LON))

    async def why(self, name: str) -> tuple[str, Any]:
        """What their receipt says of the offer."""
        [item] = (await self.street.call("GET", "/v1/me/decisions", by=name)).json["items"]
        return item["truth"], item.get("gate")


@pytest.fixture(scope="module")
async def town(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder: Path = tmp_path_factory.mktemp("weather")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OpenMeteo.__init__.__kwdefaults__, "deadline_s", 60.0)
        async with Weather(slow_s=50.0) as sky:
            asks = {"weather__provider": "open_meteo", "weather__base_url": sky.url}
            async with open_street(shared_dsn, folder, **asks) as street:
                await street.key("admin")
                offer = document("rain", **{"if": {"all": [RAIN]}})
                made = await street.call("POST", "/v1/offers", by="admin", body=offer)
                assert (await street.call("POST", f"/v1/offers/{made.json['id']}/publish", by="admin")).status == 200
                yield Town(street, sky)
                await sky.behave(GOOD)


async def known(town: Town, lat: float) -> None:
    """Wait until the weather of a store is at hand."""
    now = town.street.house.parts.clock.now
    async with asyncio.timeout(30):
        while town.cache.get(Point(lat, LON), now()) is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("order", [each for each in ORDERS if each != GOOD])
async def test_pings_are_answered_whatever_the_provider_does_and_unknown_weather_shows_nothing(
    town: Town, order: str
) -> None:
    await town.sky.behave(GOOD)
    rainy = await town.store()
    await known(town, rainy)
    answer = await town.come(f"{order}: rain", rainy)
    assert [moment["title"] for moment in answer.json["moments"]] == ["Coffee on us"], "where it rains it is shown"

    await town.sky.behave(order)
    before = len(town.sky.asked)
    lat = await town.store()
    if order != "refused":
        await town.sky.until(lambda: len(town.sky.asked) > before)
    waiting = town.sky.open
    names = [f"{order} {number}" for number in range(PINGS)]
    answers = await asyncio.gather(*(town.come(name, lat) for name in names))
    assert [(each.status, each.json["moments"]) for each in answers] == [(200, [])] * PINGS
    if order in WAITING:
        assert (waiting, town.sky.open) == (1, 1), "they were answered while the provider still kept its question"
    assert {await town.why(name) for name in names} == {("unknown", "weather")}
    asked = town.questions(lat)
    assert set(asked) == ({order} if order != "refused" else set())
    assert len(asked) <= 2 < PINGS, "no ping asked anything (aiohttp asks again where a connection was cut)"


async def test_no_more_is_read_of_a_gigabyte_than_fits_and_nothing_leads_inside(town: Town) -> None:
    for order in ("flood", "redirect"):
        await town.sky.behave(GOOD)
        await known(town, await town.store())
        await town.sky.behave(order)
        before = len(town.sky.asked)
        await town.store()
        await town.sky.until(lambda before=before: len(town.sky.asked) > before and not town.sky.open)
    assert town.sky.sent < FLOOD_BYTES / 50
    assert INSIDE not in {each.path for each in town.sky.asked}
