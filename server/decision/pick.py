"""Who wins, found in a word: nothing is put into a sentence, and whoever cannot win any more is not asked.

Rule 1: what wins here is what wins by the findings of `ask`. The gates are the same; since none depends on another, those
        that cost least or say no most often are asked first.
Rule 2: offers are asked in the order in which they would win, so that the first one that comes through ends the asking.
Rule 3: what the offers of one decision share (the past, a class's cap, the wall clock) is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from server.decision.ask import Case, scene_at
from server.decision.choose import last_shown, rank
from server.decision.finding import HOLDS, Scene
from server.decision.gates import Route, check_active, find_route
from server.decision.limits import check_budget, has_room, leaves_room
from server.decision.plan import Reading, Rule
from server.decision.presence import Presence
from server.decision.probability import ring_m
from server.decision.ruleset import Ruleset
from server.decision.triggers import MOST_SPOTS, check_trigger, gather
from server.decision.trust import distance_m, is_coarse
from server.model.context import Context
from server.model.customer import Shown
from server.model.offer import Offer
from server.model.place import Place

Here = Sequence[Place | None]
"""The places at which something fired, nearest first."""

Fired = tuple[Sequence[Rule], Here]
"""Rules that fired at the same places, in the order in which they would win."""

Shot = tuple[Sequence[Rule], Place, Presence | float]
"""Rules that fired at one place, with what tells how far (m) its middle is: that matters only where there are several."""


_NOTHING: Mapping[int, Sequence[Shown]] = {}


class Pick(NamedTuple):
    """An offer that came through all gates at a place, and the way it goes."""

    offer: Offer
    place: Place | None
    route: Route


def fire(case: Case) -> list[Fired]:
    """Tell which offers are set off, in the order in which they would win, and where."""
    context, cause = case.context, case.context.cause.type
    if cause not in ("fix", "dwell_timer") or (len(context.hits) > MOST_SPOTS and _is_crowded(context)):
        return _by_findings(case)
    shots: list[Shot] = []
    for presence in case.moved.seen:
        rules = _set_off(presence, case)
        place = case.ruleset.site(presence.geofence_id).place if rules else None
        if place is not None:
            shots.append((rules, place, presence))
    if cause == "fix" and case.ruleset.near_reach_m:
        shots += _near(context, case.ruleset)
    if len(shots) == 1:
        return [(shots[0][0], (shots[0][1],))]
    return _merged(shots, context) if shots else []


def is_plain(case: Case) -> bool:
    """Whether freshness and trust stand against no offer: then the near things are those that fired, and no others."""
    moved = case.moved
    if moved.late or moved.doubts or case.context.flags or case.age >= case.ruleset.freshest:
        return False
    fix = case.context.fix
    if case.ruleset.near_reach_m and fix is not None and is_coarse(fix.accuracy_m, case.ruleset.nearest_m):
        return False
    return not any(each.coarse for each in moved.seen)


def pick(case: Case, fired: Iterable[Fired]) -> Pick | None:
    """Find the offer that wins. One that must wait for the morning wins only where none need not."""
    if case.moved.late:
        return None
    own = _by_offer(case.context.state.shown) if case.context.state.shown else _NOTHING
    best: Pick | None = None
    held: list[Pick] = []
    for rules, places in fired:
        stages: list[Scene | None] = [None] * len(places)
        for rule in rules:
            if best is not None and rule.offer.priority < best.offer.priority:
                return best
            mine = own.get(rule.offer.id.int) if own else None
            if best is not None and not _was_longer_ago(mine, own.get(best.offer.id.int)):
                continue
            found = _ask(rule, places, stages, mine or (), case) if _is_open(rule, case) else None
            if found is None:
                continue
            if found.route.hold_until is not None:
                held.append(found)
            elif mine is None:
                return found  # never shown, and nobody who is left is more important or older
            else:
                best = found
    if best is not None or not held:
        return best
    last = last_shown(case.context.state.shown)
    return min(held, key=lambda each: rank(each.offer, last))


def _set_off(presence: Presence, case: Case) -> Sequence[Rule]:
    """Give the rules that fire on what happened at one fence on one track."""
    reading = presence.reading or _reading(presence, case.ruleset)
    stay = presence.after
    if reading is None:
        return ()
    if stay is None:
        return reading.leaving if presence.before is not None else ()
    if not presence.within:
        return ()
    rules: Sequence[Rule] = ()
    if case.context.cause.type == "fix":
        rules = reading.entering if presence.before is None else reading.staying
    looked = presence.looked if reading.dwelling else None
    if looked is not None:
        due = [rule for rule, dwell in reading.dwelling if looked < stay.since + dwell <= case.context.at]
        if due:
            return sorted((*rules, *due))
    return rules


def _reading(presence: Presence, ruleset: Ruleset) -> Reading | None:
    for reading in ruleset.plan(presence.geofence_id).readings:
        if reading.track == presence.track:
            return reading
    return None


def _away_m(presence: Presence, place: Place, context: Context) -> float:
    """Tell how far (m) the middle of the place is: as measured, or from the last fix where a timer rang."""
    if presence.hit is not None:
        return presence.hit.center_m
    for hit in context.hits:
        if hit.id == presence.geofence_id:
            return hit.center_m
    last = context.state.last_fix
    return distance_m(last.point, place.point) if last is not None else 0.0


def _near(context: Context, ruleset: Ruleset) -> list[Shot]:
    """Find the rules that wait for somebody to come near, each at most at its nearest places."""
    if context.fix is None:
        return []
    found: dict[int, list[tuple[float, int, Rule, Place]]] = {}
    for hit in context.hits:
        place, plan = ruleset.site(hit.id)
        if place is not None:
            for rule in plan.nearing:
                within = rule.offer.when.within_m or 0.0
                if hit.center_m <= within and not is_coarse(context.fix.accuracy_m, within):
                    found.setdefault(rule.order, []).append((hit.center_m, hit.id.int, rule, place))
    return [
        ((rule,), place, away)
        for each in found.values()
        for away, _, rule, place in sorted(each, key=lambda shot: shot[:2])[:MOST_SPOTS]
    ]


def _is_crowded(context: Context) -> bool:
    """Whether there are more fences around than are looked at for one offer; then the farthest of each are left out."""
    if context.fix is None:
        return False
    reach, inside = ring_m(context.fix.accuracy_m), {stay.geofence_id for stay in context.state.stays}
    return sum(hit.edge_m <= reach or hit.id in inside for hit in context.hits) > MOST_SPOTS


def _by_findings(case: Case) -> list[Fired]:
    """Find what fires by the trigger's own findings: for causes that are no fix, and in crowds of fences."""
    context, ruleset = case.context, case.ruleset
    found = []
    for offer, spots in gather(context, case.moved, ruleset, everything=False):
        places = [spot.place for spot in spots if check_trigger(offer, spot, context) is None]
        if places:
            found.append((ruleset.rules[offer.id], places))
    return [((rule,), places) for rule, places in sorted(found, key=lambda pair: pair[0])]


def _merged(shots: list[Shot], context: Context) -> list[Fired]:
    """Put together what fired at several places: each rule once, in order, with its places by distance."""
    found: dict[int, tuple[Rule, list[tuple[float, int, Place]]]] = {}
    for rules, place, measured in shots:
        away = _away_m(measured, place, context) if isinstance(measured, Presence) else measured
        for rule in rules:
            found.setdefault(rule.order, (rule, []))[1].append((away, place.geofence_id.int, place))
    return [
        ((rule,), [place for *_, place in sorted(spots, key=lambda spot: spot[:2])])
        for _, (rule, spots) in sorted(found.items())
    ]


def _is_open(rule: Rule, case: Case) -> bool:
    """Ask the gates that are the same at every place: freshness, trust, the caps of class and programme, the dates."""
    offer, context = rule.offer, case.context
    if case.age >= offer.fresh:
        return False
    if case.moved.doubts and not rule.track.admits(case.moved.doubts):
        return False
    if offer.reward is not None and "sent_before_captured" in context.flags:
        return False
    pressure = offer.limits.pressure
    room = case.room.get(pressure)
    if room is None:
        room = case.room[pressure] = leaves_room(pressure, context=context, programme=case.ruleset.programme)
    programme = case.ruleset.programme
    return room and ((rule.plain and not programme.paused) or check_active(offer, context, programme) is None)


def _ask(rule: Rule, places: Here, stages: list[Scene | None], mine: Sequence[Shown], case: Case) -> Pick | None:
    """Ask the other gates at one place after the other; the first that lets it through is taken."""
    offer, context, programme = rule.offer, case.context, case.ruleset.programme
    for index, place in enumerate(places):
        if mine and not all(
            has_room(cap, mine, context=context, place=place, programme=programme) for cap in offer.limits.per_customer
        ):
            continue
        if (context.exhausted or not rule.plain) and check_budget(offer, place, context=context) is not None:
            continue
        if rule.truth is not None:
            scene = stages[index]
            if scene is None:
                scene = stages[index] = scene_at(place, case)
            if rule.truth(scene) is not HOLDS:
                continue
        route = find_route(offer, context, case.moved.state.last_fix, programme)
        return Pick(offer, place, route) if isinstance(route, Route) else None  # it is the same at all places
    return None


def _by_offer(shown: Sequence[Shown]) -> dict[int, list[Shown]]:
    """Sort what was shown by its offer, once for all who ask; by the number of its id, which is quicker to find."""
    found: dict[int, list[Shown]] = {}
    for each in shown:
        if each.offer_id is not None:
            found.setdefault(each.offer_id.int, []).append(each)
    return found


def _last(mine: Sequence[Shown]) -> datetime:
    return max(each.at for each in mine)


def _was_longer_ago(mine: Sequence[Shown] | None, bests: Sequence[Shown] | None) -> bool:
    """Whether an offer was shown less recently than the best one so far, which is as important and older."""
    if mine is None or bests is None:
        return mine is None
    return _last(mine) < _last(bests)
