"""/v1/geofences: every fence, the stores' own among them. Those are changed with their store; free ones are drawn here."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from server.errors import NotFound
from server.pipeline import places
from server.pipeline.drawings import MEDIA, written
from server.store import geofences
from server.store.geofences import GeofenceDraft, GeofenceRow
from server.web.call import Call
from server.web.door import door
from server.web.paging import cut, page_size, read_cursor
from server.web.place_search import PlaceQuery, read_sought
from server.web.stores import SinceQuery, Warned, since_of
from server.web.streamed import streamed


class GeofenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fence as it shall be: a circle by `lat, lon, radius_m`, or a GeoJSON `geometry` (a Point with `radius_m`)."""

    name: str
    tags: list[str] = []
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None
    geometry: dict[str, Any] | None = None


class GeofenceAnswer(msgspec.Struct, frozen=True):
    """A fence as it is: a circle has lat, lon and radius_m, an area its GeoJSON geometry; the others are null."""

    id: UUID
    name: str
    tags: tuple[str, ...]
    kind: Literal["circle", "area"]
    lat: float | None
    lon: float | None
    radius_m: float | None
    geometry: dict[str, Any] | None
    store_id: UUID | None
    time_zone: str | None
    created_at: datetime
    updated_at: datetime
    warnings: list[Warned] | UnsetType = UNSET


class Geofences(msgspec.Struct, frozen=True):
    """A page of fences."""

    items: list[GeofenceAnswer]
    next: str | None


EXAMPLE: Final = {"name": "Old town", "tags": ["district"], "lat": 52.5163, "lon": 13.3777, "radius_m": 250}


class FenceQuery(PlaceQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A page of fences, and what is looked for, as PlaceFilter says it; `free=true` leaves the stores' own out."""

    free: bool = False


@door(
    "GET",
    "/v1/geofences",
    query=FenceQuery,
    answer=Geofences,
    summary="Fences, the oldest first; in a part of the map, by words, by tag",
    tags=("Marketing",),
)
async def read_page(call: Call) -> Geofences:
    """List the fences that stand."""
    size, sought = page_size(call.query, most=call.parts.settings.limits.page_items), read_sought(call.query)
    after = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await geofences.search(
            db, sought=sought, free=call.query.free, after=after[0] if after else None, limit=size + 1
        )
    page, following = cut(rows, size=size, keys=lambda row: (row.id,))
    return Geofences([answer_of(row) for row in page], following)


@door(
    "POST",
    "/v1/geofences",
    body=GeofenceBody,
    answer=GeofenceAnswer,
    status=201,
    idempotency="optional",
    summary="Draw a fence",
    example=EXAMPLE,
    tags=("Marketing",),
)
async def create(call: Call) -> GeofenceAnswer:
    """Check a fence and write it."""
    draft = await _draft(call)
    async with call.transaction() as db:
        [made] = await places.add_fences(db, drafts=[draft], by=call.author)
        row = await geofences.find(db, geofence_id=made.id)
    return answer_of(_found(row), warn=True)


@door(
    "GET",
    "/v1/geofences/export",
    produces=MEDIA,
    stream=True,
    summary="The free fences as a GeoJSON FeatureCollection that the import takes back; a store's own goes with its store",
    tags=("Marketing",),
)
async def export(call: Call) -> web.StreamResponse:
    """Stream all fences as of one instant, the oldest first."""
    async with call.pool.transaction(isolation="repeatable_read", readonly=True) as db:
        return await streamed(call, written(db), media=MEDIA, name="fences.geojson")


@door("GET", "/v1/geofences/{id}", answer=GeofenceAnswer, summary="One fence", errors=(404,), tags=("Marketing",))
async def read(call: Call) -> GeofenceAnswer:
    """Give a fence."""
    async with call.connection() as db:
        return answer_of(_found(await geofences.find(db, geofence_id=call.uuid("id"))))


@door(
    "PUT",
    "/v1/geofences/{id}",
    body=GeofenceBody,
    query=SinceQuery,
    answer=GeofenceAnswer,
    summary="Draw a fence anew; a store's own is changed with its store",
    example=EXAMPLE,
    errors=(404, 409),
    tags=("Marketing",),
)
async def change(call: Call) -> GeofenceAnswer:
    """Write a fence anew, whole."""
    draft = await _draft(call)
    async with call.transaction() as db:
        row = await places.change_fence(
            db,
            geofence_id=call.uuid("id"),
            draft=draft,
            by=call.author,
            unchanged_since=since_of(call.query),
        )
    return answer_of(row, warn=True)


@door(
    "DELETE",
    "/v1/geofences/{id}",
    status=204,
    summary="Take a fence down; a store's own goes with its store",
    errors=(404, 409),
    tags=("Marketing",),
)
async def delete(call: Call) -> None:
    """Take a fence down."""
    async with call.transaction() as db:
        await places.remove_fence(db, geofence_id=call.uuid("id"), by=call.author)


async def _draft(call: Call) -> GeofenceDraft:
    """Check the body; an outline is judged in a thread, for thousands of vertices take a while."""
    fields = msgspec.structs.asdict(call.body)
    vertices = call.parts.settings.limits.vertices
    if fields["geometry"] is None:
        return places.check_fence(fields, vertices=vertices)
    return await asyncio.to_thread(places.check_fence, fields, vertices=vertices)


def _found(row: GeofenceRow | None) -> GeofenceRow:
    if row is None:
        raise NotFound
    return row


def answer_of(row: GeofenceRow, *, warn: bool = False) -> GeofenceAnswer:
    """Show a fence; `warn` where it was just written."""
    warnings = [Warned(*each) for each in places.warnings_of(row.radius_m)] if warn else []
    return GeofenceAnswer(
        id=row.id,
        name=row.name,
        tags=row.tags,
        kind="circle" if row.geometry is None else "area",
        lat=row.lat,
        lon=row.lon,
        radius_m=row.radius_m,
        geometry=None if row.geometry is None else dict(row.geometry),
        store_id=row.store_id,
        time_zone=row.zone,
        created_at=row.created_at,
        updated_at=row.updated_at,
        warnings=warnings or UNSET,
    )
