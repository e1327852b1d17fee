"""From the document that a marketer wrote to the offer that a decision reads.

Rule 1: all mistakes are told at once, each with its JSON path; a document with a mistake becomes nothing.
Rule 2: what a document does not say has a sensible default; only `name`, `when` and `moment` must be said.
Rule 3: what this version cannot do is refused in a plain sentence, never taken and then ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from server.decision.conditions import KINDS
from server.decision.finding import Condition
from server.decision.parse_common import parse_topic
from server.decision.parse_limits import parse_goal, parse_holdout, parse_limits, parse_trust
from server.decision.parse_moment import parse_moment, parse_variants
from server.decision.parse_reward import parse_reward
from server.decision.parse_wallet import spoken_in
from server.decision.parse_when import parse_when
from server.decision.plan import STATES, is_meant
from server.decision.reading import Known, Node, Wrong, WrongDocument
from server.model.offer import Offer, Reward, When

STATUSES = ("draft", "live", "paused", "ended")
_KEYS = (
    *("name", "status", "active", "goal", "priority", "when", "if", "fresh", "deliver_by", "trust", "limits"),
    *("holdout", "variants", "moment", "reward", "topic"),
)
NAME_LIKE = r"[^\W_](?:[\w .-]{0,62}[\w.-])?"
"""1 to 64 letters (of any script), digits, spaces, `-`, `_`, `.`: no `@`, which parts name and version on receipts."""

NARROW_M = 75.0
"""Phones in a town know their place to 10–50 m (68 %): under this radius many visits are never sure enough."""
_SECOND, _DAY, _WEEK = timedelta(seconds=1), timedelta(days=1), timedelta(days=7)


class Identity(NamedTuple):
    """What an offer is besides its document: id, version, and when the offer was made."""

    id: UUID
    version: int
    created_at: datetime


class Parsed(NamedTuple):
    """An offer without mistakes, and what its author should be told all the same."""

    offer: Offer
    warnings: tuple[Wrong, ...] = ()


def parse(document: Mapping[str, Any], *, identity: Identity, known: Known) -> Parsed:
    """Read an offer's document; raises WrongDocument with every mistake.

    `status` is checked and left to the store, where an offer's state lives.
    """
    root = Node(document, known, KINDS)
    if not root.object(*_KEYS, need=("name", "when", "moment")):
        raise WrongDocument(root.errors)
    root.child("status").choice("draft", STATUSES)
    name = _parse_name(root.child("name"))
    active_from, active_to = _parse_active(root.child("active"))
    goal = parse_goal(root.child("goal"))
    when = parse_when(root.child("when"))
    reward, told = _parse_reward(root)
    offer = Offer(
        **identity._asdict(),
        name=name,
        when=when,
        condition=root.child("if").condition() if root.child("if").given else None,
        active_from=active_from,
        active_to=active_to,
        goal_event=goal.event,
        goal_within=goal.within,
        priority=root.child("priority").integer(50, low=0, high=1_000),
        fresh=root.child("fresh").duration(timedelta(minutes=3), low=_SECOND, high=_DAY),
        deliver_by=root.child("deliver_by").duration(timedelta(minutes=5), low=_SECOND, high=_WEEK),
        trust=parse_trust(root.child("trust")),
        limits=parse_limits(root.child("limits"), value=reward.value if reward else None, told=told),
        holdout=parse_holdout(root.child("holdout"), offer_id=identity.id),
        variants=parse_variants(root.child("variants")),
        moment=parse_moment(root.child("moment"), name=name, reward=root.child("reward").given),
        reward=reward,
        topic=parse_topic(root.child("topic")),
    )
    if root.errors:
        raise WrongDocument(dict.fromkeys(root.errors))
    if reward is not None:
        _warn_of_narrow_fences(root.child("when"), when)
    return Parsed(offer, tuple(root.warnings))


def parse_segment(document: Mapping[str, Any], known: Known) -> Condition:
    """Read the `if` of a segment, a condition without a trigger; raises WrongDocument, whose paths begin with `if`."""
    root = Node(document, known, KINDS, path="if")
    condition = root.condition()
    if condition is None or root.errors:
        raise WrongDocument(dict.fromkeys(root.errors))
    return condition


def _parse_name(node: Node) -> str:
    """Read the name of the offer."""
    hint = "must begin with a letter or digit, followed by letters, digits, spaces, -, _ and ."
    return node.text("offer", longest=64, shape=NAME_LIKE, hint=hint)


def _parse_reward(root: Node) -> tuple[Reward | None, bool]:
    """Read the reward, and tell whether it has mistakes."""
    before = len(root.errors)
    reward = parse_reward(root.child("reward"), spoken=spoken_in(root.child("moment")))
    return reward, len(root.errors) > before


def _parse_active(node: Node) -> tuple[date | None, date | None]:
    """Read the first and the last day, both included."""
    node.object("from", "to")
    first, last = node.child("from").day(), node.child("to").day()
    if first is not None and last is not None and last < first:
        node.child("to").wrong("must not be before from")
    return first, last


def _warn_of_narrow_fences(node: Node, when: When) -> None:
    """Warn where a reward hangs on fences so narrow that phones often cannot tell whether they are inside."""
    if when.trigger not in STATES:
        return
    meant = {place.geofence_id: place for place in node.known.places.values() if is_meant(when.places, place)}
    narrow = sorted(place.name for place in meant.values() if place.radius_m < NARROW_M)
    if narrow:
        named = ", ".join(narrow[:3]) + (f" and {len(narrow) - 3} more" if len(narrow) > 3 else "")
        node.child("places").warn(
            f"fences under {NARROW_M:g} m radius: {named}; a phone's fix in a town is often too coarse for them"
        )
