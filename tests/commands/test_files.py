"""Stores, fences and offers from files and into files, by the real command on a database of the test's own."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.progress import Progress

from server.commands.files import (
    Import,
    Outcome,
    give_fences,
    give_offers,
    give_stores,
    read_file,
    take_fences,
    take_offers,
    take_stores,
)
from server.errors import Invalid, Refusal
from server.store import audit, geofences, offers, stores
from server.store.embedded import Embedded
from server.store.pool import Pool, open_pool
from tests.databases import lent
from tests.signals.standin import standing_in
from tests.street.process import kairos
from tests.web.serving import settings_with

HEADER = "name,lat,lon,radius_m,time_zone,tags,address,country,region,hours\n"
SQUARE = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
HOLE = [[13.372, 52.512], [13.372, 52.514], [13.374, 52.514], [13.374, 52.512], [13.372, 52.512]]
POINT = {"type": "Point", "coordinates": [13.4, 52.5]}
OFFER: dict[str, Any] = {
    "name": "rain-tea",
    "when": {"trigger": "enter", "places": {"any": True}},
    "moment": {"content": {"en-US": {"title": "Tea?", "body": "Come in."}}, "fallback_locale": "en-US"},
}


def feature(name: str, geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name} | properties, "geometry": geometry}


def collection(features: list[dict[str, Any]]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


async def command(dsn: str, *arguments: str | Path) -> tuple[int, str, str]:
    return await kairos(*map(str, arguments), environment={"KAIROS__DATABASE__URL": dsn})


async def take(pool: Pool, name: str, data: str | bytes, **settings: Any) -> Outcome:
    """What the command does between reading the file and telling of it."""
    taker = {"csv": take_stores, "geojson": take_fences, "json": take_offers}[name]
    job = Import(pool, settings_with(**settings), 100.0, Progress(disable=True))
    return await taker(job, data.encode() if isinstance(data, str) else data)


async def give(pool: Pool, name: str) -> tuple[int, bytes]:
    giver = {"csv": give_stores, "geojson": give_fences, "json": give_offers}[name]
    async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
        return (await giver(db))[1:]


@pytest.fixture
async def other(cluster: Embedded, template: str) -> AsyncIterator[Pool]:
    """A second house's database."""
    async with lent(cluster, template) as dsn, await open_pool(dsn, size=2, application_name="tests") as opened:
        yield opened


async def stores_of(pool: Pool) -> list[stores.StoreRow]:
    async with pool.acquire() as db:
        return await stores.page(db, after=None, limit=1000)


async def fences_of(pool: Pool) -> list[geofences.GeofenceRow]:
    async with pool.acquire() as db:
        return [row for row in await geofences.page(db, after=None, limit=1000) if row.store_id is None]


async def offers_of(pool: Pool) -> Sequence[offers.OfferRow]:
    async with pool.acquire() as db:
        return await offers.page(db, after=None, status=None, limit=10)


async def test_stores_are_read_from_a_table_and_the_refused_rows_are_told(
    pool: Pool, db_dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("name,lat,lon,colour\nA,52.5,13.4,red\nB,91,13.4,red\n,1,1,red\n")
    code, out, err = await command(db_dsn, "import", file, "--radius", "80")
    assert (code, out) == (1, "stores: 1 imported, 2 refused\n")
    assert "row 2: lat: must be a number from -90 to 90" in err
    assert "row 3: name:" in err
    assert "columns not read: colour" in err
    [store] = await stores_of(pool)
    assert (store.name, store.radius_m, store.time_zone) == ("A", 80.0, "Europe/Berlin")
    async with pool.acquire() as db:
        [row] = await audit.page(db, before=None, limit=10)
    assert (row.actor, row.action) == ("command line", "store.create")


async def test_a_zipped_table_with_the_real_lists_columns_is_read_whole(
    pool: Pool, db_dsn: str, tmp_path: Path
) -> None:
    rows = "".join(f"{number}-1,Delhi,DL,IN,Asia/New_Delhi,28.61,77.2{number}\n" for number in range(12))
    file = tmp_path / "stores.csv.gz"
    file.write_bytes(gzip.compress(f"store_number,city,region,country,time_zone,lat,lon\n{rows}".encode()))
    code, out, err = await command(db_dsn, "import", file)
    assert (code, out) == (0, "stores: 12 imported, 0 refused\n")
    assert err.count("warning: time_zone") == 10
    assert "… and 2 warnings more" in err
    found = await stores_of(pool)
    assert {(row.time_zone, row.address, row.country, row.region, row.radius_m) for row in found} == {
        ("Asia/Kolkata", "Delhi", "IN", "DL", 100.0)
    }


async def test_stores_that_were_exported_read_back_the_same(pool: Pool, other: Pool) -> None:
    hours = json.dumps({"mon": [["08:00", "20:00"]], "sat": [["22:00", "02:00"]], "sun": []}).replace('"', '""')
    table = HEADER + (
        f'Café „Süd“,-33.868820000000001,151.2092955,50000,,a;b\\;c,"Line, ""7""",AU,NSW,"{hours}"\n'
        "'=SUM(A1),1e-7,-180,20,Etc/UTC,'@tag,-dash,,,\n"
        "Plain,0,0,100.5,Europe/Berlin,,,,,\n"
    )
    assert (await take(pool, "csv", b"\xef\xbb\xbf" + table.encode())).count == 3
    count, data = await give(pool, "csv")
    assert count == 3
    assert all(cell in data for cell in (b'"\'=SUM(A1)"', b'"\'-dash"', b'"-33.86882"'))
    outcome = await take(other, "csv", data)
    assert (outcome.count, outcome.refused, outcome.warnings, outcome.ignored) == (3, [], [], ())
    here, there = [[row[1:11] for row in await stores_of(each)] for each in (pool, other)]
    assert there == here
    assert [row[0] for row in here] == ["Café „Süd“", "=SUM(A1)", "Plain"]
    assert (here[0][8], here[1][8], here[1][9]) == (("a", "b;c"), ("@tag",), "-dash")


async def test_fences_that_were_exported_read_back_the_same_and_a_stores_own_is_none_of_them(
    pool: Pool, other: Pool
) -> None:
    polygons = {
        "type": "MultiPolygon",
        "coordinates": [[SQUARE[0], HOLE], [[[14, 52], [14.1, 52], [14, 52.1], [14, 52]]]],
    }
    features = [
        feature("Round", POINT, radius_m=50_000, tags=["b", "a"]),
        feature("Park", {"type": "Polygon", "coordinates": SQUARE}),
        feature("Two", polygons, tags=["ü"]),
    ]
    await take(pool, "csv", "name,lat,lon\nShop,1,1\n")
    assert (await take(pool, "geojson", collection(features))).count == 3
    count, data = await give(pool, "geojson")
    assert count == 3
    assert (await take(other, "geojson", data)).refused == []
    here, there = [[row[1:9] for row in await fences_of(each)] for each in (pool, other)]
    assert there == here
    assert [row[0] for row in there] == ["Round", "Park", "Two"]


async def test_offers_that_were_exported_read_back_as_drafts(pool: Pool, other: Pool) -> None:
    second = OFFER | {"name": "rain-cocoa", "status": "draft", "priority": 70}
    assert (await take(pool, "json", json.dumps([OFFER, second]))).count == 2
    count, data = await give(pool, "json")
    assert json.loads(data) == {"offers": [OFFER, {key: second[key] for key in second if key != "status"}]}
    outcome = await take(other, "json", data)
    assert (count, outcome.count, outcome.refused) == (2, 2, [])
    assert [(row.name, row.status, row.version) for row in await offers_of(other)] == [
        ("rain-tea", "draft", 1),
        ("rain-cocoa", "draft", 1),
    ]


async def test_a_refused_fence_is_told_with_its_field_and_the_others_are_drawn(pool: Pool) -> None:
    outcome = await take(pool, "geojson", collection([feature("A", POINT), feature("B", POINT, radius_m=100)]))
    assert [(each.index, each.field) for each in outcome.refused] == [(0, "properties.radius_m")]
    assert [row.name for row in await fences_of(pool)] == ["B"]


async def test_an_offer_that_is_wrong_or_whose_name_is_taken_does_not_touch_the_others(pool: Pool) -> None:
    wrong = OFFER | {"name": "wrong", "when": {"trigger": "sometimes", "places": {"any": True}}, "priority": "high"}
    outcome = await take(pool, "json", json.dumps({"offers": [OFFER, wrong, OFFER, OFFER | {"name": "last"}]}))
    assert (outcome.count, [(each.index, each.field) for each in outcome.refused]) == (
        2,
        [(1, "when.trigger"), (2, "name")],
    )
    assert "priority: " in outcome.refused[0].message
    assert outcome.refused[1].message == "Another one has this name already."
    assert [row.name for row in await offers_of(pool)] == ["rain-tea", "last"]


async def test_one_document_is_a_file_of_offers_too(pool: Pool) -> None:
    assert (await take(pool, "json", json.dumps(OFFER))).count == 1


async def test_addresses_are_looked_up_without_the_doors_bound(pool: Pool) -> None:
    async def nominatim(request: web.Request) -> web.Response:
        found = [] if "Nowhere" in request.query["q"] else [{"lat": "52.5", "lon": "13.4", "display_name": "x"}]
        return web.json_response(found)

    async with standing_in(nominatim) as base:
        settings = {"geocoder__base_url": base, "limits__import_addresses": 1}
        outcome = await take(pool, "csv", "name,address\nA,Markt 1\nB,Nowhere 7\n", **settings)
    assert [(each.index, each.field) for each in outcome.refused] == [(1, "address")]
    assert [row.name for row in await stores_of(pool)] == ["A"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("csv", b"name\nA\n", "lat"),
        ("csv", b"name,lat,lon\nCaf\xe9,1,1\n", "not UTF-8"),
        ("geojson", b"{", "not JSON"),
        ("geojson", b"[]", "FeatureCollection"),
        ("geojson", b"[" * 17 + b"]" * 17, "nested too deeply"),
        ("json", b'{"name": "a", "name": "b"}', "same key twice"),
        ("json", b'["coffee"]', "An offer is a JSON object"),
    ],
)
async def test_what_is_no_such_file_is_refused_whole(
    shared_pool: Pool, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await take(shared_pool, name, content)
    assert sentence in caught.value.detail + "".join(error.field for error in caught.value.errors)


async def test_an_export_is_there_whole_zipped_where_its_name_says_so(pool: Pool, db_dsn: str, tmp_path: Path) -> None:
    await take(pool, "csv", "name,lat,lon\nShop,1,1\n")
    file = tmp_path / "shops.CSV.gz"
    file.write_bytes(b"an older file")
    assert (await command(db_dsn, "export", file))[:2] == (0, "stores: 1 exported\n")
    assert b'"Shop"' in gzip.decompress(file.read_bytes())
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("verb", "name", "sentence"),
    [
        ("import", "shops.txt", "ends in .csv"),
        ("import", "gone.csv", "cannot be read (No such file"),
        ("export", "nowhere/shops.csv", "cannot be written (No such file"),
    ],
)
async def test_what_cannot_be_done_is_told_in_one_sentence(
    shared_dsn: str, tmp_path: Path, verb: str, name: str, sentence: str
) -> None:
    code, out, err = await command(shared_dsn, verb, tmp_path / name)
    assert (code, out) == (1, "")
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"name,lat,lon\n" * 999, mtime=0)[:-9]])
def test_what_is_no_whole_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(content)
    with pytest.raises(Invalid, match="no gzip file"):
        read_file(file)


def test_no_more_of_a_file_is_unfolded_than_may_be_read(tmp_path: Path) -> None:
    plain, zipped = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"x" * 100)
    zipped.write_bytes(gzip.compress(b"x" * 10_000_000, mtime=0))
    assert read_file(plain, most=100) == b"x" * 100
    for file in (plain, zipped):
        with pytest.raises(Invalid, match="more than 99 bytes"):
            read_file(file, most=99)
