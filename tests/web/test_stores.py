"""Stores over HTTP: written with their fence, read back, closed; and what is wrong is named and not stored."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from server.store import audit, keys, users
from server.store.pool import Pool
from tests.web.marketing import NOBODYS, STORE, fields_of, marketing, token_of


async def test_a_store_is_answered_as_it_was_written_and_found_again(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = await desk.call("POST", "/v1/stores", json=STORE)
        assert made.status == 201
        found = await desk.call("GET", f"/v1/stores/{made.json['id']}")
    assert {name: made.json[name] for name in STORE} == STORE
    assert UUID(made.json["id"]).version == UUID(made.json["geofence_id"]).version == 7
    assert made.json["created_at"].endswith("Z")
    assert (found.status, found.json) == (200, made.json)
    assert "warnings" not in made.json


async def test_a_store_has_a_fence_of_its_own_that_follows_it(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = (await desk.call("POST", "/v1/stores", json=STORE)).json
        path = f"/v1/geofences/{made['geofence_id']}"
        fence = (await desk.call("GET", path)).json
        changed = await desk.call(
            "PUT", f"/v1/stores/{made['id']}", json=STORE | {"lat": 48.1, "lon": 11.5, "radius_m": 80}
        )
        moved = (await desk.call("GET", path)).json
        closed = await desk.call("DELETE", f"/v1/stores/{made['id']}")
        gone = await desk.call("GET", path)
    assert (fence["store_id"], fence["kind"], fence["name"]) == (made["id"], "circle", STORE["name"])
    assert (fence["lat"], fence["lon"], fence["radius_m"]) == (52.52003, 13.40489, 100.0)
    assert (changed.status, changed.json["geofence_id"]) == (200, made["geofence_id"])
    assert changed.json["updated_at"] > made["updated_at"]
    assert (moved["lat"], moved["lon"], moved["radius_m"]) == (48.1, 11.5, 80.0)
    assert (closed.status, closed.body, gone.status) == (204, b"", 404)


async def test_a_put_writes_the_store_whole(pool: Pool) -> None:
    bare = {"name": "Bare", "lat": 52.5, "lon": 13.4, "radius_m": 100}
    async with marketing(pool) as desk:
        made = (await desk.call("POST", "/v1/stores", json=STORE)).json
        put = (await desk.call("PUT", f"/v1/stores/{made['id']}", json=bare)).json
    assert (put["hours"], put["tags"], put["address"], put["country"]) == (None, [], None, None)


async def test_of_two_who_change_the_same_store_or_fence_one_is_told_so(pool: Pool) -> None:
    fence = {"name": "Old town", "lat": 52.5163, "lon": 13.3777, "radius_m": 250}
    async with marketing(pool) as desk:
        for path, body in (("/v1/stores", STORE), ("/v1/geofences", fence)):
            made = (await desk.call("POST", path, json=body)).json
            place, since = f"{path}/{made['id']}", f"?unchanged_since={made['updated_at']}"
            both = await asyncio.gather(
                *(desk.call("PUT", place + since, json=body | {"name": name}) for name in ("One", "Other"))
            )
            assert sorted(each.status for each in both) == [200, 409]
            [late] = [each.json for each in both if each.status == 409]
            [kept] = [each.json for each in both if each.status == 200]
            assert (late["code"], late["updated_at"]) == ("place_changed", kept["updated_at"])
            assert (await desk.call("GET", place)).json["name"] == kept["name"]
            over = await desk.call("PUT", f"{place}?unchanged_since={late['updated_at']}", json=body)
            assert (over.status, over.json["name"]) == (200, body["name"])
            assert (await desk.call("PUT", place, json=body)).status == 200  # who does not ask is not asked
            assert (await desk.call("DELETE", place)).status == 204
            assert (await desk.call("PUT", place + since, json=body)).status == 404


NO_TIMES = ["x", "", "2026-11-28T08:00:00", "2026-11-28", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("since", NO_TIMES)
async def test_a_time_that_is_none_is_refused_and_nothing_is_changed(pool: Pool, since: str) -> None:
    async with marketing(pool) as desk:
        made = (await desk.call("POST", "/v1/stores", json=STORE)).json
        path = f"/v1/stores/{made['id']}"
        answer = await desk.call("PUT", f"{path}?unchanged_since={since}", json=STORE | {"name": "B"})
        assert fields_of(answer) == ["unchanged_since"]
        assert (await desk.call("GET", path)).json == made


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [(52.5, 13.4, "Europe/Berlin"), (-33.87, 151.21, "Australia/Sydney"), (40.71, -74.0, "America/New_York")],
)
async def test_the_zone_is_that_of_the_position_unless_another_is_given(
    pool: Pool, lat: float, lon: float, zone: str
) -> None:
    bare = {"name": "A", "lat": lat, "lon": lon, "radius_m": 100}
    async with marketing(pool) as desk:
        of_the_place = await desk.call("POST", "/v1/stores", json=bare)
        of_the_author = await desk.call("POST", "/v1/stores", json=bare | {"time_zone": "Asia/Tokyo"})
    assert of_the_place.json["time_zone"] == zone
    assert of_the_author.json["time_zone"] == "Asia/Tokyo"


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": ""}, ["name"]),
    ({"name": " \t "}, ["name"]),
    ({"name": "x" * 201}, ["name"]),
    ({"name": "a\nb"}, ["name"]),
    ({"name": 7}, ["name"]),
    ({"lat": 90.1}, ["lat"]),
    ({"lat": "52"}, ["lat"]),
    ({"lon": -180.1, "radius_m": 5}, ["lon", "radius_m"]),
    ({"radius_m": 19.9}, ["radius_m"]),
    ({"radius_m": 5001}, ["radius_m"]),
    ({"time_zone": "Europe/Nowhere"}, ["time_zone"]),
    ({"time_zone": "+02:00"}, ["time_zone"]),
    ({"time_zone": "../../etc/passwd"}, ["time_zone"]),
    ({"time_zone": ""}, ["time_zone"]),
    ({"country": "Germany"}, ["country"]),
    ({"country": "de"}, ["country"]),
    ({"country": "D1"}, ["country"]),
    ({"region": "x" * 11}, ["region"]),
    ({"tags": ["x" * 65]}, ["tags[0]"]),
    ({"tags": ["a", ""]}, ["tags[1]"]),
    ({"tags": ["a"] * 51}, ["tags"]),
    ({"address": "x" * 501}, ["address"]),
    ({"hours": {"monday": []}}, ["hours.monday"]),
    ({"hours": {"mon": [["08:00"]]}}, ["hours.mon[0]"]),
    ({"hours": {"mon": [["08:00", "08:00"]]}}, ["hours.mon[0]"]),
    ({"hours": {"mon": [["24:00", "08:00"]]}}, ["hours.mon[0]"]),
    ({"hours": {"tue": [["08:00", "12:00"], ["8", "9"]]}}, ["hours.tue[1]"]),
    ({"hours": []}, ["hours"]),
    ({"colour": "red"}, ["colour"]),
]


@pytest.mark.parametrize(("change", "fields"), WRONG)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    shared_pool: Pool, change: dict[str, Any], fields: list[str]
) -> None:
    async with marketing(shared_pool) as desk:
        answer = await desk.call("POST", "/v1/stores", json=STORE | change)
        listed = await desk.call("GET", "/v1/stores")
    assert fields_of(answer) == fields
    assert listed.json == {"items": [], "next": None}


@pytest.mark.parametrize("missing", ["name", "lat", "lon", "radius_m"])
async def test_what_is_required_is_named(shared_pool: Pool, missing: str) -> None:
    async with marketing(shared_pool) as desk:
        answer = await desk.call("POST", "/v1/stores", json={key: STORE[key] for key in STORE if key != missing})
    assert fields_of(answer) == [missing]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_small_circle_is_taken_with_a_warning(pool: Pool, method: str) -> None:
    async with marketing(pool) as desk:
        path = "/v1/stores"
        if method == "PUT":
            path = f"/v1/stores/{(await desk.call('POST', '/v1/stores', json=STORE)).json['id']}"
        answer = await desk.call(method, path, json=STORE | {"radius_m": 74.9})
        edge = await desk.call(method, path, json=STORE | {"radius_m": 75})
    assert [each["field"] for each in answer.json["warnings"]] == ["radius_m"]
    assert "warnings" not in edge.json


async def test_lists_come_in_pages_and_lose_nothing(pool: Pool) -> None:
    async with marketing(pool) as desk:
        names = [f"Store {number}" for number in range(5)]
        for name in names:
            await desk.call("POST", "/v1/stores", json=STORE | {"name": name})
        seen, path = [], "/v1/stores?limit=2"
        while path:
            page = (await desk.call("GET", path)).json
            seen.append([item["name"] for item in page["items"]])
            path = f"/v1/stores?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == [names[:2], names[2:4], names[4:]]


async def test_stores_are_found_by_where_they_are_by_words_and_by_tag(pool: Pool) -> None:
    table = (
        "name,lat,lon,radius_m,tags,address\n"
        "Kaffeehaus am Markt,52.52,13.40,100,coffee;store,Markt 1\nBÄCKEREI Süd,52.53,13.41,100,bakery,Südring 100%\n"
        "Suva,-18.14,178.44,100,coffee,\nApia,-13.83,-171.77,100,,Beach_Road\n"
    )
    async with marketing(pool) as desk:
        await desk.csv(table)

        async def found(query: str) -> list[str]:
            return [
                each["name"].partition(" ")[0] for each in (await desk.call("GET", f"/v1/stores?{query}")).json["items"]
            ]

        assert await found("bbox=13.3,52.51,13.405,52.6") == ["Kaffeehaus"]
        assert await found("bbox=170,-20,-170,-10") == ["Suva", "Apia"]
        assert await found("q=b%C3%A4ckerei") == ["BÄCKEREI"]
        assert await found("q=MARKT%20haus") == ["Kaffeehaus"]
        assert await found("q=markt%20s%C3%BCd") == []
        assert await found("q=bakery") == ["BÄCKEREI"]
        assert (await found("q=100%25"), await found("q=h_r")) == (["BÄCKEREI"], ["Apia"])
        assert await found("tag=coffee") == ["Kaffeehaus", "Suva"]
        assert await found("tag=coff") == []
        assert await found("tag=coffee&bbox=13,52,14,53&q=kaffee") == ["Kaffeehaus"]
        first = (await desk.call("GET", "/v1/stores?tag=coffee&limit=1")).json
        assert await found(f"tag=coffee&limit=1&cursor={first['next']}") == ["Suva"]


async def test_an_export_of_stores_is_imported_back_unchanged(pool: Pool) -> None:
    async with marketing(pool, kind="admin") as desk:
        empty = await desk.call("GET", "/v1/stores/export")
        await desk.call("POST", "/v1/stores", json=STORE | {"name": "=HYPERLINK()"})
        await desk.call("POST", "/v1/stores", json={"name": "Bare", "lat": -1.5, "lon": 2, "radius_m": 100})
        first = await desk.call("GET", "/v1/stores/export")
        for each in (await desk.call("GET", "/v1/stores")).json["items"]:
            await desk.call("DELETE", f"/v1/stores/{each['id']}")
        assert (await desk.csv(first.body)).json["refused"] == []
        again = await desk.call("GET", "/v1/stores/export")
    assert empty.body.decode().startswith('"name","lat","lon"')
    assert len(empty.body.decode().splitlines()) == 1
    assert first.headers["Content-Type"].startswith("text/csv")
    assert 'filename="stores.csv"' in first.headers["Content-Disposition"]
    assert first.body == again.body
    assert len(first.body.decode().splitlines()) == 3


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=WyJ4Il0", "colour=red", "bbox=1", "q=", "tag="]
)
async def test_an_impossible_page_is_refused(shared_pool: Pool, query: str) -> None:
    async with marketing(shared_pool) as desk:
        assert fields_of(await desk.call("GET", f"/v1/stores?{query}")) == [query.partition("=")[0]]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("name", [str(NOBODYS), "not-an-id"])
async def test_an_unknown_store_is_not_found(shared_pool: Pool, method: str, name: str) -> None:
    async with marketing(shared_pool) as desk:
        options = {"json": STORE} if method == "PUT" else {}
        answer = await desk.call(method, f"/v1/stores/{name}", **options)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_closed_store_is_gone_from_every_list(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = (await desk.call("POST", "/v1/stores", json=STORE)).json
        path = f"/v1/stores/{made['id']}"
        assert [(await desk.call("DELETE", path)).status for _ in range(2)] == [204, 404]
        assert (await desk.call("PUT", path, json=STORE)).status == 404
        assert (await desk.call("GET", "/v1/stores")).json["items"] == []
        assert (await desk.call("GET", "/v1/geofences")).json["items"] == []


async def test_a_closed_stores_tills_and_staff_are_let_in_no_more(pool: Pool) -> None:
    async with marketing(pool) as desk:
        store = UUID((await desk.call("POST", "/v1/stores", json=STORE)).json["id"])
        await token_of(pool, "till", store=store)
        async with pool.transaction() as db:
            person = {"store_id": store, "password_hash": "x"}
            clerk = await users.create(db, email="clerk@example.org", name="Clerk", roles=["counter"], **person)
            boss = await users.create(db, email="boss@example.org", name="Boss", roles=["counter", "analyst"], **person)
        assert clerk is not None
        assert boss is not None
        await desk.call("DELETE", f"/v1/stores/{store}")
        async with pool.transaction() as db:
            [till] = [key for key in await keys.page(db, before=None, limit=10) if key.kind == "till"]
            clerk, boss = await users.find(db, id_=clerk.id), await users.find(db, id_=boss.id)
    assert till.revoked_at is not None
    assert clerk is not None
    assert clerk.disabled_at is not None
    assert boss is not None
    assert (boss.roles, boss.store_id, boss.disabled_at) == (("analyst",), None, None)


@pytest.mark.parametrize(
    ("kind", "reads", "writes"),
    [("marketer", 200, 201), ("admin", 200, 201), ("analyst", 200, 403), ("app", 403, 403), ("crm", 403, 403)],
)
async def test_who_may_read_and_who_may_write(pool: Pool, kind: str, reads: int, writes: int) -> None:
    async with marketing(pool, kind=kind) as desk:
        assert (await desk.call("GET", "/v1/stores")).status == reads
        assert (await desk.call("POST", "/v1/stores", json=STORE)).status == writes


async def test_without_a_credential_nothing_is_told(shared_pool: Pool) -> None:
    async with marketing(shared_pool) as desk:
        assert (await desk.served.call("GET", "/v1/stores")).status == 401


async def test_a_repeated_key_opens_one_store_however_many_ask_at_once(pool: Pool) -> None:
    async with marketing(pool) as desk:
        headers = {"Idempotency-Key": "open-1"}
        answers = await asyncio.gather(
            *(desk.call("POST", "/v1/stores", json=STORE, headers=headers) for _ in range(10))
        )
        other = await desk.call("POST", "/v1/stores", json=STORE | {"name": "Other"}, headers=headers)
        listed = (await desk.call("GET", "/v1/stores")).json["items"]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "false") for answer in answers) == ["false"] + ["true"] * 9
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert len(listed) == 1


async def test_every_change_is_written_down_and_the_chain_holds(pool: Pool) -> None:
    async with marketing(pool) as desk:
        made = (await desk.call("POST", "/v1/stores", json=STORE)).json
        await desk.call("PUT", f"/v1/stores/{made['id']}", json=STORE)
        await desk.call("DELETE", f"/v1/stores/{made['id']}")
        await desk.call("DELETE", f"/v1/stores/{NOBODYS}")
    async with pool.acquire() as db:
        rows = await audit.page(db, before=None, limit=10)
        verdict = await audit.verify(db)
    assert [row.action for row in rows] == ["store.close", "store.change", "store.create"]
    assert {row.object for row in rows} == {f"store:{made['id']}"}
    assert all(row.actor.startswith("key:") and row.address == "127.0.0.1" and row.request_id for row in rows)
    assert (verdict.rows, verdict.broken_at) == (3, None)
