"""How much is enough: caps per customer, one ledger of pressure for all channels, and budgets.

Rule 1: whatever reached for the customer's attention counts: moments, external sends, and held-out winners.
Rule 2: caps count at the instant of deciding, since that is when the customer hears of it.
Rule 3: what a cap may still need is never forgotten before what none needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from msgspec.structs import replace

from server.decision.finding import Finding, Gate, Truth
from server.decision.ruleset import Ruleset
from server.decision.zone import window_of
from server.model.context import Context, Programme, Used
from server.model.customer import Shown, State
from server.model.offer import Cap, Offer, Period
from server.model.place import Place

MOST_SHOWN = 200
"""So many messages are remembered of one customer."""

HOME_DAY = Period(calendar="day", tz="customer_home")
ROLLING_WEEK = Period(rolling=timedelta(days=7))

KEPT = timedelta(days=8)
"""A message that no cap needs now is kept a little longer than a week, in case a cap is lowered."""

KEPT_UNKNOWN = timedelta(days=35)
"""Messages of offers that are not in the ruleset (paused, perhaps) are kept for longer than any calendar period."""

_LONGEST = {"day": timedelta(hours=25), "week": timedelta(hours=169), "month": timedelta(hours=745)}


def check_caps(offer: Offer, place: Place | None, *, context: Context, programme: Programme) -> Finding | None:
    """Say which cap leaves no room for this offer now: the offer's own, its pressure class's, the programme's."""
    shown, limits = context.state.shown, offer.limits
    mine = [each for each in shown if each.offer_id == offer.id] if limits.per_customer else ()
    for cap in limits.per_customer:
        found = _check_cap("offer", cap, mine, context=context, place=place, programme=programme)
        if found is not None:
            return found
    for name, cap in _programme_caps(limits.pressure, programme):
        counted = [each for each in shown if each.pressure == limits.pressure] if name == "class" else shown
        found = _check_cap(name, cap, counted, context=context, place=place, programme=programme)
        if found is not None:
            return found
    return None


def leaves_room(pressure: str, *, context: Context, programme: Programme) -> bool:
    """Tell in a word whether a pressure class's and the programme's caps leave room for one more; no place matters to them."""
    shown = context.state.shown
    for name, cap in _programme_caps(pressure, programme) if shown else ():
        counted = [each for each in shown if each.pressure == pressure] if name == "class" else shown
        if not has_room(cap, counted, context=context, place=None, programme=programme):
            return False
    return True


def has_room(
    cap: Cap, counted: Sequence[Shown], *, context: Context, place: Place | None, programme: Programme
) -> bool:
    """Tell in a word whether a cap leaves room. Fewer messages than it allows reach it in no zone."""
    if len(counted) < cap.max:
        return True
    window = window_of(cap.period, context.received, customer=context.customer, place=place, programme=programme)
    return window is not None and sum(1 for each in counted if window.holds(each.at)) < cap.max


def _check_cap(
    name: str, cap: Cap, counted: Sequence[Shown], *, context: Context, place: Place | None, programme: Programme
) -> Finding | None:
    """Say that a cap is reached by what it counts."""
    if has_room(cap, counted, context=context, place=place, programme=programme):
        return None
    values: dict[str, object] = {"cap": name, "max": cap.max, "period": _say(cap.period)}
    window = window_of(cap.period, context.received, customer=context.customer, place=place, programme=programme)
    if window is None:
        return Finding(Gate.CAP, Truth.UNKNOWN, "The zone in which the cap counts days is not known.", values)
    count = sum(1 for each in counted if window.holds(each.at))
    reason = "This offer was shown often enough." if name == "offer" else "The customer has had enough messages."
    return Finding(Gate.CAP, Truth.FAILS, reason, values | {"shown": count})


def check_budget(offer: Offer, place: Place | None, *, context: Context) -> Finding | None:
    """Say which budget has no room for one more: units, liability, units at the place; or a claim that was just lost."""
    if offer.id in context.exhausted:
        return Finding(Gate.BUDGET, Truth.FAILS, "The last of it went to somebody else a moment ago.")
    limits, used = offer.limits, context.used.get(offer.id, Used())
    if limits.units is not None and used.units >= limits.units:
        return _spent("All units are given away.", used.units, limits.units)
    if limits.liability is not None:
        value = offer.reward.value.minor if offer.reward is not None and offer.reward.value is not None else 0
        if used.liability_minor + value > limits.liability.minor:
            return _spent("The budget does not cover one more.", used.liability_minor, limits.liability.minor)
    if limits.place_units is not None and place is not None:
        here = context.used_at.get((offer.id, place.id), used.place_units)
        if here >= limits.place_units:
            return _spent("All units of this place are given away.", here, limits.place_units)
    return None


def remember(state: State, entry: Shown) -> State:
    """Add a message to the ledger, in the order of time: a moment, a held-out one, or an external send."""
    if not state.shown or state.shown[-1].at <= entry.at:
        return State(state.stays, state.last_fix, state.held, (*state.shown, entry))
    return replace(state, shown=tuple(sorted((*state.shown, entry), key=lambda each: each.at)))


def prune(state: State, now: datetime, ruleset: Ruleset) -> State:
    """Forget the messages that no cap needs any more, and keep the ledger within its bound.

    First come the newest of each cap's period, as many as it allows; then, while there is room, the newest others.
    """
    shown = state.shown
    if not shown or (len(shown) <= MOST_SHOWN and now - shown[0].at < KEPT):
        return state  # nothing is old or too much, whoever may need it: the oldest comes first
    newest = sorted(enumerate(state.shown), key=lambda pair: (pair[1].at, pair[0]), reverse=True)
    needed = dict.fromkeys(index for index, _ in _needed(newest, now, ruleset))
    spare = [
        index
        for index, each in newest
        if index not in needed
        and now - each.at < (KEPT if each.offer_id is None or each.offer_id in ruleset.by_id else KEPT_UNKNOWN)
    ]
    kept = sorted([*needed, *spare][:MOST_SHOWN])
    return state if len(kept) == len(state.shown) else replace(state, shown=tuple(state.shown[i] for i in kept))


def _needed(newest: list[tuple[int, Shown]], now: datetime, ruleset: Ruleset) -> Iterable[tuple[int, Shown]]:
    """Give the messages that caps count, and the last one of each offer, by which arbitration is fair."""
    programme = ruleset.programme
    for most, age in ((programme.per_day, _LONGEST["day"]), (programme.per_week, timedelta(days=7))):
        yield from islice(((i, s) for i, s in newest if now - s.at < age), most or 0)
    for name, most in programme.class_per_day.items():
        yield from islice(((i, s) for i, s in newest if s.pressure == name and now - s.at < _LONGEST["day"]), most)
    for identifier in {s.offer_id for _, s in newest if s.offer_id is not None}:
        offer = ruleset.by_id.get(identifier)
        if offer is None:
            continue
        mine = [(i, s) for i, s in newest if s.offer_id == identifier]
        yield mine[0]
        for cap in offer.limits.per_customer:
            age = cap.period.rolling or _LONGEST[cap.period.calendar or "day"]
            yield from islice(((i, s) for i, s in mine if now - s.at <= age), cap.max)


def _programme_caps(pressure: str, programme: Programme) -> Iterable[tuple[str, Cap]]:
    """List the caps that every message meets, by name."""
    of_class = programme.class_per_day.get(pressure)
    if of_class is not None:
        yield "class", _a_day(of_class)
    if programme.per_day is not None:
        yield "programme_day", _a_day(programme.per_day)
    if programme.per_week is not None:
        yield "programme_week", _a_week(programme.per_week)


@lru_cache(maxsize=64)
def _a_day(most: int) -> Cap:
    return Cap(most, HOME_DAY)


@lru_cache(maxsize=64)
def _a_week(most: int) -> Cap:
    return Cap(most, ROLLING_WEEK)


def _say(period: Period) -> str:
    """Name a period: a calendar's word, or a rolling one's length."""
    return period.calendar or f"PT{int((period.rolling or timedelta(0)).total_seconds())}S"


def _spent(reason: str, used: int, limit: int) -> Finding:
    """Say that a budget is used up."""
    return Finding(Gate.BUDGET, Truth.FAILS, reason, {"used": used, "limit": limit})
