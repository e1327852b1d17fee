"""What a map of places asks: heaps that add up to what is there, and the offers that name a place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.store.pool import Pool
from tests.lives import offer_of
from tests.web.marketing import NOBODYS, STORE, fields_of, marketing

HEADER = "name,lat,lon,radius_m,tags\n"
TOWNS = {
    "Berlin": (52.52, 13.40, 30),
    "Hamburg": (53.55, 9.99, 20),
    "Suva": (-18.14, 178.44, 10),
    "Apia": (-13.83, -171.77, 5),
}
SQUARE = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]


def table() -> str:
    """Sixty-five stores in four towns, two of them on either side of the antimeridian."""
    return HEADER + "".join(
        f"{town} {number},{lat + number / 1000},{lon},100,{town.lower()}\n"
        for town, (lat, lon, many) in TOWNS.items()
        for number in range(many)
    )


async def test_heaps_add_up_to_the_fences_that_are_looked_for(pool: Pool) -> None:
    async with marketing(pool, modules=("place_map",)) as desk:
        assert (await desk.csv(table())).status == 201
        park = {"name": "Park", "geometry": {"type": "Polygon", "coordinates": SQUARE}}
        assert (await desk.call("POST", "/v1/geofences", json=park)).status == 201

        async def ask(query: str) -> Any:
            answer = await desk.call("GET", f"/v1/geofences/cells{query}")
            assert answer.status == 200, answer.body
            assert answer.json["fences"] == sum(cell["fences"] for cell in answer.json["cells"])
            return answer.json

        world = await ask("")
        germany = (await ask("?bbox=5,47,15,55"))["cells"]
        towns = {town: (lat, lon) for town, (lat, lon, _) in TOWNS.items()}

        def heaped(town: str, cells: Any) -> int:
            lat, lon = towns[town]
            return sum(c["stores"] for c in cells if abs(c["lat"] - lat) < 0.1 and abs(c["lon"] - lon) < 0.1)

        assert world["fences"] == 66
        assert {town: heaped(town, germany) for town in ("Berlin", "Hamburg")} == {"Berlin": 30, "Hamburg": 20}
        assert {town: heaped(town, world["cells"]) for town in ("Suva", "Apia")} == {"Suva": 10, "Apia": 5}
        assert sum(cell["fences"] - cell["stores"] for cell in world["cells"]) == 1
        assert [cell["fences"] for cell in world["cells"]] == sorted(
            (c["fences"] for c in world["cells"]), reverse=True
        )
        assert (await ask("?bbox=13,52,14,53"))["fences"] == 31
        assert (await ask("?bbox=13,52,14,53"))["degrees"] < world["degrees"]
        assert (await ask("?bbox=175,-20,-170,-10"))["fences"] == 15
        assert (await ask("?free=true"))["fences"] == 1
        assert (await ask("?tag=suva"))["fences"] == 10
        assert (await ask("?q=hamburg%201"))["fences"] == 11  # 1, and 10 to 19
        west, south, east, north = (await ask("?tag=hamburg"))["bbox"]  # 20 circles of 100 m, one above the other
        assert (west, east) == pytest.approx((9.99 - 0.0015, 9.99 + 0.0015), abs=0.0002)
        assert (south, north) == pytest.approx((53.55 - 0.0009, 53.569 + 0.0009), abs=0.0002)
        assert await ask("?bbox=0,0,1,1") == {"fences": 0, "degrees": 0.0625, "bbox": None, "cells": []}


async def test_an_impossible_part_of_the_map_is_refused(shared_pool: Pool) -> None:
    async with marketing(shared_pool, modules=("place_map",)) as desk:
        for query in ("bbox=1", "q=", "tag=", "free=perhaps", "limit=1"):
            assert fields_of(await desk.call("GET", f"/v1/geofences/cells?{query}")) == [query.partition("=")[0]]


async def test_whoever_closes_a_store_can_learn_which_offers_name_it(pool: Pool) -> None:
    async with marketing(pool, kind="analyst", modules=("place_map",)) as desk:
        async with marketing(pool) as author:
            store = (await author.call("POST", "/v1/stores", json=STORE)).json
        path = f"/v1/geofences/{store['geofence_id']}/offers"
        async with pool.acquire() as db:
            for number, places in enumerate(({"ids": [store["id"]]}, {"tag": "coffee"}, {"any": True}), 1):
                await db.execute(
                    "INSERT INTO offers (id, name, version, document, author) VALUES ($1, $2, 1, $3, 'u')",
                    offer_of(number), f"offer-{number}", document(places),
                )  # fmt: skip
                await db.execute(
                    "INSERT INTO offer_versions SELECT id, version, document, author FROM offers WHERE id = $1",
                    offer_of(number),
                )
        whole = (await desk.call("GET", path)).json
        first = (await desk.call("GET", f"{path}?limit=1")).json
        second = (await desk.call("GET", f"{path}?limit=1&cursor={first['next']}")).json
        unknown = await desk.call("GET", f"/v1/geofences/{NOBODYS}/offers")
    assert [(each["name"], each["status"], each["by"]) for each in whole["items"]] == [
        ("offer-1", "draft", "id"),
        ("offer-2", "draft", "tag"),
    ]
    assert first["items"] + second["items"] == whole["items"]
    assert (second["next"], unknown.status) == (None, 404)


def document(places: dict[str, Any]) -> str:
    return json.dumps({"when": {"trigger": "enter", "places": places}})


@pytest.mark.parametrize("kind", ["crm", "app"])
async def test_who_may_not_read_places_may_not_count_them(shared_pool: Pool, kind: str) -> None:
    async with marketing(shared_pool, kind=kind, modules=("place_map",)) as desk:
        for path in ("cells", f"{NOBODYS}/offers"):
            assert (await desk.call("GET", f"/v1/geofences/{path}")).status == 403
