"""Fences as a GeoJSON FeatureCollection (RFC 7946) that an import takes back to the same fences, piece by piece.

Free fences alone: a store's own comes back with its store (the CSV of stores).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from server.store import geofences
from server.store.geofences import GeofenceRow
from server.store.pool import Connection

MEDIA: Final = "application/geo+json"

_PAGE: Final = 500
"""So many rows are read at a time: areas of 2,000 vertices too stay within some tens of megabytes."""


def feature_of(row: GeofenceRow) -> dict[str, Any]:
    """Give a fence as a Feature; a circle is its middle with the property `radius_m`."""
    properties: dict[str, Any] = {"name": row.name, "tags": list(row.tags)}
    geometry = row.geometry
    if geometry is None:
        properties["radius_m"] = row.radius_m
        geometry = {"type": "Point", "coordinates": [row.lon, row.lat]}
    return {"type": "Feature", "id": str(row.id), "properties": properties, "geometry": geometry}


async def features(db: Connection) -> AsyncIterator[dict[str, Any]]:
    """Give every free fence as a Feature, the oldest first; in a repeatable-read transaction."""
    after = None
    while page := await geofences.page(db, after=after, limit=_PAGE):
        after = page[-1].id
        for row in page:
            if row.store_id is None:
                yield feature_of(row)


async def written(db: Connection) -> AsyncIterator[bytes]:
    """Write the collection: a line for each fence, so that two exports can be compared."""
    separator = b""
    yield b'{"type": "FeatureCollection", "features": ['
    async for feature in features(db):
        yield separator + b"\n" + json.dumps(feature, ensure_ascii=False).encode()
        separator = b","
    yield b"\n]}\n"
