"""Trying a rule: the same `decide` on a context that somebody states, the same moment made of it, and nothing written.

Rule 1: what is not stated is what nobody knows: weather that is not stated is unknown, a customer without a past has none.
Rule 2: fences, places and zones are those that exist; distances are measured by the index that measures live fixes.
Rule 3: of an offer that is not live the newest version is tried; of one that is paused or over, gate 4 says so. That
        the whole programme is paused stops all live offers together, and no offer that is tried by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.decision.conditions.logic import each_part
from server.decision.decide import Chosen, Decision, Verdict, decide
from server.decision.finding import ORDER, Finding, Gate, Scene
from server.decision.presence import stays_for, with_last_fix
from server.decision.rules import Identity
from server.decision.ruleset import Ruleset
from server.decision.wall import zone_named
from server.errors import FieldError, Invalid, NotFound
from server.model.context import Cause, Context, Hit, Used
from server.model.customer import Customer, LastFix, Shown, State
from server.model.offer import Offer
from server.model.ping import Fix
from server.model.place import Point
from server.model.weather import Weather
from server.pipeline import authoring
from server.pipeline.rules import Snapshot
from server.pipeline.telling import moment_of
from server.signals.assemble import NOTHING_SPENT, Reported, World, assemble, fences_around, ping_of
from server.signals.zones import zone_at
from server.store import offers
from server.store.moments import MomentRow
from server.store.offers import OfferRow
from server.store.pool import Connection

_NOBODY: Final = UUID(int=0)
_NOTHING: Final = Used()
_RESTING: Final = frozenset({"paused", "ended"})


class Inside(NamedTuple):
    """A fence that the customer is said to be inside of; `dwelled`: dwell times that are over have had their chance."""

    geofence_id: UUID
    since: datetime
    dwelled: bool


class Told(NamedTuple):
    """A moment that the customer is said to have had: an offer's name, and a pressure class if it is not the offer's."""

    offer: str
    at: datetime
    pressure: str | None


class Report(NamedTuple):
    """The fix that is decided on, as a phone would report it."""

    point: Point
    accuracy_m: float
    captured_at: datetime
    speed_mps: float | None
    mock: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """All that a caller may state; see the dry run in the documentation of the interface."""

    at: datetime
    report: Report | None = None
    cause: Cause | None = None
    inside: tuple[Inside, ...] = ()
    last_fix: Fix | None = None
    held_fix: Fix | None = None
    weather: Weather | None = None
    used: Used = _NOTHING
    customer: Customer
    told: tuple[Told, ...] = ()
    foreground: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been. `finding` speaks for the offer that was tried, or of all for the one that came furthest.

    `gate` None: it would have won. `zone` is the IANA zone that local time is told in. `parts` answers for each condition
    of that offer by itself, whichever gate stopped it.
    """

    decision: Decision
    verdict: Verdict | None
    gate: Gate | None
    finding: Finding | None
    chosen: Chosen | None
    moment: MomentRow | None
    zone: str
    others: tuple[Verdict, ...]
    parts: tuple[Finding, ...] = ()


async def rehearse_offer(db: Connection, *, offer_id: UUID, stated: Stated, snapshot: Snapshot) -> Rehearsal:
    """Try one offer by itself, in its newest version; raises NotFound, Invalid (also where it names what is gone)."""
    row = await offers.find(db, offer_id=offer_id)
    if row is None:
        raise NotFound
    programme = snapshot.ruleset.programme._replace(paused=False)
    identity = Identity(row.id, row.version, row.created_at)
    parsed = await authoring.read(db, document=row.document, programme=programme, identity=identity)
    alone = Ruleset.build(
        offers=(parsed.offer,),
        places=snapshot.ruleset.places,
        programme=programme,
        segments=snapshot.ruleset.segments,
        epoch=snapshot.ruleset.epoch,
    )
    reward = row.document.get("reward")
    rewards: Mapping[UUID, Mapping[str, Any]] = {row.id: reward} if reward else {}
    done = rehearse(stated, replace(snapshot, ruleset=alone, rewards=rewards))
    return _rested(done, row) if row.status in _RESTING else done


def rehearse(stated: Stated, snapshot: Snapshot) -> Rehearsal:
    """Decide on what is stated, over all offers of the snapshot, and make the winner's moment; raises Invalid. Pure."""
    context = context_of(stated, snapshot)
    decision = decide(context, snapshot.ruleset, everything=True)
    chosen = decision.chosen
    verdict = _speaker(decision)
    told = chosen is not None and chosen.hold_until is None and not chosen.held_out
    place = verdict.place if verdict is not None else None
    return Rehearsal(
        decision=decision,
        verdict=verdict,
        gate=_gate(decision, verdict),
        finding=verdict.finding if verdict is not None else decision.finding,
        chosen=chosen,
        moment=moment_of(chosen, context, trigger_id=_NOBODY, snapshot=snapshot, reserved=None)
        if told and chosen is not None
        else None,
        zone=_zone(context, place.zone if place is not None else None, snapshot),
        others=tuple(each for each in decision.verdicts if chosen is None or each.offer.id != chosen.offer.id),
        parts=_parts(verdict, context, snapshot.ruleset),
    )


def _parts(verdict: Verdict | None, context: Context, ruleset: Ruleset) -> tuple[Finding, ...]:
    """Ask each condition of the offer that speaks, at the place that is meant."""
    if verdict is None:
        return ()
    scene = Scene(context, verdict.place, ruleset.programme, ruleset.segments)
    return tuple(each_part(verdict.offer.condition, scene))


def _speaker(decision: Decision) -> Verdict | None:
    """Find the verdict of the winner, or of the offer that came furthest."""
    if decision.chosen is not None:
        return next(each for each in decision.verdicts if each.offer.id == decision.chosen.offer.id)
    return max(decision.verdicts, key=lambda each: ORDER[each.finding.gate], default=None)


def _gate(decision: Decision, verdict: Verdict | None) -> Gate | None:
    """Name the gate that stopped it; a winner that need not wait was stopped by none."""
    if decision.chosen is not None and decision.chosen.hold_until is None:
        return None
    finding = verdict.finding if verdict is not None else decision.finding
    return finding.gate if finding is not None else None


def _zone(context: Context, place: str | None, snapshot: Snapshot) -> str:
    """Name the zone of the place that is meant, else of the fix, the customer, the programme."""
    names = (place, context.fix_zone, context.customer.zone, snapshot.ruleset.programme.zone)
    return next((name for name in names if name and zone_named(name) is not None), "UTC")


def _rested(done: Rehearsal, row: OfferRow) -> Rehearsal:
    """Say at gate 4 that an offer is not live, where no earlier gate stopped it."""
    if done.verdict is None or (done.gate is not None and ORDER[done.gate] < ORDER[Gate.ACTIVE]):
        return done
    finding = Finding(Gate.ACTIVE, done.verdict.finding.truth, f"The offer is {row.status}.", {"state": row.status})
    verdict = replace(done.verdict, finding=finding)
    return replace(done, verdict=verdict, finding=finding, gate=Gate.ACTIVE, chosen=None, moment=None)


def context_of(stated: Stated, snapshot: Snapshot) -> Context:
    """Assemble the context of what is stated, by the same steps as a live fix; raises Invalid for unknown fences."""
    state = _state(stated, snapshot)
    world = World(snapshot.fences, snapshot.ruleset.places.by_geofence, lambda point, now: None, lambda fence: False)
    if stated.report is not None:
        ping = ping_of(_reported(stated.report), sent_at=stated.at, received=stated.at)
        reach = snapshot.ruleset.reach_m(ping.fix.accuracy_m)
        context = assemble(
            ping,
            customer=stated.customer,
            state=state,
            received=stated.at,
            near=fences_around(ping.fix.point, reach_m=reach, fences=snapshot.fences),
            world=world,
            spent=NOTHING_SPENT,
            foreground=stated.foreground,
        )
    else:
        context = Context(
            at=stated.at,
            received=stated.at,
            customer=stated.customer,
            state=state,
            hits=_hits_of_stays(state, snapshot),
            foreground=stated.foreground,
            fix_zone=state.last_fix.zone if state.last_fix is not None else None,
        )
    places = snapshot.ruleset.places.by_id
    return context._replace(
        at=stated.at,
        cause=stated.cause or Cause("fix"),
        weather=dict.fromkeys(places, stated.weather) if stated.weather is not None else {},
        used={offer.id: stated.used for offer in snapshot.ruleset.offers},
    )


def _reported(report: Report) -> Reported:
    return Reported(
        id=_NOBODY,
        captured_at=report.captured_at,
        point=report.point,
        accuracy_m=report.accuracy_m,
        speed_mps=report.speed_mps,
        mock=report.mock,
    )


def _state(stated: Stated, snapshot: Snapshot) -> State:
    """Remember what is said to have been before."""
    wrong = [
        FieldError(f"before.inside[{number}].geofence_id", "is not the id of a fence")
        for number, each in enumerate(stated.inside)
        if each.geofence_id not in snapshot.ruleset.known_fences()
    ]
    if wrong:
        raise Invalid(errors=wrong)
    stays = tuple(
        stay
        for each in stated.inside
        for stay in stays_for(
            each.geofence_id, each.since, at=stated.at, dwelled=each.dwelled, ruleset=snapshot.ruleset
        )
    )
    state = State(stays=stays, held=stated.held_fix, shown=_shown(stated, snapshot))
    if stated.last_fix is None:
        return state
    last = stated.last_fix
    hits = [hit for stay in stays if (hit := _measured(last.point, stay.geofence_id, snapshot)) is not None]
    return with_last_fix(state, LastFix(last.point, last.accuracy_m, last.at, zone_at(last.point)), hits)


def _measured(point: Point, geofence_id: UUID, snapshot: Snapshot) -> Hit | None:
    measured = snapshot.fences.measure(point, geofence_id)
    return None if measured is None else Hit(*measured)


def _shown(stated: Stated, snapshot: Snapshot) -> tuple[Shown, ...]:
    """Read the moments that were had; an offer that is not looked at counts into its class and the programme's caps."""
    named: dict[str, Offer] = {offer.name: offer for offer in snapshot.ruleset.offers}
    shown = []
    for each in stated.told:
        offer = named.get(each.offer)
        usual = offer.limits.pressure if offer is not None else "marketing"
        shown.append(Shown(each.at, offer.id if offer is not None else None, each.pressure or usual))
    return tuple(sorted(shown, key=lambda each: each.at))


def _hits_of_stays(state: State, snapshot: Snapshot) -> tuple[Hit, ...]:
    """Measure the fences that the customer is inside of, from the last fix, or without one from their own middle."""
    hits = []
    for fence in dict.fromkeys(stay.geofence_id for stay in state.stays):
        circle = snapshot.fences.enclosing(fence)
        point = state.last_fix.point if state.last_fix is not None else circle.center if circle is not None else None
        hit = _measured(point, fence, snapshot) if point is not None else None
        if hit is not None:
            hits.append(hit)
    return tuple(sorted(hits, key=lambda hit: hit.edge_m))
