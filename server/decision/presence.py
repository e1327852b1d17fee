"""Inside, outside, and nothing between: the state of each fence, moved by one fix at a time.

Rule 1: to enter, the phone must be inside with the asked probability; one fix is enough, also the very first.
Rule 2: to leave, two fixes in a row must lie beyond the margin with almost no chance of being inside. A resting phone's
        noise does not do that, so it does not flap.
Rule 3: a fix that is too coarse for a fence, or not believed, leaves that fence as it was.
Rule 4: what the phone's system claims of a fence is only a reason to report. The fix decides.

Each fence is read on each of its tracks (see ruleset.Track), every one with its own stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from server.decision.evidence import is_outside, is_within_margin, seen
from server.decision.plan import Reading, Track
from server.decision.probability import ring_m
from server.decision.ruleset import Ruleset
from server.decision.trust import COARSEST_M, Standing, is_coarse, standing_of
from server.model.context import Believed, Hit
from server.model.customer import LastFix, State, Stay
from server.model.ping import Fix

FRESH_EVIDENCE = timedelta(minutes=10)
"""A timer believes that the phone still rests inside for so long after the last evidence."""

LAPSE = timedelta(hours=24)
"""A stay without evidence for longer is over unseen: who comes again the day after enters again."""

_TICK = timedelta(microseconds=1)
_NO_STAYS: Final[Sequence[Stay]] = ()


class Transition(NamedTuple):
    """A fence entered, left, or entered with a dwell time still running, on one track."""

    geofence_id: UUID
    type: Literal["enter", "exit", "dwell_pending"]
    p_inside: float
    confidence: float
    since: datetime
    allows: str = ""


class Presence(NamedTuple):
    """One fence on one track, before and after this evaluation.

    `within` says that this evaluation itself is evidence of being inside; `coarse` that the fix could not tell;
    `looked` up to which instant dwell times were looked at before; `reading` is what fires on the track.
    """

    geofence_id: UUID
    track: Track
    hit: Hit | None
    p_inside: float
    coarse: bool
    within: bool
    before: Stay | None
    after: Stay | None
    reading: Reading | None = None

    @property
    def entered(self) -> bool:
        """Whether the fence was entered now."""
        return self.before is None and self.after is not None

    @property
    def exited(self) -> bool:
        """Whether the fence was left now."""
        return self.before is not None and self.after is None

    @property
    def looked(self) -> datetime | None:
        """Up to which instant dwell times were looked at before; None where there is no stay to dwell in."""
        if self.before is not None:
            return self.before.evaluated
        return self.after.since - _TICK if self.after is not None else None


class Moved(NamedTuple):
    """What one evaluation did to the state.

    `reason` says why a fix moved nothing on the trusted tracks: out_of_order, mock, teleport, coarse. `seen` holds
    each fence on each track that was read; a track that does not admit the fix is missing.
    """

    state: State
    trusted: bool = True
    reason: str | None = None
    doubts: tuple[str, ...] = ()
    late: bool = False
    seen: tuple[Presence, ...] = ()
    at: datetime | None = None

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """What the fix entered and left, and where a dwell time is still running at it; a timer tells nothing."""
        return tuple(_transitions(self.seen, self.at)) if self.at is not None else ()

    @property
    def presences(self) -> Mapping[tuple[UUID, Track], Presence]:
        """What was read, by geofence id and track."""
        return {(each.geofence_id, each.track): each for each in self.seen}


def advance(
    state: State,
    fix: Fix,
    hits: Iterable[Hit],
    *,
    ruleset: Ruleset,
    zone: str | None,
    believed: Believed | None = None,
) -> Moved:
    """Move the state by one fix. `hits` must hold each fence within `ruleset.reach_m` and each fence of the state.

    `believed` is how a fix of the past stood; a fix of now is judged.
    """
    standing = standing_of(state, fix) if believed is None else Standing(believed.late, believed.doubts, state.held)
    if standing.late:
        return Moved(state, trusted=False, reason="out_of_order", late=True)
    presences = _read(state, fix, hits, standing=standing, ruleset=ruleset)
    coarse = fix.accuracy_m > COARSEST_M
    trusted = not standing.doubts and not coarse
    last = LastFix(fix.point, fix.accuracy_m, fix.at, zone) if trusted else state.last_fix
    after = State(_stays_after(state, presences, at=fix.at, ruleset=ruleset), last, standing.held, state.shown)
    reason = standing.doubts[-1] if standing.doubts else ("coarse" if coarse else None)
    return Moved(after, trusted, reason, standing.doubts, False, tuple(presences), fix.at)


def wake(state: State, at: datetime) -> Moved:
    """Look at the stays when a timer rings: those that have evidence at most ten minutes old are still stayed in."""
    presences = {}
    for stay in state.stays:
        if stay.leaving or not timedelta(0) <= at - stay.seen <= FRESH_EVIDENCE:
            continue
        track = Track(stay.confidence, stay.allows)
        after = replace(stay, evaluated=max(stay.evaluated, at))
        presences[stay.geofence_id, track] = Presence(
            stay.geofence_id, track, None, stay.confidence, coarse=False, within=True, before=stay, after=after
        )
    stays = tuple(
        presences[key].after or stay
        if (key := (stay.geofence_id, Track(stay.confidence, stay.allows))) in presences
        else stay
        for stay in state.stays
    )
    return Moved(replace(state, stays=stays), seen=tuple(presences.values()))


def stays_for(geofence_id: UUID, since: datetime, *, at: datetime, dwelled: bool, ruleset: Ruleset) -> tuple[Stay, ...]:
    """Make the stays of somebody who is known to be inside a fence since an instant, on all of its tracks.

    `dwelled` says that the dwell times up to `at` have been looked at already.
    """
    return tuple(
        Stay(geofence_id, track.confidence, since, at, at if dwelled else since, allows=track.allows)
        for track in ruleset.plan(geofence_id).tracks
    )


def with_last_fix(state: State, last: LastFix, hits: Iterable[Hit]) -> State:
    """Set the last trusted fix, and mark the stays it already lay outside of: the first of the two fixes of an exit.

    For a state that a caller states in words; in a living one every fix has left its mark when it came.
    """
    measured = {hit.id: hit for hit in hits}
    stays = tuple(
        replace(stay, leaving=True)
        if (hit := measured.get(stay.geofence_id)) is not None
        and last.at >= stay.since
        and not is_coarse(last.accuracy_m, hit.radius_m)
        and is_outside(hit, seen(hit, last.accuracy_m)[0], stay.confidence)
        else stay
        for stay in state.stays
    )
    return replace(state, last_fix=last, stays=stays)


def dwell_due(state: State, at: datetime, ruleset: Ruleset) -> datetime | None:
    """Give the next instant after `at` at which some stay completes a dwell time; None where none is running.

    What was looked at already is not due again, also for an `at` that lies before it.
    """
    first: datetime | None = None
    for stay in state.stays:
        if stay.leaving:
            continue
        for track, dwell in ruleset.plan(stay.geofence_id).dwells:
            if track == (stay.confidence, stay.allows):
                due = stay.since + dwell
                if due > at and due > stay.evaluated and (first is None or due < first):
                    first = due
    return first


def _read(state: State, fix: Fix, hits: Iterable[Hit], *, standing: Standing, ruleset: Ruleset) -> list[Presence]:
    """Read every measured fence that the fix may be inside of, or that the state is inside of, on each of its tracks."""
    stays: dict[int, list[Stay]] = {}
    for stay in state.stays:
        if fix.at - stay.seen <= LAPSE:
            stays.setdefault(stay.geofence_id.int, []).append(stay)
    reach, doubts = ring_m(fix.accuracy_m), standing.doubts
    presences: list[Presence] = []
    for hit in hits:
        known = stays.get(hit.id.int, _NO_STAYS) if stays else _NO_STAYS
        if hit.edge_m > reach and not known:
            continue
        site = ruleset.site(hit.id)
        if site.place is None:
            continue
        p, coarse = seen(hit, fix.accuracy_m)
        for reading in site.plan.readings:
            if not doubts or reading.track.admits(doubts):
                before = _stay_on(reading.track, known) if known else None
                presences.append(_step(before, fix, hit, reading=reading, p=p, coarse=coarse))
    return presences


def _stay_on(track: Track, known: Sequence[Stay]) -> Stay | None:
    """Find the stay on this track. Where an offer brought a new, less demanding track, a surer stay stands for it:
    who is inside already does not enter because a rule was published."""
    surer: Stay | None = None
    for stay in known:
        if stay.allows == track.allows and stay.confidence >= track.confidence:
            if stay.confidence == track.confidence:
                return stay
            surer = stay
    return replace(surer, confidence=track.confidence) if surer else None


def _step(before: Stay | None, fix: Fix, hit: Hit, *, reading: Reading, p: float, coarse: bool) -> Presence:
    """Move one fence on one track by one fix."""
    track = reading.track
    at, sure = fix.at, p >= track.confidence
    after, within = before, False
    if coarse:
        pass
    elif before is None:
        if sure:
            after = Stay(hit.id, track.confidence, at, at, at, False, track.allows)
            within = True
    elif sure or is_within_margin(hit):
        seen, evaluated = max(before.seen, at), max(before.evaluated, at)
        after = Stay(before.geofence_id, before.confidence, before.since, seen, evaluated, False, before.allows)
        within = True
    elif is_outside(hit, p, track.confidence):
        after = None if before.leaving else replace(before, leaving=True)
    elif before.leaving:
        after = replace(before, leaving=False)
    return Presence(hit.id, track, hit, p, coarse, within, before, after, reading)


def _stays_after(state: State, presences: Sequence[Presence], *, at: datetime, ruleset: Ruleset) -> tuple[Stay, ...]:
    """Put together the stays that were read and those that were not; what is gone or lapsed is forgotten."""
    after = [presence.after for presence in presences if presence.after is not None]
    if state.stays:
        read = {(each.geofence_id.int, *each.track) for each in presences}
        for stay in state.stays:
            if (stay.geofence_id.int, stay.confidence, stay.allows) in read or at - stay.seen > LAPSE:
                continue
            site = ruleset.site(stay.geofence_id)
            if site.place is not None and (stay.confidence, stay.allows) in site.plan.tracks:
                after.append(stay)
    if len(after) > 1:
        after.sort(key=lambda stay: (stay.since, stay.geofence_id.int, stay.confidence, stay.allows))
    return tuple(after)


def _transitions(presences: Sequence[Presence], at: datetime) -> Iterable[Transition]:
    """Tell what was entered and left, and where a dwell time is still running."""
    for each in presences:
        stay = each.after or each.before
        if stay is None:
            continue
        said: list[Literal["enter", "exit", "dwell_pending"]] = []
        if each.before is None:
            said.append("enter")
        elif each.after is None:
            said.append("exit")
        dwelling = each.reading.dwelling if each.reading is not None and each.within else ()
        if dwelling and any(stay.since + dwell > at for _, dwell in dwelling):
            said.append("dwell_pending")
        for what in said:
            yield Transition(
                each.geofence_id, what, each.p_inside, each.track.confidence, stay.since, each.track.allows
            )
