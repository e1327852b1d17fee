"""`limits`, `holdout`, `trust` and `goal`: how much of it, who is spared, what is believed, what counts as success."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from server.decision.parse_common import parse_money, parse_period
from server.decision.reading import Node
from server.model.money import Money
from server.model.offer import GOAL_WITHIN, Cap, Holdout, Limits, Trust

_MOST = 1_000_000_000


class Goal(NamedTuple):
    """The event that counts as success, and how soon after the moment it must happen."""

    event: str = "redemption"
    within: timedelta = GOAL_WITHIN


def parse_limits(node: Node, *, value: Money | None, told: bool) -> Limits:
    """Read caps and budgets; a budget of money needs the `value` of a reward to be counted by.

    `told` whether the reward has mistakes of its own: then it is not known whether it would have a value.
    """
    if not node.object("per_customer", "total", "per_place", "pressure_class"):
        return Limits()
    total, place = node.child("total"), node.child("per_place")
    has_total = total.object("units", "liability")
    has_place = place.object("units", "period", need=("units", "period"))
    liability = total.child("liability")
    limit = parse_money(liability)
    if limit is not None and value is None and not told:
        liability.wrong("needs a reward with a value, by which it is counted")
    elif limit is not None and value is not None and limit.currency != value.currency:
        liability.child("currency").wrong(f"must be that of the reward's value, {value.currency}")
    units = total.child("units")
    return Limits(
        per_customer=tuple(_parse_cap(each) for each in node.child("per_customer").each(least=0, most=20)),
        units=units.integer(1, low=1, high=_MOST) if has_total and units.given else None,
        liability=limit,
        place_units=place.child("units").integer(1, low=1, high=_MOST) if has_place else None,
        place_period=parse_period(place.child("period"), tz="place") if has_place else None,
        pressure=node.child("pressure_class").text(
            "marketing", shape=r"[a-z0-9][a-z0-9_-]{0,63}", hint="must be a word of a-z, 0-9, _ and -"
        ),
    )


def _parse_cap(node: Node) -> Cap:
    """Read one cap per customer."""
    node.object("max", "period", need=("max", "period"))
    return Cap(node.child("max").integer(1, low=1, high=_MOST), parse_period(node.child("period"), tz="customer_home"))


def parse_holdout(node: Node, *, offer_id: UUID) -> Holdout | None:
    """Read the offer's own holdout (None: the programme's counts); without a salt the offer's id is it, for ever."""
    if not node.object("share", "salt", need=("share",)):
        return None
    return Holdout(node.child("share").number(low=0, high=1), node.child("salt").text(str(offer_id), longest=200))


def parse_trust(node: Node) -> Trust:
    """Read what is done with fixes that may be false."""
    node.object("mock", "teleport")
    return Trust(
        mock=node.child("mock").choice("deny", ("deny", "allow")),
        teleport=node.child("teleport").choice("hold", ("hold", "allow")),
    )


def parse_goal(node: Node) -> Goal:
    """Read what counts as success; by default a redemption within a week."""
    node.object("event", "within", need=("event",))
    return Goal(
        event=node.child("event").text("redemption", longest=64),
        within=node.child("within").duration(Goal().within, low=timedelta(minutes=1), high=timedelta(days=366)),
    )
