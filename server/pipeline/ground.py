"""What stands where, for one state of the rules: places and their fences, made of rows; a change costs what it changes.

Rule 1: a Ground never changes. The next one shares all with it but the places that were put or removed.
Rule 2: an index of some of the fences is the index of all where it holds all: nothing is kept twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import structlog

from server.decision.ruleset import Ruleset
from server.model.hours import WrongHours, read_hours
from server.model.place import Area, Circle, Hours, Place, Places, Point
from server.model.sharded import Sharded
from server.signals.fences import FenceIndex
from server.signals.geojson import read_geometry
from server.signals.weather.cache import Cell, cell_of
from server.store.ruleset import FenceRow, StoreRow

_NOWHERE: Final = Point(0.0, 0.0)

_log = structlog.get_logger("kairos.rules")


class Cells(NamedTuple):
    """The cells of the weather with places: how many, and the point of one; and how often the set of them changed."""

    kept: Sharded[Cell, tuple[int, Point]]
    moved: int


@dataclass(frozen=True, slots=True)
class Ground:
    """All places and their fences, the fences of stores, and the cells of the weather that they are in."""

    by_geofence: Sharded[UUID, Place]
    by_id: Sharded[UUID, Place]
    fences: FenceIndex
    stores: FenceIndex
    cells: Cells

    @property
    def places(self) -> Places:
        """The places, as decisions look them up."""
        return Places(self.by_geofence, self.by_id)


class News(NamedTuple):
    """Which fences came (or changed) and went."""

    put: Collection[UUID]
    removed: Collection[UUID]


def bare() -> Ground:
    """Give the ground of a house without places."""
    nothing = FenceIndex.build(())
    return Ground(Sharded(), Sharded(), nothing, nothing, Cells(Sharded(), 0))


def changed(before: Ground, put: Collection[FenceRow], removed: Collection[UUID]) -> Ground:
    """Give the ground after fences were put (or put anew) and others removed."""
    if not put and not removed:
        return before
    shapes = {row.id: _shape(row) for row in put}
    fences = before.fences.redrawn(shapes.items(), removed)
    hours: dict[int, Hours | None] = {}
    made = {row.id: _place(row, shapes[row.id], fences, hours) for row in put}
    old = [place for each in (*made, *removed) if (place := before.by_geofence.get(each)) is not None]
    by_id = {place.id: place for place in made.values()}
    return Ground(
        before.by_geofence.changed(made, removed),
        before.by_id.changed(by_id, (place.id for place in old)),
        fences,
        part(
            before.stores,
            whole=before.fences,
            fences=fences,
            put=[each for each, place in made.items() if place.kind == "store"],
            drop=[*removed, *(each for each, place in made.items() if place.kind != "store")],
        ),
        _cells(before.cells, came=made.values(), went=old),
    )


def live_part(before: FenceIndex, *, last: Ground, ground: Ground, ruleset: Ruleset, news: News | None) -> FenceIndex:
    """Give the index of the fences that live offers mean; `before` is that of the `last` ground.

    `news` are the fences that came and went since, where the offers mean the places that they meant before; None where
    they do not, so that every fence must be asked about.
    """
    if news is not None:
        asked: Iterable[Place] = [ground.by_geofence[each] for each in news.put]
    else:
        asked = ground.by_geofence.values()
    wanted: list[UUID] = []
    unwanted: list[UUID] = []
    for place in asked:
        (wanted if ruleset.is_meant(place) else unwanted).append(place.geofence_id)
    if news is not None:
        return part(before, whole=last.fences, fences=ground.fences, put=wanted, drop=[*news.removed, *unwanted])
    if len(unwanted) < len(wanted):
        return ground.fences.replaced((), unwanted) if unwanted else ground.fences
    return FenceIndex.build(()).taking(wanted, of=ground.fences)


def part(
    before: FenceIndex, *, whole: FenceIndex, fences: FenceIndex, put: Collection[UUID], drop: Collection[UUID]
) -> FenceIndex:
    """Change an index of some fences; `whole` is the one of all at that time, `fences` the one of all now.

    `put` and `drop` tell of every fence that changed whether it is wanted.
    """
    all_were = len(before) > 0 and before is whole
    kept = fences.replaced((), drop) if all_were else before.taking(put, of=fences, without=drop)
    return fences if len(kept) == len(fences) else kept


def _cells(before: Cells, *, came: Iterable[Place], went: Iterable[Place]) -> Cells:
    """Count the places of each cell anew, and keep one of their points."""
    points = [place.point for place in came]
    cells = [cell_of(point) for point in points]
    counts = Counter(cells)
    counts.subtract(cell_of(place.point) for place in went)
    at = dict(zip(cells, points, strict=True))
    put: dict[Cell, tuple[int, Point]] = {}
    drop: list[Cell] = []
    for cell, more in counts.items():
        count, point = before.kept.get(cell) or (0, at.get(cell, _NOWHERE))
        if count + more > 0:
            put[cell] = count + more, point
        else:
            drop.append(cell)
    kept = before.kept.changed(put, drop)
    same = not drop and len(kept) == len(before.kept)
    return Cells(kept, before.moved if same else before.moved + 1)


def _shape(row: FenceRow) -> Circle | Area:
    if row.geometry is not None:
        return read_geometry(row.geometry)
    return Circle(Point(row.lat or 0.0, row.lon or 0.0), row.radius_m or 0.0)


def _place(row: FenceRow, shape: Circle | Area, fences: FenceIndex, hours: dict[int, Hours | None]) -> Place:
    """Make the place of a fence. `hours` are those read so far: a whole chain opens at eight."""
    if isinstance(shape, Circle):
        point, radius = shape
    else:
        around = fences.enclosing(row.id)
        point = around.center if around is not None else _NOWHERE
        measured = fences.measure(point, row.id)
        radius = measured.radius_m if measured is not None else 0.0
    store = row.store
    if store is None:
        return Place(row.id, row.id, "geofence", row.name, point, radius, row.zone, row.tags)
    if store.hours is not None and id(store.hours) not in hours:
        hours[id(store.hours)] = _hours(store)
    return Place(
        id=store.id,
        geofence_id=row.id,
        kind="store",
        name=store.name,
        point=Point(store.lat, store.lon),
        radius_m=radius,
        zone=store.zone,
        tags=store.tags if store.tags == row.tags else row.tags | store.tags,
        address=store.address,
        country=store.country,
        region=store.region,
        hours=None if store.hours is None else hours[id(store.hours)],
    )


def _hours(store: StoreRow) -> Hours | None:
    try:
        return read_hours(store.hours) if store.hours is not None else None
    except WrongHours as error:
        _log.error("opening hours cannot be read", store=str(store.id), errors=str(error))
        return None
