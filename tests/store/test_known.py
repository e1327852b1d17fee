"""What a document names is looked up, and nothing else of a chain's thousands of places is."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from server.store import known, segments
from server.store.pool import Connection

AREA = {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 52]]]}


async def fence(
    db: Connection, number: int, *, radius: float | None = 100, tags: tuple[str, ...] = (), **more: Any
) -> UUID:
    """A fence, of a store if one is named."""
    identifier, store = UUID(int=0xF000 + number), more.get("store")
    if store:
        await db.execute(
            "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, tags, geofence_id) "
            "VALUES ($1, $2, 52.5, 13.4, $3, 'Europe/Berlin', $4, $5)",
            UUID(int=0x5000 + number),
            store,
            radius,
            list(more.get("store_tags", ())),
            identifier,
        )
    circle = (52.5, 13.4, radius) if radius else (None, None, None)
    await db.execute(
        "INSERT INTO geofences (id, name, lat, lon, radius_m, geometry, tags, store_id, changed, deleted_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, CASE WHEN $9 THEN now() END)",
        identifier,
        f"fence {number}",
        *circle,
        None if radius else json.dumps(AREA),
        list(tags),
        UUID(int=0x5000 + number) if store else None,
        bool(more.get("gone")),
    )
    return identifier


async def find(db: Connection, *texts: str, ids: tuple[UUID, ...] = (), everywhere: bool = False) -> known.Found:
    return await known.find(db, texts=texts, ids=ids, everywhere=everywhere, narrower_m=75)


async def test_only_segments_and_tags_that_exist_are_known(db: Connection) -> None:
    await segments.insert(db, name="regulars", document=None)
    await fence(db, 1, tags=("park",))
    await fence(db, 2, store="Bakery", store_tags=("bakery",))
    await fence(db, 3, tags=("gone",), gone=True)
    found = await find(db, "regulars", "nobody", "park", "bakery", "gone", "no-tag")
    assert found.segments == {"regulars"}
    assert found.tags == {"park", "bakery"}


async def test_places_are_found_by_the_fences_id_and_the_stores(db: Connection) -> None:
    own = await fence(db, 1, store="Bakery", tags=("fence-tag",), store_tags=("store-tag",))
    free = await fence(db, 2)
    await fence(db, 3)
    by_store = await find(db, ids=(UUID(int=0x5001),))
    by_fence = await find(db, ids=(own, free))
    assert [(each.id, each.geofence_id, each.is_store, each.name) for each in by_store.places] == [
        (UUID(int=0x5001), own, True, "Bakery")
    ]
    assert {each.geofence_id for each in by_fence.places} == {own, free}
    assert by_store.places[0].tags == {"fence-tag", "store-tag"}


async def test_narrow_fences_and_areas_of_a_tag_come_along_and_wide_ones_do_not(db: Connection) -> None:
    narrow = await fence(db, 1, radius=40, tags=("kiosk",))
    of_store = await fence(db, 2, radius=74.9, store="Kiosk", store_tags=("kiosk",))
    area = await fence(db, 3, radius=None, tags=("kiosk",))
    await fence(db, 4, radius=75, tags=("kiosk",))
    await fence(db, 5, radius=40, tags=("other",))
    found = await find(db, "kiosk")
    assert {each.geofence_id for each in found.places} == {narrow, of_store, area}
    assert next(each for each in found.places if each.geofence_id == area).geometry == AREA


async def test_everywhere_means_every_narrow_fence(db: Connection) -> None:
    narrow = await fence(db, 1, radius=40)
    await fence(db, 2, radius=200)
    assert [each.geofence_id for each in (await find(db, everywhere=True)).places] == [narrow]
    assert (await find(db)).places == ()


async def test_what_was_taken_down_is_not_known(db: Connection) -> None:
    gone = await fence(db, 1, radius=40, tags=("kiosk",), gone=True)
    assert (await find(db, "kiosk", ids=(gone,), everywhere=True)).places == ()


async def test_a_place_that_is_named_is_never_cut_off_by_many_narrow_ones(db: Connection) -> None:
    await db.execute(
        "INSERT INTO geofences (id, name, lat, lon, radius_m, tags, changed) "
        "SELECT gen_random_uuid(), 'n', 52, 13, 30, '{many}', 1 FROM generate_series(1, 2500)"
    )
    named = await fence(db, 0xFFF, radius=500)
    found = await find(db, "many", ids=(named,))
    assert named in {each.geofence_id for each in found.places}
    assert len(found.places) == 2001
