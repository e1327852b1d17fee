"""Whole lists over HTTP: every row is imported or refused with a reason, and one request is one deed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from server.errors import Unavailable
from server.pipeline.imports import RADIUS_M
from server.signals.geocode import Geocoder
from server.store import audit, ruleset
from server.store.pool import Pool, open_pool
from server.web.imports import CSV_EXAMPLE, GEOJSON_EXAMPLE
from tests.signals.standin import standing_in
from tests.web.marketing import STORE, fields_of, marketing

HEADER = "name,lat,lon,radius_m,time_zone,tags,address\n"


def feature(name: Any = "Fence", **properties: Any) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [13.4, 52.5]}
    return {"type": "Feature", "properties": {"name": name, "radius_m": 100} | properties, "geometry": point}


def collection(*features: Any, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)} | members


async def test_the_good_rows_are_imported_and_the_others_refused_with_their_place_and_field(pool: Pool) -> None:
    table = HEADER + 'A,52.5,13.4,100,,coffee;store,"Markt 1, Berlin"\nB,91,13.4,100,,,\nC,52.6,13.5,80,Asia/Tokyo,,\n'
    async with marketing(pool) as desk:
        answer = await desk.csv(table)
        listed = (await desk.call("GET", "/v1/stores")).json["items"]
    assert answer.status == 201
    assert [made["name"] for made in answer.json["imported"]] == ["A", "C"]
    [refused] = answer.json["refused"]
    assert (refused["index"], refused["field"]) == (1, "lat")
    assert [(item["id"], item["name"]) for item in listed] == [
        (made["id"], made["name"]) for made in answer.json["imported"]
    ]
    assert (listed[0]["tags"], listed[0]["address"]) == (["coffee", "store"], "Markt 1, Berlin")
    assert [item["time_zone"] for item in listed] == ["Europe/Berlin", "Asia/Tokyo"]
    assert set(answer.json) == {"dry_run", "imported", "refused"}


async def test_an_imported_store_has_its_fence_and_may_be_as_wide_as_50_km(pool: Pool) -> None:
    async with marketing(pool) as desk:
        await desk.csv(HEADER + "A,52.5,13.4,50000,,,\n")
        [store] = (await desk.call("GET", "/v1/stores")).json["items"]
        fence = (await desk.call("GET", f"/v1/geofences/{store['geofence_id']}")).json
    assert (fence["store_id"], fence["radius_m"]) == (store["id"], 50_000.0)


async def test_a_table_without_radii_gets_the_usual_one_and_unknown_columns_are_named(pool: Pool) -> None:
    async with marketing(pool) as desk:
        answer = await desk.csv("store_number,city,lat,lon,colour\n1-2,Berlin,52.5,13.4,red\n")
        [store] = (await desk.call("GET", "/v1/stores")).json["items"]
    assert answer.json["ignored"] == ["colour"]
    assert (store["name"], store["address"], store["radius_m"]) == ("1-2", "Berlin", RADIUS_M)


async def test_a_zone_that_nobody_knows_any_more_is_told_from_the_position_with_a_warning(pool: Pool) -> None:
    async with marketing(pool) as desk:
        answer = await desk.csv(HEADER + "A,28.6,77.2,100,Asia/New_Delhi,,\nB,28.6,77.2,100,Mars/Olympus,,\n")
        [store] = (await desk.call("GET", "/v1/stores")).json["items"]
    assert store["time_zone"] == "Asia/Kolkata"
    assert [(each["index"], each["field"]) for each in answer.json["warnings"]] == [(0, "time_zone")]
    assert [(each["index"], each["field"]) for each in answer.json["refused"]] == [(1, "time_zone")]


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("", "table"),
        ("\n\n", "name"),
        ("lat,lon\n1,2\n", "name"),
        ("name;lat;lon\nA;1;2\n", "name"),
        ("name,lat\nA,1\n", "lat"),
        ("name,lat,lon,lat\nA,1,2,3\n", "lat"),
        (HEADER + '"A,1,2\n', "table"),
        (HEADER + "A,1,1,100,,,\n" * 11, "table"),
    ],
)
async def test_what_is_no_table_of_stores_is_refused_whole(shared_pool: Pool, table: str, field: str) -> None:
    async with marketing(shared_pool, limits__import_rows=10) as desk:
        answer = await desk.csv(table)
        listed = await desk.call("GET", "/v1/stores")
    assert fields_of(answer) == [field]
    assert listed.json["items"] == []


async def test_bytes_that_are_no_text_cannot_be_read(shared_pool: Pool) -> None:
    async with marketing(shared_pool) as desk:
        assert (await desk.csv(b"name,lat,lon\nCaf\xe9,1,2\n")).status == 400
        latin = await desk.csv(HEADER, headers={"Content-Type": "text/csv; charset=latin-1"})
        assert (latin.status, (await desk.call("POST", "/v1/stores/import", json=STORE)).status) == (415, 415)


async def test_a_table_larger_than_the_limit_is_not_read(shared_pool: Pool) -> None:
    async with marketing(shared_pool, limits__import_body_bytes=100) as desk:
        assert (await desk.csv(HEADER + "A,1,1,100,,,\n" * 10)).status == 413


async def test_one_import_is_one_change_of_the_rules_and_one_row_of_the_audit(pool: Pool) -> None:
    async with pool.acquire() as db:
        before = await ruleset.epoch(db)
    async with marketing(pool) as desk:
        await desk.csv(HEADER + "".join(f"S{number},52.5,13.4,100,,,\n" for number in range(5000)))
    async with pool.acquire() as db:
        assert await ruleset.epoch(db) == before + 1
        [row] = await audit.page(db, before=None, limit=10)
    assert (row.action, row.object) == ("store.create", "stores:5000")


async def test_an_import_of_nothing_good_changes_nothing(pool: Pool) -> None:
    async with marketing(pool) as desk:
        answer = await desk.csv(HEADER + "A,91,1,100,,,\n")
    async with pool.acquire() as db:
        assert (await ruleset.epoch(db), await audit.page(db, before=None, limit=1)) == (0, [])
    assert (answer.status, answer.json["imported"]) == (201, [])


async def test_a_repeated_key_imports_once(pool: Pool) -> None:
    async with marketing(pool) as desk:
        key = {"Idempotency-Key": "chain"}
        first, second = await asyncio.gather(
            *(desk.csv(HEADER + "A,52.5,13.4,100,,,\n", headers=key) for _ in range(2))
        )
        other = await desk.csv(HEADER + "B,52.5,13.4,100,,,\n", headers=key)
        listed = (await desk.call("GET", "/v1/stores")).json["items"]
    assert first.body == second.body
    assert {first.headers.get("Idempotent-Replayed"), second.headers.get("Idempotent-Replayed")} == {None, "true"}
    assert (other.status, len(listed)) == (422, 1)


async def test_an_address_without_a_position_needs_a_geocoder(pool: Pool) -> None:
    async with marketing(pool) as desk:
        answer = await desk.csv("name,address\nA,Markt 1\n")
    [refused] = answer.json["refused"]
    assert (refused["index"], refused["field"]) == (0, "address")
    assert "geocoder.base_url" in refused["message"]


async def test_addresses_are_looked_up_as_many_as_one_import_may_ask_for(pool: Pool) -> None:
    asked: list[str] = []

    async def nominatim(request: web.Request) -> web.Response:
        asked.append(request.query["q"])
        return web.json_response([{"lat": "52.5", "lon": "13.4", "display_name": "x"}])

    table = "name,address\n" + "".join(f"S{number},Markt {number}\n" for number in range(4))
    async with standing_in(nominatim) as base:
        geocoder = Geocoder(base, interval_s=0)
        async with marketing(pool, geocoder=geocoder, limits__import_addresses=2) as desk:
            answer = await desk.csv(table)
        await geocoder.close()
    assert asked == ["Markt 0", "Markt 1"]
    assert [made["name"] for made in answer.json["imported"]] == ["S0", "S1"]
    assert [(each["index"], each["field"]) for each in answer.json["refused"]] == [(2, "address"), (3, "address")]
    assert "limits.import_addresses" in answer.json["refused"][0]["message"]


async def test_a_slow_look_up_does_not_cost_an_idempotent_import_its_transaction(db_dsn: str) -> None:
    class Slow:
        async def locate(self, address: str) -> None:
            await asyncio.sleep(2.5)
            raise Unavailable

    impatient = {"idle_in_transaction_timeout_s": 1.5, "application_name": "tests"}
    async with await open_pool(db_dsn, size=4, **impatient) as pool, marketing(pool, geocoder=Slow()) as desk:
        answer = await desk.csv("name,address,lat,lon\nA,Markt 1,,\nB,,1,2\n", headers={"Idempotency-Key": "slow"})
    assert answer.status == 201
    assert [made["name"] for made in answer.json["imported"]] == ["B"]


async def test_fences_come_as_a_collection(pool: Pool) -> None:
    square = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
    area = {"type": "Feature", "properties": {"name": "Park"}, "geometry": {"type": "Polygon", "coordinates": square}}
    body = collection(feature("A", tags=["b", "a"]), area, feature("C", radius_m=50_001), feature(7), "x", bbox=[1, 2])
    async with marketing(pool) as desk:
        answer = await desk.call("POST", "/v1/geofences/import", json=body)
        listed = (await desk.call("GET", "/v1/geofences")).json["items"]
    assert answer.status == 201
    assert [made["name"] for made in answer.json["imported"]] == ["A", "Park"]
    assert [(each["index"], each["field"]) for each in answer.json["refused"]] == [
        (2, "properties.radius_m"),
        (3, "properties.name"),
        (4, "type"),
    ]
    assert [(item["id"], item["kind"]) for item in listed] == [
        (answer.json["imported"][0]["id"], "circle"),
        (answer.json["imported"][1]["id"], "area"),
    ]
    assert (listed[0]["tags"], listed[1]["geometry"]["coordinates"]) == (["a", "b"], square)


async def test_geojsons_own_media_type_is_taken_too(pool: Pool) -> None:
    async with marketing(pool) as desk:
        data = json.dumps(collection(feature()))
        types = ["application/json", "application/geo+json"]
        answers = [
            await desk.call("POST", "/v1/geofences/import", data=data, headers={"Content-Type": kind}) for kind in types
        ]
    assert [answer.status for answer in answers] == [201, 201]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "FeatureCollection"}, "features"),
        ({"type": "Feature", "features": []}, "type"),
        ({"type": "FeatureCollection", "features": {}}, "features"),
        (collection(*[feature()] * 4), "features"),
    ],
)
async def test_what_is_no_collection_is_refused_whole(shared_pool: Pool, body: Any, field: str) -> None:
    async with marketing(shared_pool, limits__import_rows=3) as desk:
        answer = await desk.call("POST", "/v1/geofences/import", json=body)
        listed = await desk.call("GET", "/v1/geofences")
    assert fields_of(answer) == [field]
    assert listed.json["items"] == []


async def test_a_dry_run_tells_what_an_import_would_come_to_and_writes_nothing(pool: Pool) -> None:
    table = HEADER + "A,28.6,77.2,100,Asia/New_Delhi,,\nB,91,13.4,100,,,\nC,52.6,13.5,80,Asia/Tokyo,,\n"
    body = collection(feature("A"), feature("B", radius_m=7), feature(7))
    async with marketing(pool) as desk:
        stores = await desk.csv(table, query="?dry_run=true", headers={"Idempotency-Key": "one"})
        fences = await desk.call("POST", "/v1/geofences/import?dry_run=true", json=body)
        async with pool.acquire() as db:
            assert await ruleset.epoch(db) == 0
            assert await audit.page(db, before=None, limit=1) == []
            assert await db.fetchval("SELECT count(*) FROM geofences") == 0
        # With the same key it is another request; without, it does what was foretold.
        assert (await desk.csv(table, headers={"Idempotency-Key": "one"})).status == 422
        done = await desk.csv(table)
    assert (stores.status, fences.status, done.status) == (200, 200, 201)
    assert (stores.json["dry_run"], fences.json["dry_run"], done.json["dry_run"]) == (True, True, False)
    assert stores.json["imported"] == [{"name": "A"}, {"name": "C"}]
    assert [each["name"] for each in done.json["imported"]] == ["A", "C"]
    for part in ("refused", "warnings"):
        assert stores.json[part] == done.json[part]
    assert fences.json["imported"] == [{"name": "A"}]
    assert [(each["index"], each["field"]) for each in fences.json["refused"]] == [
        (1, "properties.radius_m"),
        (2, "properties.name"),
    ]


async def test_a_dry_run_asks_no_geocoder_and_says_which_rows_would_be_looked_up(pool: Pool) -> None:
    class Asked:
        async def locate(self, address: str) -> None:
            raise AssertionError(address)

    table = "name,address,lat,lon\nA,Markt 1,,\nB,,1,2\nC,Markt 2,,\nD,Markt 3,,\n"
    async with marketing(pool, geocoder=Asked(), limits__import_addresses=2) as desk:
        told = (await desk.csv(table, query="?dry_run=true")).json
    async with marketing(pool) as desk:
        without = (await desk.csv(table, query="?dry_run=true")).json
    assert told["imported"] == without["imported"] == [{"name": "B"}]
    assert [(each["index"], each["field"]) for each in told["unplaced"]] == [(0, "address"), (2, "address")]
    assert [each["index"] for each in told["refused"]] == [3]
    assert "limits.import_addresses" in told["refused"][0]["message"]
    assert [each["index"] for each in without["refused"]] == [0, 2, 3]
    assert "geocoder.base_url" in without["refused"][0]["message"]


async def test_a_dry_run_warns_of_what_would_be_there_twice(pool: Pool) -> None:
    table = HEADER + "A,52.5,13.4,100,,,\nX,91,13.4,100,,,\nB,52.5,13.4,100,,,\nB,52.5,13.4001,100,,,\n"
    body = collection(feature("A"), feature(7), feature("A"))
    async with marketing(pool) as desk:
        first = [
            (await desk.csv(table, query="?dry_run=true")).json,
            (await desk.call("POST", "/v1/geofences/import?dry_run=true", json=body)).json,
        ]
        assert "warnings" not in (await desk.csv(table)).json  # who has seen the dry run meant it
        await desk.call("POST", "/v1/geofences/import", json=body)
        again = [
            (await desk.csv(table, query="?dry_run=true")).json,
            (await desk.call("POST", "/v1/geofences/import?dry_run=true", json=body)).json,
        ]
    told = [[(each["index"], each["message"].split(" ")[0]) for each in one["warnings"]] for one in first + again]
    assert told == [
        [(3, "is")],
        [(2, "is")],
        [(0, "stands"), (2, "stands"), (3, "stands")],
        [(0, "stands"), (2, "stands")],
    ]
    assert [len(one["imported"]) for one in first + again] == [3, 2, 3, 2]


@pytest.mark.parametrize("kind", ["analyst", "crm", "app"])
async def test_only_authors_import(shared_pool: Pool, kind: str) -> None:
    async with marketing(shared_pool, kind=kind) as desk:
        assert (await desk.csv(CSV_EXAMPLE)).status == 403
        assert (await desk.call("POST", "/v1/geofences/import", json=GEOJSON_EXAMPLE)).status == 403


async def test_the_examples_of_the_documentation_are_taken(pool: Pool) -> None:
    async with marketing(pool) as desk:
        stores = await desk.csv(CSV_EXAMPLE)
        fences = await desk.call("POST", "/v1/geofences/import", json=GEOJSON_EXAMPLE)
    assert [(len(answer.json["imported"]), answer.json["refused"]) for answer in (stores, fences)] == [(1, [])] * 2
