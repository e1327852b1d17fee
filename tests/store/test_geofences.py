"""Fences as rows: circles and areas, with the number of the rules at which each last changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from geopy.distance import geodesic

from server.store import geofences
from server.store.geofences import GeofenceDraft, GeofenceRow, NewGeofence
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.sought import Bounds, Sought

SQUARE = {"type": "Polygon", "coordinates": [[[13.1, 52.1], [13.2, 52.1], [13.2, 52.2], [13.1, 52.1]]]}
CIRCLE = GeofenceDraft("Kreis 'Süd'", "Europe/Berlin", ("a,b", 'q"', "\\"), 52.52003, 13.40489, 250.25)
AREA = GeofenceDraft("Area", None, (), geometry=SQUARE)


async def written(db: Connection, *drafts: GeofenceDraft, changed: int = 1) -> list[NewGeofence]:
    made = [NewGeofence(new_id(), draft) for draft in drafts]
    await geofences.insert(db, fences=made, changed=changed)
    return made


def draft_of(row: GeofenceRow) -> GeofenceDraft:
    return GeofenceDraft(row.name, row.zone, row.tags, row.lat, row.lon, row.radius_m, row.geometry, row.store_id)


async def changed(db: Connection, identifier: UUID) -> int:
    return await db.fetchval("SELECT changed FROM geofences WHERE id = $1", identifier)


async def test_circles_and_areas_are_read_back_as_they_were_drawn(db: Connection) -> None:
    owned = replace(CIRCLE, store_id=new_id())
    made = await written(db, CIRCLE, AREA, owned)
    found = [await geofences.find(db, geofence_id=one.id) for one in made]
    assert [row and draft_of(row) for row in found] == [CIRCLE, AREA, owned]
    assert [await changed(db, one.id) for one in made] == [1, 1, 1]


async def extent_of(db: Connection, draft: GeofenceDraft) -> tuple[float, float, float, float]:
    [made] = await written(db, draft)
    box = await db.fetchval("SELECT extent FROM geofences WHERE id = $1", made.id)
    return box.low.x, box.low.y, box.high.x, box.high.y


@pytest.mark.parametrize(("lat", "lon"), [(0.0, 0.0), (52.5, 13.4), (-33.9, 151.2), (69.6, 18.9), (80.0, -179.99)])
async def test_a_circle_lies_in_its_rectangle_and_the_rectangle_is_no_larger_than_need_be(
    db: Connection, lat: float, lon: float
) -> None:
    west, south, east, north = await extent_of(db, replace(CIRCLE, lat=lat, lon=lon, radius_m=5000.0))
    for bearing, edge, axis in (
        (0, north, "latitude"),
        (90, east, "longitude"),
        (180, south, "latitude"),
        (270, west, "longitude"),
    ):
        reached = getattr(geodesic(meters=5000).destination((lat, lon), bearing), axis)
        middle, way = (lat, reached - lat) if axis == "latitude" else (lon, (reached - lon + 180) % 360 - 180)
        assert abs(edge - middle) == pytest.approx(abs(way), rel=0.01)


AREAS: Mapping[str, tuple[str, Any, tuple[float, float, float, float]]] = {
    "a square with a hole": (
        "Polygon",
        [[[13, 52], [14, 52], [14, 53], [13, 53], [13, 52]], [[13.2, 52.2], [13.2, 52.4], [13.4, 52.4], [13.2, 52.2]]],
        (13, 52, 14, 53),
    ),
    "with altitudes": ("Polygon", [[[1, 2, 900], [3, 2, 900], [3, 4, 900], [1, 2, 900]]], (1, 2, 3, 4)),
    "two pieces": (
        "MultiPolygon",
        [[[[1, 1], [2, 1], [2, 2], [1, 1]]], [[[5, -3], [6, -3], [6, -2], [5, -3]]]],
        (1, -3, 6, 2),
    ),
    "over the antimeridian": ("Polygon", [[[179.9, -17], [-179.8, -17], [-179.8, -16], [179.9, -17]]], (179.9, -17, 180.2, -16)),
    "cut at the antimeridian": (
        "MultiPolygon",
        [[[[179, 1], [180, 1], [180, 2], [179, 1]]], [[[-180, 1], [-179.5, 1], [-179.5, 2], [-180, 1]]]],
        (179, 1, 180.5, 2),
    ),
    "around a pole": ("Polygon", [[[-180, 89], [-90, 89.5], [0, 89], [90, 89.5], [180, 89], [-180, 89]]], (-180, 89, 180, 89.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", AREAS)
async def test_an_area_lies_in_its_rectangle(db: Connection, name: str) -> None:
    kind, coordinates, expected = AREAS[name]
    found = await extent_of(db, replace(AREA, geometry={"type": kind, "coordinates": coordinates}))
    assert found == pytest.approx(expected)


async def test_fences_are_found_where_they_reach_and_free_ones_alone(db: Connection) -> None:
    owned = replace(CIRCLE, name="owned", store_id=new_id())
    await written(
        db,
        CIRCLE,
        AREA,
        owned,
        replace(AREA, name="far", geometry={"type": "Polygon", "coordinates": AREAS["over the antimeridian"][1]}),
    )

    async def found(*bounds: float, free: bool = False) -> list[str]:
        sought = Sought(Bounds(*bounds) if bounds else None)
        return [row.name for row in await geofences.search(db, sought=sought, free=free, after=None, limit=10)]

    assert await found() == [CIRCLE.name, "Area", "owned", "far"]
    assert await found(free=True) == [CIRCLE.name, "Area", "far"]
    assert await found(13.405, 52.52, 13.41, 52.53) == [
        CIRCLE.name,
        "owned",
    ]  # its edge reaches in, its middle does not
    assert await found(13.15, 52.15, 13.16, 52.16) == ["Area"]
    assert await found(-180, -18, -179.9, -16) == await found(179.95, -18, -179.99, -16) == ["far"]


async def test_nothing_is_written_for_nothing(db: Connection) -> None:
    await geofences.insert(db, fences=[], changed=1)
    assert await geofences.page(db, after=None, limit=10) == []


async def test_a_change_may_make_an_area_of_a_circle_and_carries_its_number(db: Connection) -> None:
    owned = replace(CIRCLE, store_id=new_id())
    [made] = await written(db, owned)
    after = await geofences.update(db, geofence_id=made.id, draft=AREA, changed=7)
    assert after is not None
    assert draft_of(after) == replace(AREA, store_id=owned.store_id)
    assert await changed(db, made.id) == 7
    assert after.updated_at > after.created_at
    assert await geofences.find(db, geofence_id=made.id) == after


async def test_pages_go_through_all_fences_in_the_order_of_making(db: Connection) -> None:
    made = await written(db, *(replace(CIRCLE, name=f"F{number}") for number in range(5)))
    seen: list[UUID] = []
    while page := await geofences.page(db, after=seen[-1] if seen else None, limit=2):
        assert len(page) <= 2
        seen += [row.id for row in page]
    assert seen == [one.id for one in made]


async def test_a_fence_that_was_taken_down_is_found_no_more_and_its_row_tells_since_when(db: Connection) -> None:
    gone, stands = await written(db, CIRCLE, AREA)
    taken = await geofences.delete(db, geofence_id=gone.id, changed=9)
    assert taken is not None
    assert taken.id == gone.id
    assert await changed(db, gone.id) == 9
    assert await geofences.find(db, geofence_id=gone.id) is None
    assert await geofences.update(db, geofence_id=gone.id, draft=AREA, changed=10) is None
    assert await geofences.delete(db, geofence_id=gone.id, changed=10) is None
    assert [row.id for row in await geofences.page(db, after=None, limit=10)] == [stands.id]


async def test_what_is_not_there_is_none(db: Connection) -> None:
    assert await geofences.find(db, geofence_id=new_id()) is None
    assert await geofences.update(db, geofence_id=new_id(), draft=AREA, changed=1) is None
    assert await geofences.delete(db, geofence_id=new_id(), changed=1) is None


@pytest.mark.parametrize(
    "draft", [replace(CIRCLE, geometry=SQUARE), replace(CIRCLE, radius_m=None), GeofenceDraft("Nowhere")]
)
async def test_a_fence_is_a_circle_or_an_area_and_never_both_or_neither(db: Connection, draft: GeofenceDraft) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await written(db, draft)


async def test_a_store_has_one_fence_that_stands(db: Connection) -> None:
    owned = replace(CIRCLE, store_id=new_id())
    [first] = await written(db, owned)
    with pytest.raises(asyncpg.UniqueViolationError):
        await written(db, owned)
    await geofences.delete(db, geofence_id=first.id, changed=2)
    assert len(await written(db, owned)) == 1


@pytest.mark.parametrize("count", [1, 300])
async def test_many_fences_are_written_at_once_in_their_order(undone: Connection, count: int) -> None:
    made = await written(undone, *(replace((CIRCLE, AREA)[number % 2], name=f"F{number}") for number in range(count)))
    rows = await geofences.page(undone, after=None, limit=1000)
    assert [row.id for row in rows] == [one.id for one in made]
    assert [draft_of(row) for row in rows] == [one.draft for one in made]


@pytest.mark.parametrize(
    "tags", [(), ("",), ("a", "a"), ("NULL", "{}", "a,b", 'q"', "\\", "ü✓"), tuple(f"t{n}" for n in range(50))]
)
async def test_tags_come_back_as_they_are_by_either_way_in(undone: Connection, tags: tuple[str, ...]) -> None:
    [made] = await written(undone, replace(CIRCLE, tags=tags))
    found = await geofences.find(undone, geofence_id=made.id)
    assert found is not None
    assert found.tags == tags
    again = await geofences.update(undone, geofence_id=made.id, draft=replace(CIRCLE, tags=tags[::-1]), changed=2)
    assert again is not None
    assert again.tags == tags[::-1]


async def test_a_change_leaves_the_neighbours_alone(undone: Connection) -> None:
    first, second = await written(undone, CIRCLE, AREA)
    before = await geofences.find(undone, geofence_id=second.id)
    await geofences.update(undone, geofence_id=first.id, draft=AREA, changed=5)
    await geofences.delete(undone, geofence_id=first.id, changed=6)
    assert await geofences.find(undone, geofence_id=second.id) == before
    assert await changed(undone, second.id) == 1


async def test_a_page_that_was_begun_is_not_disturbed_by_what_comes_and_goes(undone: Connection) -> None:
    made = await written(undone, *(replace(CIRCLE, name=f"F{number}") for number in range(6)))
    first = await geofences.page(undone, after=None, limit=3)
    await geofences.delete(undone, geofence_id=first[-1].id, changed=2)
    await geofences.delete(undone, geofence_id=made[4].id, changed=3)
    [late] = await written(undone, replace(AREA, name="late"))
    rest = await geofences.page(undone, after=first[-1].id, limit=99)
    assert [row.id for row in rest] == [made[3].id, made[5].id, late.id]


async def test_a_fence_that_is_wrong_takes_the_others_of_its_statement_with_it(undone: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with undone.transaction():
            await written(undone, CIRCLE, GeofenceDraft("Nowhere"), AREA)
    assert await geofences.page(undone, after=None, limit=9) == []
