"""/v1/stores: the brand's shops. Each has a fence of its own, written with it; GET is paged in the order of making."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from server.errors import FieldError, Invalid, NotFound
from server.pipeline import places
from server.pipeline.sheets import MEDIA as TABLE
from server.pipeline.sheets import written
from server.store import stores
from server.store.stores import StoreRow
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door
from server.web.instants import EVER
from server.web.paging import cut, page_size, read_cursor
from server.web.place_search import PlaceQuery, read_sought
from server.web.streamed import streamed

Spans = list[tuple[str, str]]


class Week(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Opening hours: half-open spans by the opening day; a day that is not named is closed."""

    mon: Spans | UnsetType = UNSET
    tue: Spans | UnsetType = UNSET
    wed: Spans | UnsetType = UNSET
    thu: Spans | UnsetType = UNSET
    fri: Spans | UnsetType = UNSET
    sat: Spans | UnsetType = UNSET
    sun: Spans | UnsetType = UNSET


class StoreBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store as it shall be: degrees and metres; without `time_zone` that of the position, without `hours` unknown."""

    name: str
    lat: float
    lon: float
    radius_m: float
    time_zone: str | None = None
    country: str | None = None
    region: str | None = None
    hours: Week | None = None
    tags: list[str] = []
    address: str | None = None


class SinceQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The `updated_at` of the place as it was read: where somebody changed it since, nothing is written."""

    unchanged_since: Instant | None = None


class Warned(msgspec.Struct, frozen=True):
    """What was taken, though it is unwise."""

    field: str
    message: str


class StoreAnswer(msgspec.Struct, frozen=True):
    """A store as it is."""

    id: UUID
    name: str
    lat: float
    lon: float
    radius_m: float
    time_zone: str
    country: str | None
    region: str | None
    hours: Week | None
    tags: tuple[str, ...]
    address: str | None
    geofence_id: UUID
    created_at: datetime
    updated_at: datetime
    warnings: list[Warned] | UnsetType = UNSET


class Stores(msgspec.Struct, frozen=True):
    """A page of stores."""

    items: list[StoreAnswer]
    next: str | None


EXAMPLE: Final = {
    "name": "Kaffeehaus am Markt",
    "lat": 52.52003,
    "lon": 13.40489,
    "radius_m": 100,
    "country": "DE",
    "region": "BE",
    "hours": {"mon": [["07:00", "20:00"]], "sat": [["22:00", "02:00"]]},
    "tags": ["store", "coffee"],
    "address": "Markt 1, 10178 Berlin",
}


@door(
    "GET",
    "/v1/stores",
    query=PlaceQuery,
    answer=Stores,
    summary="Stores, the oldest first; in a part of the map, by words, by tag",
    tags=("Marketing",),
)
async def read_page(call: Call) -> Stores:
    """List the stores that are open."""
    size, sought = page_size(call.query, most=call.parts.settings.limits.page_items), read_sought(call.query)
    after = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await stores.search(db, sought=sought, after=after[0] if after else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda row: (row.id,))
    return Stores([answer_of(row) for row in page], following)


@door(
    "POST",
    "/v1/stores",
    body=StoreBody,
    answer=StoreAnswer,
    status=201,
    idempotency="optional",
    summary="Open a store, with its fence",
    example=EXAMPLE,
    tags=("Marketing",),
)
async def create(call: Call) -> StoreAnswer:
    """Check a store and write it."""
    draft = places.check_store(_fields(call.body))
    async with call.transaction() as db:
        [made] = await places.add_stores(db, drafts=[draft], by=call.author)
        row = _found(await stores.find(db, store_id=made.id))
    return answer_of(row, warn=True)


@door(
    "GET",
    "/v1/stores/export",
    produces=TABLE,
    stream=True,
    summary="The stores as a table (CSV) that the import takes back",
    tags=("Marketing",),
)
async def export(call: Call) -> web.StreamResponse:
    """Stream all stores as of one instant, the oldest first."""
    async with call.pool.transaction(isolation="repeatable_read", readonly=True) as db:
        return await streamed(call, written(db), media=TABLE, name="stores.csv")


@door("GET", "/v1/stores/{id}", answer=StoreAnswer, summary="One store", errors=(404,), tags=("Marketing",))
async def read(call: Call) -> StoreAnswer:
    """Give a store."""
    async with call.connection() as db:
        return answer_of(_found(await stores.find(db, store_id=call.uuid("id"))))


@door(
    "PUT",
    "/v1/stores/{id}",
    body=StoreBody,
    query=SinceQuery,
    answer=StoreAnswer,
    summary="Change a store, and its fence with it",
    example=EXAMPLE,
    errors=(404, 409),
    tags=("Marketing",),
)
async def change(call: Call) -> StoreAnswer:
    """Write a store anew, whole."""
    draft = places.check_store(_fields(call.body))
    async with call.transaction() as db:
        row = await places.change_store(
            db,
            store_id=call.uuid("id"),
            draft=draft,
            by=call.author,
            unchanged_since=since_of(call.query),
        )
    return answer_of(row, warn=True)


@door(
    "DELETE",
    "/v1/stores/{id}",
    status=204,
    summary="Close a store: its fence goes, its tills' keys end",
    errors=(404,),
    tags=("Marketing",),
)
async def delete(call: Call) -> None:
    """Close a store."""
    async with call.transaction() as db:
        await places.close_store(db, store_id=call.uuid("id"), by=call.author)


def since_of(query: SinceQuery) -> datetime | None:
    """Read as of when a place shall be unchanged; raises Invalid for times that the database does not know."""
    since = query.unchanged_since
    if since is not None and not EVER.start <= since < EVER.end:
        raise Invalid(errors=[FieldError("unchanged_since", "must be the updated_at of the place as it was read")])
    return since


def answer_of(row: StoreRow, *, warn: bool = False) -> StoreAnswer:
    """Show a store; `warn` where it was just written."""
    values = row._asdict()
    values["hours"] = None if row.hours is None else msgspec.convert(row.hours, Week)
    warnings = [Warned(*each) for each in places.warnings_of(row.radius_m)] if warn else []
    return StoreAnswer(**values, warnings=warnings or UNSET)


def _fields(body: StoreBody) -> dict[str, Any]:
    hours = None if body.hours is None else {day: [list(span) for span in spans] for day, spans in _days(body.hours)}
    return msgspec.structs.asdict(body) | {"hours": hours}


def _days(week: Week) -> list[tuple[str, Spans]]:
    return [(day, spans) for day, spans in msgspec.structs.asdict(week).items() if spans is not UNSET]


def _found(row: StoreRow | None) -> StoreRow:
    if row is None:
        raise NotFound
    return row
