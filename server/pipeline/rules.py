"""The rules in force: offers, places and segments, loaded when their number changes, and swapped in whole.

Rule 1: a Snapshot never changes. A group decides by one from its first ping to its last.
Rule 2: building goes on beside the street: what costs more than a moment is done in a thread.
Rule 3: an offer that cannot be read does not stop the others. It was checked when it was written, so this is told loudly.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from server.decision.finding import Condition
from server.decision.plan import NO_OFFERS
from server.decision.reading import Known, WrongDocument
from server.decision.rules import Identity, parse, parse_segment
from server.decision.ruleset import Ruleset
from server.decision.wants import BOUGHT, any_wants, wanted
from server.errors import Refusal, Unavailable
from server.model.context import Programme
from server.model.offer import Offer
from server.model.place import Place, Places
from server.pipeline import ground
from server.pipeline.ground import Ground, News
from server.settings import Settings
from server.signals.fences import FenceIndex
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
    bought: bool = False
    """Whether a rule asks for purchases beyond the newest events."""
    watched: frozenset[str] = frozenset()
    """What of a customer the saved segments look at, in the words of `server.decision.wants`."""
    budgeted: bool = True
    """Whether an offer has a budget: where none has, none is looked at."""

    @property
    def judged(self) -> bool:
        """Whether there is a segment whose members follow from a condition."""
        return any(condition is not None for condition in self.ruleset.segments.values())

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
        locales=settings.programme.locales,
        formalities=settings.programme.formalities,
        weather_max_age_s=settings.weather.max_age_s,
        pings_max_age_s=MAX_AGE_S,
    )


def empty(programme: Programme) -> Snapshot:
    """Give the rules of a house without offers and places."""
    ruleset = Ruleset.build(offers=(), places=Places(), programme=programme, segments={}, epoch=-1)
    nothing = FenceIndex.build(())
    return Snapshot(ruleset, nothing, nothing, nothing, {})


class _Read(NamedTuple):
    """A version of an offer as it was read: None where it could not be; and its reward as written."""

    offer: Offer | None
    reward: Mapping[str, Any] | None


class Rules:
    """Holds the snapshot in force, and follows the database's."""

    def __init__(self, pool: Pool, programme: Programme, *, weather: Source | None = None) -> None:
        """Begin with nothing; `weather` is told which places it is wanted for."""
        self._pool, self._programme, self._weather = pool, programme, weather
        self._offers: dict[tuple[UUID, int], _Read] = {}
        self._written: dict[str, tuple[Any, Condition | None]] = {}
        self._ground = ground.bare()
        self._loading = asyncio.Lock()
        self._current: Snapshot | None = None
        self._paused, self._looks = False, 0

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
            since = self._current.ruleset.epoch if self._current is not None else -1
            async with self._pool.acquire() as db:
                if await rows.epoch(db) == since:
                    return False
            await self.look()
            before, looks = self._current or empty(self._programme), self._looks
            with _uncollected() if self._current is None else contextlib.nullcontext():
                # Read by a cursor: no statement of a whole chain's first load meets the statements' deadline.
                async with self._pool.transaction(isolation="repeatable_read", readonly=True) as db:
                    read = await rows.read(db, since=since, known=self._offers)
            land = self._ground
            made, self._ground = await asyncio.to_thread(self._build, before, land, read)
            self._current = _switched(made, paused=self._paused if self._looks > looks else read.paused)
            if self._weather is not None and self._ground.cells.moved != land.cells.moved:
                self._weather.watch(point for _, point in self._ground.cells.kept.values())
            return True

    async def look(self) -> None:
        """Let the programme's switch hold as it stands now: a stop waits for no offer and no fence to be read."""
        async with self._pool.acquire() as db:
            self._paused = await rows.is_paused(db)
        self._looks += 1
        if self._current is not None:
            self._current = _switched(self._current, paused=self._paused)

    async def follow(self, *, every_s: float, stopping: asyncio.Event) -> None:
        """Refresh, and look, again and again until the house closes; without a database the last snapshot stays in force.

        Two loops: while a whole chain is being loaded, the switch is looked at as often as ever.
        """

        async def again(work: Callable[[], Awaitable[object]]) -> None:
            while not stopping.is_set():
                try:
                    await work()
                except Refusal as error:
                    _log.warning("rules not refreshed", reason=error.detail)
                except Exception:
                    _log.exception("rules broke")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await stopping.wait()

        await asyncio.gather(again(self.refresh), again(self.look))

    def _build(self, before: Snapshot, last: Ground, read: rows.Rows) -> tuple[Snapshot, Ground]:
        """Make the next snapshot of the last one and what was read; runs in a thread, touches nothing that others read."""
        if len(read.fences) < _FREEZE_FROM:
            return self._built(before, last, read)
        with _uncollected():
            made = self._built(before, last, read)
        if self._current is not None:  # at the start there is nothing to collect that would be worth the time
            gc.collect()
        gc.freeze()
        return made

    def _built(self, before: Snapshot, last: Ground, read: rows.Rows) -> tuple[Snapshot, Ground]:
        land = ground.changed(last, read.fences, read.removed)
        versions, segments = self._versions(read, land.places), self._segments(read, land.places)
        if versions.keys() == self._offers.keys() and segments == before.ruleset.segments and before.ruleset.epoch >= 0:
            ruleset = before.ruleset.with_places(land.places, epoch=read.epoch)
            bought, watched = before.bought, before.watched
        else:
            ruleset = Ruleset.build(
                offers=[each.offer for each in versions.values() if each.offer is not None],
                places=land.places,
                programme=self._programme,
                segments=segments,
                epoch=read.epoch,
            )
            bought = any_wants(BOUGHT, (offer.condition for offer in ruleset.offers), segments)
            watched = frozenset[str]().union(*(wanted(each, segments) for each in segments.values()))
        same = ruleset.means_as(before.ruleset)
        news = News([row.id for row in read.fences], read.removed) if same else None
        live = ground.live_part(before.live, last=last, ground=land, ruleset=ruleset, news=news)
        rewards = {identifier: each.reward for (identifier, _), each in versions.items() if each.reward}
        self._offers = versions
        budgeted = any(offer.limits.budgeted for offer in ruleset.offers)
        return Snapshot(ruleset, land.fences, live, land.stores, rewards, bought, watched, budgeted), land

    def _versions(self, read: rows.Rows, places: Places) -> dict[tuple[UUID, int], _Read]:
        """Read the documents of versions that are new here; the others are as they were."""
        known = Known(self._programme, frozenset(read.segments), {}, frozenset(), stored=True)
        versions: dict[tuple[UUID, int], _Read] = {}
        for row in read.offers:
            key = row.id, row.version
            versions[key] = self._offers[key] if row.document is None else _read(row, row.document, known, places)
        return versions

    def _segments(self, read: rows.Rows, places: Places) -> dict[str, Condition | None]:
        """Read the segments whose documents are new here; the others are as they were."""
        known = Known(self._programme, frozenset(read.segments), {}, frozenset(), stored=True)
        segments: dict[str, tuple[Any, Condition | None]] = {}
        for name, document in read.segments.items():
            last = self._written.get(name)
            if last is not None and last[0] == document:
                segments[name] = last
            else:
                here = replace(known, places=_named(document, places))
                segments[name] = document, _segment(document, name, here)
        self._written = segments
        return {name: condition for name, (_, condition) in segments.items()}


def _read(row: rows.OfferRow, document: dict[str, Any], known: Known, places: Places) -> _Read:
    identity = Identity(row.id, row.version, row.created_at)
    try:
        offer = parse(document, identity=identity, known=replace(known, places=_named(document, places))).offer
    except WrongDocument as error:
        _log.error("offer cannot be read", offer=str(row.id), version=row.version, errors=str(error))
        return _Read(None, None)
    return _Read(offer, document.get("reward"))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector off: it would go through all that is being read, time and again, and find nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _switched(snapshot: Snapshot, *, paused: bool) -> Snapshot:
    """Give the same rules with the programme's switch as it stands."""
    ruleset = snapshot.ruleset
    if ruleset.programme.paused == paused:
        return snapshot
    return replace(snapshot, ruleset=replace(ruleset, programme=ruleset.programme._replace(paused=paused)))


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


def _segment(document: dict[str, Any] | None, name: str, known: Known) -> Condition | None:
    if document is None:
        return None
    try:
        return parse_segment(document, known)
    except WrongDocument as error:
        _log.error("segment cannot be read", segment=name, errors=str(error))
        return None
