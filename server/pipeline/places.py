"""Writing places: a store and its fence are one deed, checked first, counted in the rules' number, and written down.

check (text, degrees, radius, zone, hours) → epoch + 1 → rows → audit
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from server.decision.wall import zone_named
from server.errors import Conflict, FieldError, Invalid, NotFound
from server.model.hours import WrongHours, read_hours
from server.model.place import Area, Circle, Point
from server.pipeline.author import Author
from server.signals.geojson import NAME_MAX, RADIUS_MIN_M, TAG_MAX, TAGS_MAX, Feature, read_geometry, to_geometry
from server.signals.polygon import draw
from server.signals.zones import zone_at
from server.store import epoch, geofences, stores
from server.store.geofences import GeofenceDraft, GeofenceRow, NewGeofence
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.stores import NewStore, StoreDraft, StoreRow

T = TypeVar("T")

RADIUS_BY_HAND_M = 5_000.0
"""The largest circle that is drawn by hand; an import may bring up to 50 km."""

SURE_RADIUS_M = 75.0
"""Phones are seldom surer of their position than this: a smaller circle is taken, with a warning."""

_ADDRESS_MAX = 500
_REGION_MAX = 10
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_STORES_PER_STATEMENT = 2_000
_FENCES_PER_STATEMENT = 100
"""So many rows are written within a tenth of the statements' deadline, areas of 2,000 vertices too."""

Told = Callable[[int], None]
"""Is told how many more rows are written."""


class PlaceChanged(Conflict):
    """Somebody has changed this place since it was read."""

    code, title = "place_changed", "Place changed"


def check_store(fields: Mapping[str, Any], *, radius_max_m: float = RADIUS_BY_HAND_M) -> StoreDraft:
    """Check what a store shall be; raises Invalid with every wrong field. The zone comes from the position if not given."""
    wrong: list[FieldError] = []
    name = _text(fields.get("name"), "name", NAME_MAX, wrong)
    lat = _number(fields.get("lat"), "lat", -90, 90, wrong)
    lon = _number(fields.get("lon"), "lon", -180, 180, wrong)
    radius = _number(fields.get("radius_m"), "radius_m", RADIUS_MIN_M, radius_max_m, wrong)
    zone = _zone(fields.get("time_zone"), None if wrong else Point(lat, lon), wrong)
    country = _country(fields.get("country"), wrong)
    region = None if fields.get("region") is None else _text(fields["region"], "region", _REGION_MAX, wrong)
    address = None if fields.get("address") is None else _text(fields["address"], "address", _ADDRESS_MAX, wrong)
    hours, tags = _hours(fields.get("hours"), wrong), check_tags(fields.get("tags") or (), wrong)
    if wrong:
        raise Invalid(errors=wrong)
    return StoreDraft(name, lat, lon, radius, zone, country, region, hours, tags, address)


def warnings_of(radius_m: float | None) -> tuple[FieldError, ...]:
    """Tell what is allowed and yet unwise about a circle."""
    if radius_m is None or radius_m >= SURE_RADIUS_M:
        return ()
    sentence = (
        f"is below {SURE_RADIUS_M:g} m: many phones do not know their position well enough to be sure to be inside"
    )
    return (FieldError("radius_m", sentence),)


def _country(value: object, wrong: list[FieldError]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper():
        return value
    wrong.append(FieldError("country", "must be two capitals (ISO 3166-1), such as DE"))
    return None


def _hours(value: object, wrong: list[FieldError]) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        wrong.append(FieldError("hours", 'must be an object such as {"mon": [["08:00", "20:00"]]}'))
        return None
    try:
        read_hours(value)
    except WrongHours as error:
        wrong.append(FieldError(f"hours.{error.field}", error.message))
    return value


def _text(value: object, field: str, longest: int, wrong: list[FieldError]) -> str:
    text = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
    if not 0 < len(text) <= longest:
        wrong.append(FieldError(field, f"must be a text of 1 to {longest} printable characters"))
    elif not (text.isprintable() or all(unicodedata.category(letter) not in _UNPRINTABLE for letter in text)):
        wrong.append(FieldError(field, "must be without line breaks and control characters"))
    return text


def _number(value: object, field: str, low: float, high: float, wrong: list[FieldError]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        wrong.append(FieldError(field, f"must be a number from {low:g} to {high:g}"))
        return 0.0
    return float(value)


def _zone(given: object, point: Point | None, wrong: list[FieldError]) -> str:
    if given is not None:
        if isinstance(given, str) and zone_named(given) is not None:
            return given
        wrong.append(FieldError("time_zone", "must be a time zone's name, such as Europe/Berlin"))
        return ""
    found = zone_at(point) if point is not None else None
    if point is not None and found is None:
        wrong.append(FieldError("time_zone", "is not known for this position; name one"))
    return found or ""


def check_tags(tags: Sequence[object], wrong: list[FieldError]) -> tuple[str, ...]:
    """Check tags, and give each once, in order."""
    if len(tags) > TAGS_MAX:
        wrong.append(FieldError("tags", f"must be {TAGS_MAX} at most"))
        return ()
    return tuple(sorted({_text(tag, f"tags[{number}]", TAG_MAX, wrong) for number, tag in enumerate(tags)}))


async def add_stores(
    db: Connection, *, drafts: Sequence[StoreDraft], by: Author, told: Told | None = None
) -> list[NewStore]:
    """Write stores, each with its fence, in the caller's transaction: all of them under one number of the rules."""
    made = [NewStore(new_id(), new_id(), draft) for draft in drafts]
    if not made:
        return made
    changed = await epoch.bump(db)
    for some in _batched(made, _STORES_PER_STATEMENT):
        fences = [NewGeofence(one.geofence_id, _fence_of(one.draft, one.id)) for one in some]
        await geofences.insert(db, fences=fences, changed=changed)
        await stores.insert(db, stores=some)
        if told is not None:
            told(len(some))
    what = f"store:{made[0].id}" if len(made) == 1 else f"stores:{len(made)}"
    await by.record(db, "store.create", what, after=[one.draft for one in made])
    return made


def _batched(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _fence_of(draft: StoreDraft, store_id: UUID) -> GeofenceDraft:
    return GeofenceDraft(
        draft.name, draft.time_zone, draft.tags, draft.lat, draft.lon, draft.radius_m, store_id=store_id
    )  # fmt: skip


async def change_store(
    db: Connection, *, store_id: UUID, draft: StoreDraft, by: Author, unchanged_since: datetime | None = None
) -> StoreRow:
    """Write a store and its fence anew; raises NotFound, and PlaceChanged where it is not as it was then."""
    changed = await epoch.bump(db)
    before = await stores.find(db, store_id=store_id)
    after = await stores.update(db, store_id=store_id, draft=draft, unchanged_since=unchanged_since)
    if after is None:
        if before is None or unchanged_since is None:
            raise NotFound
        raise PlaceChanged(extra={"updated_at": before.updated_at})
    await geofences.update(db, geofence_id=after.geofence_id, draft=_fence_of(draft, store_id), changed=changed)
    await by.record(db, "store.change", f"store:{store_id}", before=before, after=after)
    return after


async def close_store(db: Connection, *, store_id: UUID, by: Author) -> None:
    """Close a store: its fence goes, its tills' keys end, its staff no longer redeem; raises NotFound."""
    changed = await epoch.bump(db)
    gone = await stores.delete(db, store_id=store_id)
    if gone is None:
        raise NotFound
    await geofences.delete(db, geofence_id=gone.geofence_id, changed=changed)
    await stores.end_tills(db, store_id=store_id)
    await stores.end_staff(db, store_id=store_id)
    await by.record(db, "store.close", f"store:{store_id}", before=gone)


def check_fence(fields: Mapping[str, Any], *, vertices: int) -> GeofenceDraft:
    """Check a fence drawn by hand: `lat, lon, radius_m`, or a GeoJSON `geometry` (a Point with `radius_m`); raises Invalid."""
    wrong: list[FieldError] = []
    name = _text(fields.get("name"), "name", NAME_MAX, wrong)
    tags = check_tags(fields.get("tags") or (), wrong)
    geometry, lat, lon = fields.get("geometry"), fields.get("lat"), fields.get("lon")
    if (geometry is None) == (lat is None and lon is None):
        wrong.append(FieldError("geometry", "give either a geometry, or lat, lon and radius_m"))
    elif geometry is None:
        point = Point(_number(lat, "lat", -90, 90, wrong), _number(lon, "lon", -180, 180, wrong))
        shape: Circle | Area = Circle(
            point, _number(fields.get("radius_m"), "radius_m", RADIUS_MIN_M, RADIUS_BY_HAND_M, wrong)
        )
    elif isinstance(geometry, Mapping) and geometry.get("type") != "Point" and fields.get("radius_m") is not None:
        wrong.append(FieldError("radius_m", "belongs to a circle, and this geometry is none"))
    if wrong:
        raise Invalid(errors=wrong)
    if geometry is not None:
        shape = read_geometry(
            geometry, radius_m=fields.get("radius_m"), radius_max_m=RADIUS_BY_HAND_M, vertices=vertices
        )
    return fence_draft(name=name, tags=tags, shape=shape)


def fence_draft(*, name: str, tags: Sequence[str], shape: Circle | Area) -> GeofenceDraft:
    """Give the row of a shape; its zone is that of its centre."""
    if isinstance(shape, Circle):
        center = shape.center
        return GeofenceDraft(name, zone_at(center), tags, center.lat, center.lon, shape.radius_m)
    drawing = draw(shape)
    middle = Point(drawing.lat, (drawing.lon + 180) % 360 - 180)
    return GeofenceDraft(name, zone_at(middle), tags, geometry=to_geometry(shape))


def draft_of(feature: Feature) -> GeofenceDraft:
    """Give the row of an imported feature."""
    return fence_draft(name=feature.name, tags=sorted(feature.tags), shape=feature.shape)


async def add_fences(
    db: Connection, *, drafts: Sequence[GeofenceDraft], by: Author, told: Told | None = None
) -> list[NewGeofence]:
    """Write free fences, in the caller's transaction: all of them under one number of the rules."""
    made = [NewGeofence(new_id(), draft) for draft in drafts]
    if not made:
        return made
    changed = await epoch.bump(db)
    for some in _batched(made, _FENCES_PER_STATEMENT):
        await geofences.insert(db, fences=some, changed=changed)
        if told is not None:
            told(len(some))
    what = f"geofence:{made[0].id}" if len(made) == 1 else f"geofences:{len(made)}"
    await by.record(db, "geofence.create", what, after=[one.draft for one in made])
    return made


async def change_fence(
    db: Connection, *, geofence_id: UUID, draft: GeofenceDraft, by: Author, unchanged_since: datetime | None = None
) -> GeofenceRow:
    """Write a free fence anew; raises NotFound, PlaceChanged where it is not as it was then, Conflict for a store's own."""
    changed = await epoch.bump(db)
    before = await _free(db, geofence_id)
    after = await geofences.update(
        db, geofence_id=geofence_id, draft=draft, changed=changed, unchanged_since=unchanged_since
    )
    if after is None:
        raise NotFound if unchanged_since is None else PlaceChanged(extra={"updated_at": before.updated_at})
    await by.record(db, "geofence.change", f"geofence:{geofence_id}", before=before, after=after)
    return after


async def remove_fence(db: Connection, *, geofence_id: UUID, by: Author) -> None:
    """Take a free fence down; raises NotFound, and Conflict for a store's own."""
    changed = await epoch.bump(db)
    before = await _free(db, geofence_id)
    await geofences.delete(db, geofence_id=geofence_id, changed=changed)
    await by.record(db, "geofence.remove", f"geofence:{geofence_id}", before=before)


async def _free(db: Connection, geofence_id: UUID) -> GeofenceRow:
    found = await geofences.find(db, geofence_id=geofence_id)
    if found is None:
        raise NotFound
    if found.store_id is not None:
        raise Conflict("This fence belongs to a store; change the store.", code="store_fence")
    return found
