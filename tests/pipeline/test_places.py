"""Stores and fences as one deed: checked, counted in the rules' number, written with their fence, and written down."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Conflict, FieldError, Invalid, NotFound
from server.model.place import Area, Circle, Point
from server.pipeline import places
from server.pipeline.author import Author
from server.pipeline.places import SURE_RADIUS_M, check_fence, check_store, check_tags, fence_draft, warnings_of
from server.pipeline.rules import Rules, programme_of
from server.store import audit, geofences, ruleset, stores
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.web.serving import settings_with

BY = Author("user:1", "192.0.2.1", "request-1")
STORE: dict[str, Any] = {"name": "Café", "lat": 52.52, "lon": 13.405, "radius_m": 100, "tags": ["b", "a", "b"]}
SQUARE = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
CIRCLE: dict[str, Any] = {"name": "Round", "lat": 52.52, "lon": 13.405, "radius_m": 250}
AREA: dict[str, Any] = {"name": "Park", "geometry": {"type": "Polygon", "coordinates": SQUARE}}


def wrong(fields: dict[str, Any]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        check_store(fields)
    return [error.field for error in caught.value.errors]


def wrong_fence(fields: dict[str, Any]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        check_fence(fields, vertices=100)
    return [error.field for error in caught.value.errors]


def test_a_stores_texts_are_trimmed_and_in_one_form_and_its_tags_each_once_in_order() -> None:
    draft = check_store(STORE | {"name": "  Cafe\u0301 ", "address": " Markt 1 "})
    assert (draft.name, draft.address, draft.tags) == ("Café", "Markt 1", ("a", "b"))
    assert (draft.country, draft.region, draft.hours) == (None, None, None)


def test_all_mistakes_are_told_at_once() -> None:
    assert wrong({}) == ["name", "lat", "lon", "radius_m"]
    assert wrong(STORE | {"lat": 91, "country": "x", "hours": {"may": []}}) == ["lat", "country", "hours.may"]


@pytest.mark.parametrize("value", [True, "52", None, float("nan"), float("inf"), 90.0001, 10**400])
def test_a_latitude_is_a_finite_number_on_earth(value: Any) -> None:
    assert wrong(STORE | {"lat": value}) == ["lat"]


@pytest.mark.parametrize(("lat", "lon"), [(90, 180), (-90, -180), (0, 0)])
def test_the_ends_of_the_earth_are_on_it(lat: float, lon: float) -> None:
    assert check_store(STORE | {"lat": lat, "lon": lon}).time_zone


@pytest.mark.parametrize("text", ["a\u2028b", "a\x00b", "a\x7fb", "\ud800", "", "   "])
def test_what_cannot_be_printed_is_no_name(text: str) -> None:
    assert wrong(STORE | {"name": text}) == ["name"]


@given(st.text(max_size=300))
def test_a_name_is_taken_or_refused_and_nothing_else(text: str) -> None:
    named: list[str] = []
    try:
        named = [check_store(STORE | {"name": text}).name]
    except Invalid as refusal:
        fields = [error.field for error in refusal.errors]
    else:
        fields = []
    assert fields == ([] if named else ["name"])
    assert all(len(name.encode()) > 0 and len(name) <= 200 and name == name.strip() for name in named)


def test_a_radius_by_hand_ends_at_5_km_and_an_imported_one_at_50() -> None:
    assert wrong(STORE | {"radius_m": 5_001}) == ["radius_m"]
    assert check_store(STORE | {"radius_m": 5_001}, radius_max_m=50_000).radius_m == 5_001.0
    with pytest.raises(Invalid):
        check_store(STORE | {"radius_m": 50_001}, radius_max_m=50_000)


@pytest.mark.parametrize(
    "zone", ["Europe", "posix/Europe/Berlin", "localtime", "/etc/localtime", "a" * 300, 7, "x\x00y"]
)
def test_a_zone_is_a_name_that_every_machine_knows(zone: Any) -> None:
    assert wrong(STORE | {"time_zone": zone}) == ["time_zone"]


def test_tags_are_bounded() -> None:
    found: list[FieldError] = []
    assert check_tags(["x"] * 50, found) == ("x",)
    assert found == []
    assert check_tags(["x"] * 51, found) == ()
    assert [error.field for error in found] == ["tags"]


@pytest.mark.parametrize(("radius", "count"), [(20, 1), (SURE_RADIUS_M - 0.1, 1), (SURE_RADIUS_M, 0), (None, 0)])
def test_small_circles_are_warned_of(radius: float | None, count: int) -> None:
    assert [warning.field for warning in warnings_of(radius)] == ["radius_m"] * count


def test_a_fence_is_a_circle_or_an_area_with_the_zone_of_its_middle() -> None:
    circle, area = check_fence(CIRCLE, vertices=100), check_fence(AREA, vertices=100)
    assert (circle.lat, circle.lon, circle.radius_m, circle.geometry, circle.zone) == (
        52.52, 13.405, 250.0, None, "Europe/Berlin",
    )  # fmt: skip
    assert (area.lat, area.lon, area.radius_m, area.geometry) == (None, None, None, AREA["geometry"])
    assert area.zone == "Europe/Berlin"


def test_an_area_over_the_antimeridian_has_a_zone_there() -> None:
    ring = (Point(-17.5, 179.9), Point(-17.5, 180.0), Point(-17.4, 180.0), Point(-17.4, 179.9), Point(-17.5, 179.9))
    other = (
        Point(-17.5, -180.0),
        Point(-17.5, -179.9),
        Point(-17.4, -179.9),
        Point(-17.4, -180.0),
        Point(-17.5, -180.0),
    )
    draft = fence_draft(name="Both sides", tags=(), shape=Area(((ring,), (other,))))
    assert draft.zone in ("Pacific/Fiji", "Etc/GMT+12", "Etc/GMT-12")
    assert fence_draft(name="At sea", tags=(), shape=Circle(Point(0, -30), 100)).zone == "Etc/GMT+2"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "A"}, ["geometry"]),
        (CIRCLE | AREA, ["geometry"]),
        (CIRCLE | {"name": None, "lat": 91, "radius_m": 5_001}, ["name", "lat", "radius_m"]),
        (AREA | {"radius_m": 100}, ["radius_m"]),
        (AREA | {"geometry": {"type": "LineString"}}, ["geometry.type"]),
        (AREA | {"geometry": {"type": "Point", "coordinates": [1, 1]}, "radius_m": 5_001}, ["radius_m"]),
    ],
)
def test_a_wrong_fence_is_named(fields: dict[str, Any], named: list[str]) -> None:
    assert wrong_fence(fields) == named


async def add(db: Connection, **fields: Any) -> Any:
    async with db.transaction():
        [made] = await places.add_stores(db, drafts=[check_store(STORE | fields)], by=BY)
    return made


async def test_a_store_and_its_fence_are_written_under_one_number(db: Connection) -> None:
    made = await add(db)
    row = await stores.find(db, store_id=made.id)
    fence = await geofences.find(db, geofence_id=made.geofence_id)
    assert row is not None
    assert fence is not None
    assert (fence.store_id, fence.name, fence.tags) == (row.id, row.name, row.tags)
    assert (fence.lat, fence.lon, fence.radius_m, fence.zone) == (row.lat, row.lon, row.radius_m, row.time_zone)
    assert await db.fetchval("SELECT changed FROM geofences") == await ruleset.epoch(db) == 1


async def test_nothing_is_counted_for_nothing(db: Connection) -> None:
    assert await places.add_stores(db, drafts=[], by=BY) == []
    assert await places.add_fences(db, drafts=[], by=BY) == []
    assert await ruleset.epoch(db) == 0
    assert await audit.page(db, before=None, limit=1) == []


async def test_thousands_are_one_change_and_who_waits_hears_of_all(db: Connection) -> None:
    heard: list[int] = []
    drafts = [check_store(STORE | {"name": f"S{number}"}) for number in range(4_500)]
    async with db.transaction():
        made = await places.add_stores(db, drafts=drafts, by=BY, told=heard.append)
    assert (sum(heard), len(heard) > 1) == (4_500, True)
    assert [one.draft.name for one in made] == [draft.name for draft in drafts]
    assert await ruleset.epoch(db) == 1
    assert await db.fetchval("SELECT count(*) FROM geofences JOIN stores ON store_id = stores.id") == 4_500
    [row] = await audit.page(db, before=None, limit=2)
    assert row.object == "stores:4500"


async def test_a_change_is_one_of_both_and_a_closing_too(db: Connection) -> None:
    made = await add(db)
    async with db.transaction():
        draft = check_store(STORE | {"name": "New", "radius_m": 150})
        after = await places.change_store(db, store_id=made.id, draft=draft, by=BY)
    fence = await geofences.find(db, geofence_id=made.geofence_id)
    assert fence is not None
    assert (after.name, fence.name, fence.radius_m, fence.store_id) == ("New", "New", 150.0, made.id)
    async with db.transaction():
        await places.close_store(db, store_id=made.id, by=BY)
    assert await geofences.find(db, geofence_id=made.geofence_id) is None
    assert await db.fetchval("SELECT changed FROM geofences") == await ruleset.epoch(db) == 3


async def test_what_is_not_there_cannot_be_changed_and_leaves_no_trace(pool: Pool) -> None:
    draft, fence = check_store(STORE), check_fence(CIRCLE, vertices=100)
    deeds: list[Any] = [
        lambda db: places.change_store(db, store_id=new_id(), draft=draft, by=BY),
        lambda db: places.close_store(db, store_id=new_id(), by=BY),
        lambda db: places.change_fence(db, geofence_id=new_id(), draft=fence, by=BY),
        lambda db: places.remove_fence(db, geofence_id=new_id(), by=BY),
    ]
    for deed in deeds:
        with pytest.raises(NotFound):
            await pool.attempt(deed)
    async with pool.acquire() as db:
        assert await ruleset.epoch(db) == 0
        assert await audit.page(db, before=None, limit=1) == []


async def test_a_stores_own_fence_is_not_changed_by_itself(pool: Pool, db: Connection) -> None:
    made = await add(db)
    fence = check_fence(AREA, vertices=100)
    for deed in (
        lambda db: places.change_fence(db, geofence_id=made.geofence_id, draft=fence, by=BY),
        lambda db: places.remove_fence(db, geofence_id=made.geofence_id, by=BY),
    ):
        with pytest.raises(Conflict) as caught:
            await pool.attempt(deed)
        assert caught.value.reason == "store_fence"
    assert await ruleset.epoch(db) == 1


async def test_every_deed_is_written_down_with_who_and_what_it_changed(db: Connection) -> None:
    made = await add(db)
    async with db.transaction():
        await places.change_store(db, store_id=made.id, draft=check_store(STORE | {"name": "B"}), by=BY)
        [fence] = await places.add_fences(db, drafts=[check_fence(CIRCLE, vertices=9)], by=BY)
        await places.change_fence(db, geofence_id=fence.id, draft=check_fence(AREA, vertices=9), by=BY)
        await places.remove_fence(db, geofence_id=fence.id, by=BY)
        await places.close_store(db, store_id=made.id, by=BY)
    rows = (await audit.page(db, before=None, limit=10))[::-1]
    assert [(row.action, row.object) for row in rows] == [
        ("store.create", f"store:{made.id}"),
        ("store.change", f"store:{made.id}"),
        ("geofence.create", f"geofence:{fence.id}"),
        ("geofence.change", f"geofence:{fence.id}"),
        ("geofence.remove", f"geofence:{fence.id}"),
        ("store.close", f"store:{made.id}"),
    ]
    assert {(row.actor, row.address, row.request_id) for row in rows} == {tuple(vars_of(BY))}
    assert [(row.before_hash is None, row.after_hash is None) for row in rows] == [
        (True, False), (False, False), (True, False), (False, False), (False, True), (False, True),
    ]  # fmt: skip
    assert rows[1].before_hash != rows[1].after_hash
    assert (await audit.verify(db)).broken_at is None


def vars_of(by: Author) -> list[str | None]:
    return [by.actor, by.address, by.request_id]


async def test_writers_at_once_get_a_number_each_and_a_chain_that_holds(pool: Pool) -> None:
    in_turn = asyncio.Semaphore(6)

    async def write(number: int) -> None:
        async with in_turn, pool.transaction() as db:
            await places.add_stores(db, drafts=[check_store(STORE | {"name": f"S{number}"})], by=BY)

    await asyncio.gather(*(write(number) for number in range(20)))
    async with pool.acquire() as db:
        assert await ruleset.epoch(db) == 20
        assert [row["changed"] for row in await db.fetch("SELECT changed FROM geofences ORDER BY changed")] == list(
            range(1, 21)
        )
        assert await audit.verify(db) == (20, None)


async def test_the_rules_hear_of_a_store_of_its_change_and_of_its_end(pool: Pool) -> None:
    rules = Rules(pool, programme_of(settings_with()))
    await rules.refresh()

    async def seen() -> list[tuple[str, float]]:
        assert await rules.refresh()
        return [(place.name, place.radius_m) for place in rules.current.ruleset.places.by_geofence.values()]

    async with pool.transaction() as db:
        [made] = await places.add_stores(db, drafts=[check_store(STORE)], by=BY)
    assert await seen() == [("Café", 100.0)]
    async with pool.transaction() as db:
        await places.change_store(db, store_id=made.id, draft=check_store(STORE | {"radius_m": 200}), by=BY)
    assert await seen() == [("Café", 200.0)]
    async with pool.transaction() as db:
        await places.close_store(db, store_id=made.id, by=BY)
        await places.add_fences(db, drafts=[check_fence(CIRCLE, vertices=9)], by=BY)
    assert await seen() == [("Round", 250.0)]
