"""Where a reward is taken: stores by id, by their fence, by tag, and the nearest of them; judged by geopy."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from geopy.distance import great_circle

from server.model.place import Point
from server.store import spots
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.spots import Redeemable
from tests.counter_rows import add_store

GONE = datetime(2026, 1, 1, tzinfo=UTC)


async def test_stores_are_named_by_their_own_id_or_their_fences(db: Connection) -> None:
    first, second = await add_store(db), await add_store(db)
    fence = await db.fetchval("SELECT geofence_id FROM stores WHERE id = $1", second)
    assert await spots.stores_named(db, ids=[first, fence, new_id()]) == tuple(sorted((first, second)))
    assert await spots.stores_named(db, ids=[new_id()]) == ()


async def test_a_closed_store_is_still_named_and_no_longer_shown(db: Connection) -> None:
    closed = await add_store(db, deleted_at=GONE)
    assert await spots.stores_named(db, ids=[closed]) == (closed,)
    assert await spots.nearest(db, among=Redeemable((closed,)), origin=None, limit=10) == ()


async def test_the_nearest_come_first_as_geopy_measures_on_a_sphere(db: Connection) -> None:
    here = Point(48.4, 10.0)
    points = [Point(48.4 + (number * 37 % 19) / 50, 10.0 + (number * 53 % 23) / 50) for number in range(1, 19)]
    for number, point in enumerate(points):
        await add_store(db, lat=point.lat, lon=point.lon, name=str(number))
    shown = await spots.nearest(db, among=Redeemable(), origin=here, limit=10)
    measured = sorted(points, key=lambda point: great_circle(here, point).m)
    assert [spot.point for spot in shown] == measured[:10]


async def test_the_antimeridian_is_no_border(db: Connection) -> None:
    near, far = await add_store(db, lat=-16.8, lon=-179.9), await add_store(db, lat=-16.8, lon=178.0)
    shown = await spots.nearest(db, among=Redeemable(), origin=Point(-16.8, 179.9), limit=10)
    assert [spot.id for spot in shown] == [near, far]


async def test_only_those_that_take_it_are_shown(db: Connection) -> None:
    cafe, kiosk = await add_store(db, tags=["cafe"]), await add_store(db, tags=["kiosk"])
    for among, wanted in (
        (Redeemable(tag="cafe"), {cafe}),
        (Redeemable((kiosk,)), {kiosk}),
        (Redeemable((kiosk,), "cafe"), set()),
        (Redeemable(), {cafe, kiosk}),
    ):
        shown = await spots.nearest(db, among=among, origin=Point(48.4, 10.0), limit=10)
        assert {spot.id for spot in shown} == wanted


async def test_without_an_origin_any_order_will_do_but_always_the_same(db: Connection) -> None:
    stores = sorted([await add_store(db) for _ in range(4)])
    shown = await spots.nearest(db, among=Redeemable(), origin=None, limit=3)
    assert [spot.id for spot in shown] == stores[:3]


async def test_an_origin_is_a_stores_or_a_fences_position(db: Connection) -> None:
    store = await add_store(db, lat=48.1, lon=11.5)
    fence = await db.fetchval("SELECT geofence_id FROM stores")
    assert await spots.origin(db, place_id=store) == Point(48.1, 11.5)
    assert await spots.origin(db, place_id=fence) == Point(48.1, 11.5)
    assert await spots.origin(db, place_id=new_id()) is None


async def test_an_areas_origin_is_one_of_its_corners(db: Connection) -> None:
    ring = [[10.0, 48.0], [10.1, 48.0], [10.1, 48.2], [10.0, 48.0]]
    for shape in (
        {"type": "Polygon", "coordinates": [ring]},
        {"type": "MultiPolygon", "coordinates": [[ring], [[[1, 2], [3, 4], [5, 6], [1, 2]]]]},
    ):
        area = new_id()
        await db.execute(
            "INSERT INTO geofences (id, name, geometry, changed) VALUES ($1, 'area', $2, 1)", area, json.dumps(shape)
        )
        assert await spots.origin(db, place_id=area) == Point(48.0, 10.0)
