"""POST /v1/stores/import, /v1/geofences/import: whole lists at once; every row is imported, or refused with a reason.

A list takes seconds, so these doors keep no handler's deadline: their bounds are the body's bytes, the rows, the
addresses, and the deadline of each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from server.errors import FieldError, Invalid
from server.pipeline import imports, places
from server.pipeline.doubles import Standing, doubles
from server.pipeline.imports import FenceReading, StoreReading
from server.signals.geojson import Refused
from server.store import ruleset, standing
from server.web.call import Call, Reply
from server.web.codec import UnsupportedMedia
from server.web.door import door

T = TypeVar("T")

_STIR_S: Final = 1.0
_LOOK_UP_S: Final = 20.0
"""As long as proxies usually wait, and time left to write."""


class ImportQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`dry_run=true` reads and checks as an import does, writes nothing, and asks no geocoder; it is answered 200."""

    dry_run: bool = False


class Made(msgspec.Struct, frozen=True):
    """What was imported; in a dry run, what would be: without an id."""

    name: str
    id: UUID | UnsetType = UNSET


class Noted(msgspec.Struct, frozen=True):
    """A row (counted from 0) and one of its fields."""

    index: int
    field: str
    message: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each row. `warnings` are about imported rows, `ignored` names columns that nobody knows.

    A dry run also warns of rows whose name and place are those of what is there already, or of an earlier row.

    `unplaced` are rows of a dry run whose addresses an import would look up, and import if they are found.
    """

    dry_run: bool = False
    imported: list[Made]
    refused: list[Noted]
    warnings: list[Noted] | UnsetType = UNSET
    unplaced: list[Noted] | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET


class Collection(msgspec.Struct, frozen=True):
    """A FeatureCollection (RFC 7946); members that it does not know are let pass, as it says."""

    type: str
    features: list[Any]


CSV_EXAMPLE: Final = (
    "name,lat,lon,radius_m,time_zone,tags,address\n"
    'Kaffeehaus am Markt,52.52003,13.40489,100,Europe/Berlin,store;coffee,"Markt 1, 10178 Berlin"\n'
)
GEOJSON_EXAMPLE: Final = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "Old town", "tags": ["district"], "radius_m": 250},
            "geometry": {"type": "Point", "coordinates": [13.3777, 52.5163]},
        }
    ],
}


@door(
    "POST",
    "/v1/stores/import",
    query=ImportQuery,
    errors=(200,),
    body=bytes,
    answer=Imported,
    status=201,
    idempotency="optional",
    limit="import_body_bytes",
    summary="Open the stores of a table (CSV)",
    example=CSV_EXAMPLE,
    tags=("Marketing",),
    media="text/csv",
    stream=True,
)
async def import_stores(call: Call) -> Imported | Reply:
    """Read a table of stores, and write what is good of it."""
    if (call.request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The table must be UTF-8.")
    if not call.body:
        raise Invalid(errors=[FieldError("table", "is empty")])
    limits = call.parts.settings.limits
    reading = await awake(call, asyncio.to_thread(imports.read_stores, call.body, rows=limits.import_rows))
    geocoder, most = call.parts.geocoder, limits.import_addresses
    if call.query.dry_run:
        reading = imports.foresee(reading, geocoder=geocoder is not None, most=most)
        return _foreseen(reading, await _doubles(call, reading, standing.stores))
    reading = await awake(call, imports.locate(reading, geocoder=geocoder, most=most, within_s=_LOOK_UP_S))
    async with call.transaction() as db:
        made = await places.add_stores(db, drafts=reading.drafts, by=call.author)
    return Imported(
        imported=[Made(one.draft.name, one.id) for one in made],
        refused=_noted(reading.refused),
        warnings=_noted(reading.warnings) or UNSET,
        ignored=list(reading.ignored) or UNSET,
    )


async def _doubles(call: Call, reading: StoreReading | FenceReading, ask: Standing) -> list[Refused]:
    async with call.connection() as db:
        return await doubles(db, taken=reading.taken, standing=ask)


def _foreseen(reading: StoreReading, twice: Sequence[Refused]) -> Reply:
    """Tell what an import of stores would come to."""
    warnings = sorted([*reading.warnings, *twice], key=lambda each: each.index)
    unplaced = [
        Noted(one.index, "address", "would be looked up, for it comes without lat and lon") for one in reading.unplaced
    ]
    answer = Imported(
        dry_run=True,
        imported=[Made(draft.name) for draft in reading.drafts],
        refused=_noted(reading.refused),
        warnings=_noted(warnings) or UNSET,
        unplaced=unplaced or UNSET,
        ignored=list(reading.ignored) or UNSET,
    )
    return Reply(200, answer)


@door(
    "POST",
    "/v1/geofences/import",
    query=ImportQuery,
    errors=(200,),
    body=Collection,
    answer=Imported,
    status=201,
    idempotency="optional",
    limit="import_body_bytes",
    summary="Draw the fences of a GeoJSON FeatureCollection",
    example=GEOJSON_EXAMPLE,
    tags=("Marketing",),
    stream=True,
)
async def import_geofences(call: Call) -> Imported | Reply:
    """Read a collection of fences, and write what is good of it."""
    limits = call.parts.settings.limits
    reading = await awake(
        call,
        asyncio.to_thread(
            imports.read_fences,
            msgspec.structs.asdict(call.body),
            rows=limits.import_rows,
            vertices=limits.vertices,
        ),
    )
    refused = _noted(reading.refused)
    if call.query.dry_run:
        warnings = _noted(await _doubles(call, reading, standing.fences)) or UNSET
        would = [Made(draft.name) for draft in reading.drafts]
        return Reply(200, Imported(dry_run=True, imported=would, refused=refused, warnings=warnings))
    async with call.transaction() as db:
        made = await places.add_fences(db, drafts=reading.drafts, by=call.author)
    return Imported(imported=[Made(one.draft.name, one.id) for one in made], refused=refused)


def _noted(notes: Sequence[Refused]) -> list[Noted]:
    return [Noted(note.index, note.field, note.message) for note in notes]


async def awake(call: Call, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, and stir an idempotent request's transaction meanwhile: PostgreSQL ends one that idles for seconds."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_STIR_S))[0]:
            if call.held is not None:
                await ruleset.epoch(call.held)
        return await task
    finally:
        task.cancel()
