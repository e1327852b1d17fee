"""What stands already where a list would put it: stores and free fences of a name, asked for many spots in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.store.pool import Connection


def _asking(there: str, place: str, lat: str, lon: str) -> str:
    # $1-$3 names, latitudes and longitudes, $4 metres. Each spot asks the index by itself, and stops at the first that it meets:
    # chains give thousands of stores one name. The box is a little wider than the metres; the sphere then decides.
    return f"""
SELECT spot.number::int - 1 AS number
FROM unnest($1::text[], $2::float8[], $3::float8[]) WITH ORDINALITY AS spot (name, lat, lon, number)
CROSS JOIN LATERAL (
    SELECT least(180, $4::float8 / (111320 * greatest(cosd(spot.lat), 0.0001))) AS x, $4::float8 / 110574 AS y
) AS near
CROSS JOIN LATERAL (
    SELECT 1 FROM {there}
    WHERE t.deleted_at IS NULL AND t.name = spot.name
          AND {place} box(point(spot.lon - near.x, spot.lat - near.y), point(spot.lon + near.x, spot.lat + near.y))
          AND sin(radians({lat} - spot.lat) / 2) ^ 2
              + cos(radians({lat})) * cos(radians(spot.lat)) * sin(radians({lon} - spot.lon) / 2) ^ 2
              <= sin($4::float8 / 2 / 6371008.8) ^ 2
    LIMIT 1
) AS there
"""  # noqa: S608  a statement of ours


STORES: Final = _asking("stores t", "point(t.lon, t.lat) <@", "t.lat", "t.lon")
FENCES: Final = _asking(
    "geofences t, LATERAL (SELECT (center(t.extent))[1] AS lat, (center(t.extent))[0] AS lon) AS middle",
    "t.store_id IS NULL AND t.extent &&",
    "middle.lat",
    "middle.lon",
)


async def stores(db: Connection, *, spots: Sequence[tuple[str, float, float]], within_m: float) -> set[int]:
    """Tell (from 0) at which names, latitudes and longitudes an open store of that name stands, within so many metres."""
    return await _ask(db, STORES, spots, within_m)


async def fences(db: Connection, *, spots: Sequence[tuple[str, float, float]], within_m: float) -> set[int]:
    """Tell the same of free fences: of the middle of the rectangle around one."""
    return await _ask(db, FENCES, spots, within_m)


async def _ask(db: Connection, sql: str, spots: Sequence[tuple[str, float, float]], within_m: float) -> set[int]:
    names, lats, lons = ([spot[column] for spot in spots] for column in range(3))
    return {row["number"] for row in await db.fetch(sql, names, lats, lons, within_m)}
