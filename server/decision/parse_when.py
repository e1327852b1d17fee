"""`when`: what sets an offer off, and at which places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import get_args

from server.decision.filters import parse_places
from server.decision.reading import Node
from server.decision.schedule import wrong_cron, wrong_rrule
from server.model.offer import PlaceFilter, Schedule, Trigger, When

_OWN: Mapping[str, tuple[str, ...]] = {
    "dwell": ("dwell",),
    "near": ("within_m",),
    "event": ("event", "after"),
    "schedule": ("cron", "rrule", "tz"),
}
"""Members that belong to one trigger alone."""
_KEYS = ("trigger", "places", "min_confidence", *(key for keys in _OWN.values() for key in keys))
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_YEAR = timedelta(days=365)
_ANYWHERE = PlaceFilter(any=True)
_INACTIVITY = "inactivity"
_SPELLINGS: Mapping[str, str] = {"sign_up": "sign-up"}
"""Names of events that are written in two ways."""


def parse_when(node: Node) -> When:
    """Read the trigger with what belongs to it; without `places` any place is meant."""
    if not node.object(*_KEYS, need=("trigger",)):
        return When("enter", _ANYWHERE)
    asked = node.child("trigger")
    trigger = asked.choice("enter", get_args(Trigger))
    for owner, keys in _OWN.items():
        for key in keys:
            if asked.value == trigger != owner and node.child(key).given:
                node.child(key).wrong(f"belongs to the trigger {owner}")
    places = parse_places(node.child("places")) if node.child("places").given else _ANYWHERE
    return When(
        trigger=trigger,
        places=places or _ANYWHERE,
        dwell=node.child("dwell").required().duration(_SECOND, low=_SECOND, high=_DAY) if trigger == "dwell" else None,
        within_m=node.child("within_m").required().number(1, low=1, high=20_000) if trigger == "near" else None,
        min_confidence=node.child("min_confidence").number(0.7, low=0.05, high=1),
        event=_parse_event(node) if trigger == "event" else None,
        after=_parse_after(node) if trigger == "event" else None,
        schedule=_parse_schedule(node) if trigger == "schedule" else None,
    )


def _parse_event(node: Node) -> str:
    name = node.child("event").required().text(longest=64)
    return _SPELLINGS.get(name, name)


def _parse_after(node: Node) -> timedelta | None:
    """Read how long nothing was heard, which the event `inactivity` needs and no other one has."""
    after = node.child("after")
    if node.child("event").value != _INACTIVITY:
        if after.given:
            after.wrong(f"belongs to the event {_INACTIVITY}")
        return None
    return after.required().duration(_DAY, low=_DAY, high=_YEAR)


def _parse_schedule(node: Node) -> Schedule | None:
    """Read a cron line or a recurrence rule, and the zone of its wall times."""
    cron, rrule = node.child("cron"), node.child("rrule")
    tz = node.child("tz").zone("place")
    if cron.given == rrule.given:
        node.wrong("the trigger schedule needs exactly one of cron, rrule")
        return None
    line = (cron if cron.given else rrule).text(longest=500)
    wrong = (wrong_cron if cron.given else wrong_rrule)(line) if line else None
    if wrong is not None:
        (cron if cron.given else rrule).wrong(wrong)
    return Schedule(cron=line if cron.given else None, rrule=line if rrule.given else None, tz=tz)
