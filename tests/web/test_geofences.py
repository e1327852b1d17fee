"""Fences over HTTP: circles and areas, free ones and the stores' own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from server.store import audit
from server.store.pool import Pool
from tests.web.marketing import NOBODYS, STORE, fields_of, marketing

CIRCLE = {"name": "Old town", "tags": ["district"], "lat": 52.5163, "lon": 13.3777, "radius_m": 250.0}
SQUARE = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
AREA = {"name": "Park", "tags": ["b", "a", "b"], "geometry": {"type": "Polygon", "coordinates": SQUARE}}


async def test_a_circle_is_answered_as_it_was_drawn(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = await desk.call("POST", "/v1/geofences", json=CIRCLE)
        found = await desk.call("GET", f"/v1/geofences/{made.json['id']}")
    assert made.status == 201
    assert {name: made.json[name] for name in CIRCLE} == CIRCLE
    assert (made.json["kind"], made.json["geometry"], made.json["store_id"]) == ("circle", None, None)
    assert made.json["time_zone"] == "Europe/Berlin"
    assert UUID(made.json["id"]).version == 7
    assert (found.status, found.json) == (200, made.json)


async def test_an_area_is_answered_as_it_was_drawn(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = await desk.call("POST", "/v1/geofences", json=AREA)
        found = await desk.call("GET", f"/v1/geofences/{made.json['id']}")
    assert made.status == 201
    assert (made.json["kind"], made.json["geometry"]) == ("area", AREA["geometry"])
    assert (made.json["lat"], made.json["lon"], made.json["radius_m"]) == (None, None, None)
    assert made.json["tags"] == ["a", "b"]
    assert made.json["time_zone"] == "Europe/Berlin"
    assert found.json == made.json


async def test_a_point_with_a_radius_is_a_circle(pool: Pool) -> None:
    drawn = {"name": "P", "geometry": {"type": "Point", "coordinates": [13.3777, 52.5163]}, "radius_m": 250}
    async with marketing(pool) as desk:
        made = await desk.call("POST", "/v1/geofences", json=drawn)
    assert (made.json["kind"], made.json["lat"], made.json["lon"]) == ("circle", 52.5163, 13.3777)


async def test_a_fence_may_change_from_circle_to_area_and_back(pool: Pool) -> None:
    async with marketing(pool) as desk:
        path = f"/v1/geofences/{(await desk.call('POST', '/v1/geofences', json=CIRCLE)).json['id']}"
        area = await desk.call("PUT", path, json=AREA)
        circle = await desk.call("PUT", path, json=CIRCLE)
    assert (area.status, area.json["kind"], area.json["radius_m"]) == (200, "area", None)
    assert (circle.status, circle.json["kind"], circle.json["geometry"]) == (200, "circle", None)


async def test_a_small_circle_is_taken_with_a_warning(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = await desk.call("POST", "/v1/geofences", json=CIRCLE | {"radius_m": 20})
    assert made.status == 201
    assert [each["field"] for each in made.json["warnings"]] == ["radius_m"]


BOW = [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "A"}, "geometry"),
    ({"name": "A", "radius_m": 100}, "geometry"),
    (CIRCLE | {"geometry": AREA["geometry"]}, "geometry"),
    (CIRCLE | {"name": ""}, "name"),
    (CIRCLE | {"lat": 91}, "lat"),
    (CIRCLE | {"lon": None}, "lon"),
    (CIRCLE | {"radius_m": 19}, "radius_m"),
    (CIRCLE | {"radius_m": 5001}, "radius_m"),
    (CIRCLE | {"radius_m": None}, "radius_m"),
    (CIRCLE | {"colour": "red"}, "colour"),
    (CIRCLE | {"tags": ["x" * 65]}, "tags[0]"),
    (AREA | {"radius_m": 100}, "radius_m"),
    (AREA | {"geometry": {"type": "Circle"}}, "geometry.type"),
    (AREA | {"geometry": {"type": "Point", "coordinates": [0, 0]}}, "radius_m"),
    (AREA | {"geometry": {"type": "Polygon", "coordinates": []}}, "geometry.coordinates"),
    (AREA | {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}}, "geometry.coordinates[0]"),
    (AREA | {"geometry": {"type": "Polygon", "coordinates": BOW}}, "geometry.coordinates[0]"),
    (AREA | {"geometry": {"type": "Polygon", "coordinates": [[[0, 91]] * 4]}}, "geometry.coordinates[0][0][1]"),
    (
        AREA | {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}},
        "geometry.coordinates",
    ),
    (AREA | {"geometry": "POLYGON"}, "geometry"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    shared_pool: Pool, body: dict[str, Any], field: str
) -> None:
    async with marketing(shared_pool) as desk:
        answer = await desk.call("POST", "/v1/geofences", json=body)
        listed = await desk.call("GET", "/v1/geofences")
    assert fields_of(answer) == [field]
    assert listed.json == {"items": [], "next": None}


async def test_an_outline_has_only_so_many_vertices(shared_pool: Pool) -> None:
    ring = [[number / 1000, 0] for number in range(100)] + [[0.05, 0.1], [0, 0]]
    area = {"name": "A", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    async with marketing(shared_pool, limits__vertices=101) as desk:
        answer = await desk.call("POST", "/v1/geofences", json=area)
    assert fields_of(answer) == ["geometry.coordinates"]
    assert "101" in answer.json["errors"][0]["message"]


async def test_a_stores_own_fence_is_changed_with_its_store_alone(pool: Pool) -> None:
    async with marketing(pool) as desk:
        store = (await desk.call("POST", "/v1/stores", json=STORE)).json
        path = f"/v1/geofences/{store['geofence_id']}"
        put = await desk.call("PUT", path, json=CIRCLE)
        deleted = await desk.call("DELETE", path)
        fence = (await desk.call("GET", path)).json
    assert [(answer.status, answer.json["code"]) for answer in (put, deleted)] == [(409, "store_fence")] * 2
    assert fence["name"] == STORE["name"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("name", [str(NOBODYS), "17"])
async def test_an_unknown_fence_is_not_found(shared_pool: Pool, method: str, name: str) -> None:
    async with marketing(shared_pool) as desk:
        options = {"json": CIRCLE} if method == "PUT" else {}
        answer = await desk.call(method, f"/v1/geofences/{name}", **options)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_fence_that_was_taken_down_is_gone(pool: Pool) -> None:
    async with marketing(pool) as desk:
        path = f"/v1/geofences/{(await desk.call('POST', '/v1/geofences', json=CIRCLE)).json['id']}"
        assert [(await desk.call("DELETE", path)).status for _ in range(2)] == [204, 404]
        assert (await desk.call("GET", path)).status == 404
        assert (await desk.call("GET", "/v1/geofences")).json["items"] == []


async def test_lists_hold_the_stores_fences_too_and_come_in_pages(pool: Pool) -> None:
    async with marketing(pool) as desk:
        await desk.call("POST", "/v1/geofences", json=CIRCLE)
        await desk.call("POST", "/v1/stores", json=STORE)
        await desk.call("POST", "/v1/geofences", json=AREA)
        first = (await desk.call("GET", "/v1/geofences?limit=2")).json
        second = (await desk.call("GET", f"/v1/geofences?limit=2&cursor={first['next']}")).json
    assert [item["name"] for item in first["items"]] == [CIRCLE["name"], STORE["name"]]
    assert [item["name"] for item in second["items"]] == [AREA["name"]]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x"])
async def test_an_impossible_page_is_refused(shared_pool: Pool, query: str) -> None:
    async with marketing(shared_pool) as desk:
        assert fields_of(await desk.call("GET", f"/v1/geofences?{query}")) == [query.partition("=")[0]]


async def test_a_repeated_key_draws_one_fence(pool: Pool) -> None:
    async with marketing(pool) as desk:
        answers = [
            await desk.call("POST", "/v1/geofences", json=AREA, headers={"Idempotency-Key": "k"}) for _ in range(2)
        ]
        listed = (await desk.call("GET", "/v1/geofences")).json["items"]
    assert answers[0].body == answers[1].body
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(listed) == 1


@pytest.mark.parametrize(("kind", "status"), [("marketer", 201), ("admin", 201), ("analyst", 403), ("crm", 403)])
async def test_who_may_draw(pool: Pool, kind: str, status: int) -> None:
    async with marketing(pool, kind=kind) as desk:
        assert (await desk.call("POST", "/v1/geofences", json=CIRCLE)).status == status


async def test_every_change_is_written_down(pool: Pool) -> None:
    async with marketing(pool) as desk:
        path = f"/v1/geofences/{(await desk.call('POST', '/v1/geofences', json=CIRCLE)).json['id']}"
        await desk.call("PUT", path, json=AREA)
        await desk.call("DELETE", path)
    async with pool.acquire() as db:
        rows = await audit.page(db, before=None, limit=10)
    assert [row.action for row in rows] == ["geofence.remove", "geofence.change", "geofence.create"]
    assert rows[1].before_hash != rows[1].after_hash


async def test_an_export_is_imported_back_unchanged(pool: Pool) -> None:
    async with marketing(pool) as desk:
        for body in (CIRCLE, AREA):
            await desk.call("POST", "/v1/geofences", json=body)
        await desk.call("POST", "/v1/stores", json=STORE)
        first = await desk.call("GET", "/v1/geofences/export")
        assert first.headers["Content-Type"].startswith("application/geo+json")
        for feature in first.json["features"]:
            await desk.call("DELETE", f"/v1/geofences/{feature['id']}")
        assert (await desk.call("GET", "/v1/geofences/export")).json["features"] == []
        answer = await desk.call("POST", "/v1/geofences/import", json=first.json)
        again = await desk.call("GET", "/v1/geofences/export")
    assert answer.json["refused"] == []
    assert [feature["properties"]["name"] for feature in first.json["features"]] == ["Old town", "Park"]
    for one, other in zip(first.json["features"], again.json["features"], strict=True):
        assert {**one, "id": ""} == {**other, "id": ""}


@pytest.mark.parametrize(("kind", "status"), [("analyst", 200), ("crm", 403), ("app", 403)])
async def test_who_may_read_fences_may_export_them(shared_pool: Pool, kind: str, status: int) -> None:
    async with marketing(shared_pool, kind=kind) as desk:
        assert (await desk.call("GET", "/v1/geofences/export")).status == status
