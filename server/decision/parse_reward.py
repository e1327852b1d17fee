"""`reward`: what the customer gets, when and where it may be redeemed, and how the wallet shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from server.decision.filters import parse_places
from server.decision.parse_common import parse_money
from server.decision.parse_wallet import parse_wallet
from server.decision.reading import Node, read_date
from server.model.offer import LocalClock, PlaceFilter, Reward, RewardType, Validity

_NEEDS: Mapping[str, str] = {"percent": "percent", "amount": "value", "points": "points", "gift_card": "value"}
"""What a type of reward cannot do without."""
_TYPES_OF: Mapping[str, tuple[str, ...]] = {"percent": ("percent",), "points": ("points", "stamp")}
"""Members that belong to some types alone."""
_KEYS = ("type", "sku", "value", "percent", "points", "uses", "minimum_purchase", "valid", "places", "wallet")
_NAMED: tuple[Literal["triggering", "triggering_and_nearest_9", "any"], ...] = (
    "triggering",
    "triggering_and_nearest_9",
    "any",
)
AT_MOST = timedelta(days=30)
"""How long a reward lasts whose document does not say: an open debt must end some day."""
_MINUTE, _LONGEST = timedelta(minutes=1), timedelta(days=3660)

Edge = date | datetime | LocalClock


def parse_reward(node: Node, *, spoken: Collection[str] = ()) -> Reward | None:
    """Read the reward; None where the offer has none. `spoken` are the languages of the moment."""
    if not node.object(*_KEYS, need=("type",)):
        return None
    asked = node.child("type")
    kind = asked.choice("experience", get_args(RewardType))
    if kind in _NEEDS:
        node.child(_NEEDS[kind]).required()
    for key, types in _TYPES_OF.items():
        if asked.value == kind not in types and node.child(key).given:
            node.child(key).wrong(f"does not belong to the type {kind}")
    percent, points, sku = node.child("percent"), node.child("points"), node.child("sku")
    return Reward(
        type=kind,
        value=parse_money(node.child("value")),
        percent=percent.number(1, low=0.01, high=100) if percent.given else None,
        points=points.integer(1, low=1, high=1_000_000) if points.given else None,
        sku=sku.text(longest=64) if sku.given else None,
        uses=node.child("uses").integer(1, low=1, high=1_000),
        minimum_purchase=parse_money(node.child("minimum_purchase")),
        valid=_parse_validity(node.child("valid")),
        places=_parse_places(node.child("places")),
        wallet=parse_wallet(node.child("wallet"), spoken=spoken),
    )


def _parse_validity(node: Node) -> Validity:
    """Read from when, until when and how long at most; without an end it lasts thirty days."""
    if not node.object("from", "until", "at_most"):
        return Validity(at_most=AT_MOST)
    start, at_most = node.child("from"), node.child("at_most")
    begins = None if start.value == "decision" else _parse_edge(start, also="decision, ")
    ends = _parse_edge(node.child("until"))
    longest = at_most.duration(AT_MOST, low=_MINUTE, high=_LONGEST) if at_most.given else None
    if _is_empty(begins, ends):
        node.child("until").wrong("must be after from")
    return Validity(begins, ends, longest if longest or ends else AT_MOST)


def _parse_edge(node: Node, *, also: str = "") -> Edge | None:
    """Read a date, an instant, or a wall-clock time in a zone."""
    if not node.given:
        return None
    if isinstance(node.value, Mapping):
        node.object("local", "tz", need=("local",))
        return LocalClock(node.child("local").clock(time.min) or time.min, node.child("tz").zone("place"))
    if read_date(node.value) is not None:
        return node.day()
    if isinstance(node.value, str) and "T" in node.value:
        return node.instant()
    node.wrong(f'must be {also}a date, an instant, or {{"local": "11:30", "tz": "place"}}')
    return None


def _is_empty(begins: Edge | None, ends: Edge | None) -> bool:
    """Whether two edges of one sort are in the wrong order; a date as the end is included."""
    if isinstance(begins, datetime) or isinstance(ends, datetime):
        return isinstance(begins, datetime) and isinstance(ends, datetime) and ends <= begins
    return isinstance(begins, date) and isinstance(ends, date) and ends < begins


def _parse_places(node: Node) -> Literal["triggering", "triggering_and_nearest_9", "any"] | PlaceFilter:
    """Read where it may be redeemed: one of three words, or named places."""
    if isinstance(node.value, Mapping):
        return parse_places(node, whole=False) or "triggering"
    return node.choice("triggering", _NAMED)
