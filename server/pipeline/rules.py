"""The rules in force: offers, places and segments, loaded when their number changes, and swapped in whole.

Rule 1: a Snapshot never changes. A group decides by one from its first ping to its last.
Rule 2: building goes on beside the street: what costs more than a moment is done in a thread.
Rule 3: an offer that cannot be read does not stop the others. It was checked when it was written, so this is told loudly.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from server.decision.reading import Known, WrongDocument
from server.decision.rules import Identity, parse, parse_segment
from server.decision.ruleset import NO_OFFERS, Ruleset
from server.errors import Refusal, Unavailable
from server.model.context import Programme
from server.model.hours import WrongHours, read_hours
from server.model.offer import Offer
from server.model.place import Circle, Geofence, Hours, Place, Places, Point
from server.settings import Settings
from server.signals.fences import FenceIndex
from server.signals.geojson import read_geometry
from server.signals.weather.base import Source
from server.store import ruleset as rows
from server.store.pool import Pool

MAX_AGE_S = 86_400
"""Fixes up to a day old are taken."""

_FREEZE_FROM = 1_000
"""So many fences are worth keeping out of every full garbage collection."""

_log = structlog.get_logger("kairos.rules")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the rules: what decides, all fences, those of live offers, those of stores, and rewards as written."""

    ruleset: Ruleset
    fences: FenceIndex
    live: FenceIndex
    stores: FenceIndex
    rewards: Mapping[UUID, Mapping[str, Any]]

    def matters(self, geofence_id: UUID) -> bool:
        """Tell whether a live offer names the fence."""
        return self.ruleset.plan(geofence_id) is not NO_OFFERS


def programme_of(settings: Settings) -> Programme:
    """Give the part of the settings that decisions need."""
    pressure, quiet = settings.pressure, settings.quiet_hours
    return Programme(
        zone=settings.programme.time_zone,
        quiet_from=quiet.from_,
        quiet_to=quiet.to,
        quiet_zone=settings.quiet_zone,
        per_day=pressure.per_day or None,
        per_week=pressure.per_week or None,
        class_per_day={name: each.per_day for name, each in pressure.classes.items() if each.per_day},
        holdout_share=settings.programme.holdout,
        formality=settings.programme.formality,
        weather_max_age_s=settings.weather.max_age_s,
        pings_max_age_s=MAX_AGE_S,
    )


def empty(programme: Programme) -> Snapshot:
    """Give the rules of a house without offers and places."""
    ruleset = Ruleset.build(offers=(), places=Places(), programme=programme, segments={}, epoch=-1)
    nothing = FenceIndex.build(())
    return Snapshot(ruleset, nothing, nothing, nothing, {})


class Rules:
    """Holds the snapshot in force, and follows the database's."""

    def __init__(self, pool: Pool, programme: Programme, *, weather: Source | None = None) -> None:
        """Begin with nothing; `weather` is told which places it is wanted for."""
        self._pool, self._programme, self._weather = pool, programme, weather
        self._offers: dict[tuple[UUID, int], Offer] = {}
        self._loading = asyncio.Lock()
        self._current: Snapshot | None = None

    @property
    def current(self) -> Snapshot:
        """The snapshot in force; raises Unavailable before the first was loaded."""
        if self._current is None:
            raise Unavailable("The rules are not loaded yet.", retry_after_s=1)
        return self._current

    @property
    def loaded(self) -> bool:
        """Whether there is a snapshot to decide by."""
        return self._current is not None

    async def refresh(self) -> bool:
        """Load what changed, if the epoch did, and tell whether it had."""
        async with self._loading:
            before = self._current
            since = before.ruleset.epoch if before is not None else -1
            async with self._pool.acquire() as db:
                if await rows.epoch(db) == since:
                    return False
            # Read by a cursor: no statement of a whole chain's first load meets the statements' deadline.
            async with self._pool.transaction(isolation="repeatable_read", readonly=True) as db:
                read = await rows.read(db, since=since)
            made = await asyncio.to_thread(self._build, before or empty(self._programme), read)
            self._current = made
            if self._weather is not None and (read.fences or read.removed or read.offers):
                self._weather.watch(place.point for place in made.ruleset.places.by_geofence.values())
            return True

    async def follow(self, *, every_s: float, stopping: asyncio.Event) -> None:
        """Refresh again and again until the house closes; a database that is away leaves the last snapshot in force."""
        while not stopping.is_set():
            try:
                await self.refresh()
            except Refusal as error:
                _log.warning("rules not refreshed", reason=error.detail)
            except Exception:
                _log.exception("rules broke")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), every_s)

    def _build(self, before: Snapshot, read: rows.Rows) -> Snapshot:
        """Make the next snapshot of the last one and what was read; runs in a thread, touches nothing shared."""
        fences = before.fences.replaced([_fence(row) for row in read.fences], read.removed)
        places = _places(before.ruleset.places, read, fences)
        known = self._known(read, places)
        offers = self._parsed(read, places, known)
        segments = {
            name: _segment(document, name, replace(known, places=_named(document, places)))
            for name, document in read.segments.items()
        }
        ruleset = Ruleset.build(
            offers=offers, places=places, programme=self._programme, segments=segments, epoch=read.epoch
        )
        changed = {row.id for row in read.fences}
        wanted = {fence for fence in places.by_geofence if ruleset.plan(fence) is not NO_OFFERS}
        of_stores = {fence for fence, place in places.by_geofence.items() if place.kind == "store"}
        live = _part(before.live, wanted, fences=fences, whole=before.fences, changed=changed)
        stores = _part(before.stores, of_stores, fences=fences, whole=before.fences, changed=changed)
        rewards = {row.id: row.document["reward"] for row in read.offers if row.document.get("reward")}
        if len(read.fences) >= _FREEZE_FROM:
            gc.collect()
            gc.freeze()
        return Snapshot(ruleset, fences, live, stores, rewards)

    def _known(self, read: rows.Rows, places: Places) -> Known:
        """Give what documents may name, but for single places (those are looked up document by document)."""
        tags = frozenset(tag for place in places.by_geofence.values() for tag in place.tags)
        return Known(self._programme, frozenset(read.segments), {}, tags, stored=True)

    def _parsed(self, read: rows.Rows, places: Places, known: Known) -> list[Offer]:
        """Read the documents of versions that are new here; the others are as they were."""
        offers: dict[tuple[UUID, int], Offer] = {}
        for row in read.offers:
            offer = self._offers.get((row.id, row.version))
            if offer is None:
                identity = Identity(row.id, row.version, row.created_at)
                here = replace(known, places=_named(row.document, places))
                try:
                    offer = parse(row.document, identity=identity, known=here).offer
                except WrongDocument as error:
                    _log.error("offer cannot be read", offer=str(row.id), version=row.version, errors=str(error))
                    continue
            offers[row.id, row.version] = offer
        self._offers = offers
        return list(offers.values())


def _named(document: Any, places: Places) -> dict[UUID, Place]:
    """Find the places that a document names by their ids: a whole chain need not be gone through for each offer."""
    found: dict[UUID, Place] = {}
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and len(value) == 36:
            with contextlib.suppress(ValueError):
                identifier = UUID(value)
                place = places.by_id.get(identifier) or places.by_geofence.get(identifier)
                if place is not None:
                    found[identifier] = place
    return found


def _segment(document: dict[str, Any] | None, name: str, known: Known) -> Any:
    if document is None:
        return None
    try:
        return parse_segment(document, known)
    except WrongDocument as error:
        _log.error("segment cannot be read", segment=name, errors=str(error))
        return None


def _fence(row: rows.FenceRow) -> Geofence:
    if row.geometry is not None:
        shape = read_geometry(row.geometry)
    else:
        shape = Circle(Point(row.lat or 0.0, row.lon or 0.0), row.radius_m or 0.0)
    tags = row.tags | row.store.tags if row.store is not None else row.tags
    return Geofence(row.id, row.name, shape, tags, row.store.id if row.store is not None else None)


def _places(before: Places, read: rows.Rows, fences: FenceIndex) -> Places:
    """Put the places that changed in the stead of what they were."""
    if not read.fences and not read.removed:
        return before
    by_geofence = dict(before.by_geofence)
    for identifier in read.removed:
        by_geofence.pop(identifier, None)
    for row in read.fences:
        by_geofence[row.id] = _place(row, fences)
    return Places(by_geofence, {place.id: place for place in by_geofence.values()})


def _place(row: rows.FenceRow, fences: FenceIndex) -> Place:
    around = fences.enclosing(row.id)
    point = around.center if around is not None else Point(row.lat or 0.0, row.lon or 0.0)
    measured = fences.measure(point, row.id)
    radius = measured.radius_m if measured is not None else row.radius_m or 0.0
    store = row.store
    if store is None:
        return Place(row.id, row.id, "geofence", row.name, point, radius, row.zone, row.tags)
    return Place(
        id=store.id,
        geofence_id=row.id,
        kind="store",
        name=store.name,
        point=Point(store.lat, store.lon),
        radius_m=radius,
        zone=store.zone,
        tags=row.tags | store.tags,
        address=store.address,
        country=store.country,
        region=store.region,
        hours=_hours(store),
    )


def _hours(store: rows.StoreRow) -> Hours | None:
    try:
        return read_hours(store.hours) if store.hours is not None else None
    except WrongHours as error:
        _log.error("opening hours cannot be read", store=str(store.id), errors=str(error))
        return None


def _part(
    before: FenceIndex, wanted: set[UUID], *, fences: FenceIndex, whole: FenceIndex, changed: set[UUID]
) -> FenceIndex:
    """Keep an index of some of the fences; where those are all, the one of all. `whole` is what `fences` was before."""
    if len(wanted) == len(fences):
        return fences
    if before is whole:
        return FenceIndex.build(fence for fence in map(fences.get, wanted) if fence is not None)
    held = {fence.id for fence in before}
    put = (wanted - held) | (wanted & changed)
    return before.replaced((fence for fence in map(fences.get, put) if fence is not None), held - wanted)
