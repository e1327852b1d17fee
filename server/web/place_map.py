"""What a map of places asks: how many lie where, and which offers name one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from server.errors import NotFound
from server.store import geofences, naming
from server.store.geofences import Cell
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.place_search import PlaceFilter, grid_of, read_sought


class CellQuery(PlaceFilter, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is looked for, as PlaceFilter says it; `free=true` leaves the stores' own fences out."""

    free: bool = False


class FenceCell(msgspec.Struct, frozen=True):
    """A square of the grid: the middle of its fences, how many they are, and how many of them are stores' own."""

    lat: float
    lon: float
    fences: int
    stores: int


class FenceCells(msgspec.Struct, frozen=True):
    """All fences that are looked for, counted: in all, and in squares of so many degrees, the fullest first.

    `bbox` is the part of the map that they lie in (west, south, east, north), also beyond the one that was asked for; over the
    antimeridian it reaches beyond 180. Null where there are none.
    """

    fences: int
    degrees: float
    bbox: tuple[float, float, float, float] | None
    cells: list[FenceCell]


class NamingOffer(msgspec.Struct, frozen=True):
    """An offer that names the place, by its id or by a tag that it has."""

    id: UUID
    name: str
    status: Literal["draft", "live", "paused"]
    by: Literal["id", "tag"]


class NamingOffers(msgspec.Struct, frozen=True):
    """A page of offers."""

    items: list[NamingOffer]
    next: str | None


@door(
    "GET",
    "/v1/geofences/cells",
    query=CellQuery,
    answer=FenceCells,
    summary="How many fences lie where, in squares that fit the part of the map",
    tags=("Marketing",),
)
async def count_cells(call: Call) -> FenceCells:
    """Count the fences that are looked for."""
    sought = read_sought(call.query)
    degrees = grid_of(sought)
    async with call.connection() as db:
        found = await geofences.cells(db, sought=sought, free=call.query.free, degrees=degrees)
    cells = [FenceCell(cell.lat, cell.lon, cell.fences, cell.stores) for cell in found]
    return FenceCells(sum(cell.fences for cell in found), degrees, _reach(found), cells)


def _reach(found: Sequence[Cell]) -> tuple[float, float, float, float] | None:
    """Tell how far all of them reach."""
    if not found:
        return None
    return (
        min(cell.west for cell in found),
        min(cell.south for cell in found),
        max(cell.east for cell in found),
        max(cell.north for cell in found),
    )


@door(
    "GET",
    "/v1/geofences/{id}/offers",
    query=PageQuery,
    answer=NamingOffers,
    summary="Offers that have not ended and name a fence, or the store whose own it is",
    errors=(404,),
    tags=("Marketing",),
)
async def read_naming(call: Call) -> NamingOffers:
    """List the offers that name a place."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        if await geofences.find(db, geofence_id=call.uuid("id")) is None:
            raise NotFound
        rows = await naming.page(
            db, geofence_id=call.uuid("id"), after=after[0] if after else None, limit=size + 1
        )  # fmt: skip
    page, following = cut(rows, size=size, keys=lambda row: (row.id,))
    return NamingOffers([NamingOffer(*row) for row in page], following)
