"""Parts that occur in several places of an offer document: money, periods, addresses in the web, topics."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from server.decision.reading import Node
from server.model.money import Money
from server.model.offer import Calendar, Period
from server.model.topic import LONGEST, is_topic

_MOST_MINOR = 10**12
"""Ten thousand million of most currencies: beyond any budget, well within a bigint and within a double's whole numbers."""

_HTTPS = r"https://[A-Za-z0-9.\-\[\]:]+([/?#][!-~]*)?"
"""A host without an account before it, then printable ASCII (RFC 3986 allows no other)."""


def parse_money(node: Node, *, least: int = 1) -> Money | None:
    """Read `{"minor": 250, "currency": "EUR"}`; None where it is missing or wrong."""
    before = len(node.errors)
    if not node.object("minor", "currency", need=("minor", "currency")):
        return None
    minor = node.child("minor").integer(least, low=least, high=_MOST_MINOR)
    currency = node.child("currency").text(shape=r"[A-Z]{3}", hint="must be an ISO 4217 code such as EUR")
    return Money(minor, currency) if len(node.errors) == before else None


def parse_period(node: Node, *, tz: str) -> Period:
    """Read `{"calendar": "day"|"week"|"month", "tz"?}` (else in the zone `tz`) or `{"rolling": DURATION}`."""
    nothing = Period(calendar="day", tz=tz)
    if not node.object("calendar", "tz", "rolling"):
        node.required()
        return nothing
    calendar, rolling = node.child("calendar"), node.child("rolling")
    if calendar.given == rolling.given:
        node.wrong("must have exactly one of calendar, rolling")
        return nothing
    if rolling.given:
        if node.child("tz").given:
            node.child("tz").wrong("belongs to a calendar period")
        return Period(rolling=rolling.duration(timedelta(days=1), low=timedelta(minutes=1), high=timedelta(days=366)))
    return Period(calendar=calendar.choice("day", get_args(Calendar)), tz=node.child("tz").zone(tz))


def parse_topic(node: Node) -> str | None:
    """Read the name of a topic; None where it is missing or wrong."""
    if not node.given:
        return None
    if not isinstance(node.value, str) or not is_topic(node.value):
        node.wrong(f"must be a topic: 1 to {LONGEST} printable characters, no space at either end")
        return None
    return node.value


def parse_url(node: Node) -> str | None:
    """Read an https address; None where it is missing or wrong."""
    if not node.given:
        return None
    return node.text(longest=2000, shape=_HTTPS, hint="must be an https address") or None
