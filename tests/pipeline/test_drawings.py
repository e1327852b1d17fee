"""Fences as GeoJSON: what is written is a FeatureCollection that our own reader, and shapely, read to the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from shapely.geometry import shape as shape_of

from server.pipeline import places
from server.pipeline.author import Author
from server.pipeline.drawings import feature_of, features, written
from server.signals.geojson import read_collection
from server.store.geofences import GeofenceRow
from server.store.pool import Pool
from tests.pipeline.town import Town

BY = Author("user:00000000-0000-0000-0000-000000000001")
NOW = datetime(2026, 11, 2, tzinfo=UTC)
RING = [[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]


def row(**values: Any) -> GeofenceRow:
    usual = {"lat": None, "lon": None, "radius_m": None, "geometry": None, "tags": ("a", "b"), "store_id": None}
    return GeofenceRow(
        **{"id": UUID(int=1), "name": "P", "zone": None, "created_at": NOW, "updated_at": NOW} | usual | values
    )


def test_a_circle_is_its_middle_with_a_radius() -> None:
    assert feature_of(row(lat=52.5, lon=13.4, radius_m=75.5)) == {
        "type": "Feature",
        "id": "00000000-0000-0000-0000-000000000001",
        "geometry": {"type": "Point", "coordinates": [13.4, 52.5]},
        "properties": {"name": "P", "tags": ["a", "b"], "radius_m": 75.5},
    }


def test_an_area_is_the_geometry_that_was_drawn() -> None:
    geometry = {"type": "Polygon", "coordinates": [RING]}
    feature = feature_of(row(geometry=geometry))
    assert (feature["geometry"], feature["properties"]) == (geometry, {"name": "P", "tags": ["a", "b"]})
    assert shape_of(feature["geometry"]).is_valid


@pytest.mark.parametrize("names", [[], ["A"], ['quo"ted', "Zoë", "C"]])
async def test_the_collection_is_read_back_to_the_same_fences_without_those_of_stores(
    pool: Pool, names: list[str]
) -> None:
    await Town(pool).open_shop()
    drafts = [
        places.check_fence({"name": each, "geometry": {"type": "Polygon", "coordinates": [RING]}}, vertices=9)
        for each in names
    ]
    async with pool.transaction() as db:
        await places.add_fences(db, drafts=drafts, by=BY)
    async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
        document = json.loads(b"".join([piece async for piece in written(db)]))
        assert document["features"] == [feature async for feature in features(db)]
    read = read_collection(document)
    assert read.refused == []
    again = [places.draft_of(feature) for feature in read.features]
    assert [replace(draft, tags=tuple(draft.tags)) for draft in again] == drafts
