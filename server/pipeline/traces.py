"""What is written down of a fix so that the past can be decided again: facts beside fences, and no position.

Rule 1: of a fence that was looked at stands what decides (server.decision.evidence), never a distance.
Rule 2: the fences stand in the order of their distance, for an offer that holds at several places takes the nearest.
Rule 3: a fix without a fence near, and without a stay, leaves no trace: no rule had anything to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from server.decision.evidence import record
from server.decision.probability import ring_m
from server.decision.ruleset import Ruleset
from server.decision.triggers import MOST_SPOTS
from server.decision.trust import COARSEST_M
from server.model.context import Context, Hit
from server.model.weather import Weather
from server.pipeline.skies import Skies
from server.pipeline.turns import Step, Turn

MOST_FENCES = 2 * MOST_SPOTS
"""A decision looks at so many places of an offer at most; fences beyond them would only make the record long."""


Timer = Literal["", "missed", "with"]


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fence beside a fix. `p` is how likely it was inside, in hundredths; `edge` where it lay to the margin.

    `holds_m` is the least of the distances that offers ask for here within which it lay, `fails_m` the greatest beyond.
    `sky` is the weather there, where it is not that of the fence before ("" for none).
    """

    id: UUID
    p: int = 0
    edge: Literal["within", "between", "beyond"] = "within"
    coarse: bool = False
    holds_m: float | None = None
    fails_m: float | None = None
    sky: str | None = None
    sky_age_ms: int = 0


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of one fix. `timer`: a dwell timer that was due "missed" it, or rang "with" it.

    `zone` is set where it is not that of the nearest fence's place.
    """

    fences: list[Beside]
    foreground: bool = False
    listening: bool = False
    mock: bool = False
    coarse: bool = False
    clock: bool = False
    timer: Timer = ""
    zone: str | None = None


_encoder = msgspec.json.Encoder()


def note(turns: Sequence[Turn], skies: Skies) -> None:
    """Write a trace at every step that has one."""
    for turn in turns:
        timer = timer_of(turn)
        for step in turn.steps:
            if step.ping is None or step.context is None:
                continue
            fences = _fences(step.context, turn, skies)
            if fences:
                step.trace = _encoder.encode(_trace(step, step.context, turn, fences, timer=timer)).decode()
                timer = ""


def _trace(step: Step, context: Context, turn: Turn, fences: list[Beside], *, timer: Timer) -> Trace:
    place = turn.snapshot.ruleset.places.by_geofence.get(fences[0].id)
    fix = context.fix
    return Trace(
        fences=fences,
        foreground=step.ticket.batch.foreground,
        listening=turn.listening,
        mock=fix is not None and fix.mock,
        coarse=fix is not None and fix.accuracy_m > COARSEST_M,
        clock="sent_before_captured" in context.flags,
        timer=timer,
        zone=context.fix_zone if place is None or place.zone != context.fix_zone else None,
    )


def timer_of(turn: Turn) -> Timer:
    """Tell whether a dwell timer was due when the turn came: whether it rang before is decided again, these are not."""
    wake_at = turn.known.wake_at
    if wake_at is None or wake_at > turn.now:
        return ""
    rang = any(step.ping is None and step.occasion is None for step in turn.steps)
    return "with" if rang else "missed"


def _fences(context: Context, turn: Turn, skies: Skies) -> list[Beside]:
    """Write down the fences that were looked at, nearest centre first."""
    ruleset = turn.snapshot.ruleset
    hits = _looked_at(context, ruleset)
    found, before = [], ""
    for hit in hits:
        sky, age_ms = _sky(hit, context, turn, skies)
        found.append(_beside(hit, context, ruleset, sky=sky if sky != before else None, sky_age_ms=age_ms))
        before = sky
    return found


def _looked_at(context: Context, ruleset: Ruleset) -> list[Hit]:
    """Pick the fences that the fix may be inside of and that the state is inside of, then those that offers want to be near."""
    reach = ring_m(context.fix.accuracy_m) if context.fix is not None else 0.0
    stays = context.state.stays
    stayed = {stay.geofence_id for stay in stays} if stays else ()
    hits = [hit for hit in context.hits if hit.edge_m <= reach or hit.id in stayed]
    if ruleset.near_reach_m:
        known = {hit.id for hit in hits}
        near = [hit for hit in context.hits if hit.id not in known and ruleset.plan(hit.id).near]
        hits += sorted(near, key=_nearness)[:MOST_FENCES]
    if len(hits) > MOST_FENCES:  # a stay must not be forgotten, and whoever is beside so much misses nothing beyond
        hits = sorted(hits, key=lambda hit: (hit.id not in stayed, hit.edge_m > reach, *_nearness(hit)))[:MOST_FENCES]
    if len(hits) > 1:
        hits.sort(key=_nearness)
    return hits


def _nearness(hit: Hit) -> tuple[float, int]:
    return hit.center_m, hit.id.int


def _beside(hit: Hit, context: Context, ruleset: Ruleset, *, sky: str | None, sky_age_ms: int) -> Beside:
    said = record(hit, context.fix.accuracy_m if context.fix is not None else 0.0)
    near = ruleset.plan(hit.id).near if ruleset.near_reach_m else ()
    asked = [offer.when.within_m or 0.0 for offer in near]
    return Beside(
        id=hit.id,
        p=round(100 * said.p),
        edge="within" if said.margin else "beyond" if said.outside else "between",
        coarse=said.coarse,
        holds_m=min((each for each in asked if hit.center_m <= each), default=None) if asked else None,
        fails_m=max((each for each in asked if hit.center_m > each), default=None) if asked else None,
        sky=sky,
        sky_age_ms=sky_age_ms if sky is not None else 0,
    )


def _sky(hit: Hit, context: Context, turn: Turn, skies: Skies) -> tuple[str, int]:
    """Cite the weather over a fence's place; also of places that no live offer asks for, since a draft may."""
    place = turn.snapshot.ruleset.places.by_geofence.get(hit.id)
    if place is None:
        return "", 0
    weather: Weather | None = context.weather.get(place.id) or turn.sky(place.point, turn.now)
    return skies.cite(weather, context.received) if weather is not None else ("", 0)


def read_trace(text: str) -> Trace:
    """Read a trace as it is stored."""
    return _decoder.decode(text)


_decoder = msgspec.json.Decoder(Trace)
