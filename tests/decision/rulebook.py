"""Documents and scenes for the tests of rules and conditions: one offer that says everything, one that says least."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.decision.conditions import KINDS
from server.decision.finding import Condition, Finding, Scene
from server.decision.reading import Known, Node, Wrong, WrongDocument
from server.decision.rules import Identity, Parsed, parse
from server.model.context import Context
from server.model.customer import State
from server.model.place import Place
from tests.builders import NOON, customer, offer_id, place, programme

STORE = place(1, tags=frozenset({"store"}), name="Kairos Mitte")
KNOWN = Known(
    programme(),
    segments=frozenset({"coffee-drinkers"}),
    places={STORE.id: STORE, STORE.geofence_id: STORE},
    tags=frozenset({"store"}),
)
IDENTITY = Identity(offer_id(1), 3, NOON)

LEAST: Mapping[str, Any] = {
    "name": "least",
    "when": {"trigger": "enter"},
    "moment": {"content": {"en": {"title": "Hello", "body": "Come in."}}, "fallback_locale": "en"},
}
"""The document that says only what must be said."""

WHOLE: Mapping[str, Any] = {
    "name": "coffee-morning",
    "status": "draft",
    "active": {"from": "2026-11-01", "to": "2027-02-28"},
    "goal": {"event": "redemption", "within": "P1D"},
    "priority": 60,
    "when": {"trigger": "dwell", "places": {"tag": "store"}, "dwell": "PT2M", "min_confidence": 0.7},
    "if": {
        "all": [
            {
                "local_time": {
                    "tz": "place",
                    "days": ["mon", "tue", "wed", "thu", "fri"],
                    "from": "07:00",
                    "to": "11:00",
                    "place_open": True,
                    "holidays": "skip",
                }
            },
            {
                "any": [
                    {"weather": {"temperature_c": {"lte": 12}}},
                    {"weather": {"kind": ["drizzle", "rain", "snow"], "max_age": "PT90M"}},
                ]
            },
            {"segment": "coffee-drinkers"},
            {"not": {"event": {"name": "redemption", "offer": "coffee-morning", "within": "P7D"}}},
        ]
    },
    "fresh": "PT3M",
    "deliver_by": "PT5M",
    "trust": {"mock": "deny", "teleport": "hold"},
    "limits": {
        "per_customer": [
            {"max": 1, "period": {"calendar": "day", "tz": "customer_home"}},
            {"max": 3, "period": {"rolling": "P7D"}},
        ],
        "total": {"units": 5000, "liability": {"minor": 1250000, "currency": "EUR"}},
        "per_place": {"units": 40, "period": {"calendar": "day", "tz": "place"}},
        "pressure_class": "marketing",
    },
    "holdout": {"share": 0.05, "salt": "coffee-morning:2026Q4"},
    "variants": [
        {"id": "card", "weight": 50, "placement": "card"},
        {"id": "banner", "weight": 50, "placement": "banner"},
    ],
    "moment": {
        "surfaces": ["in_app", "push"],
        "collapse_key": "coffee-morning",
        "content": {
            "de-DE": {
                "formality": "du",
                "title": "Kaffee gefällig, {{ customer.first_name | default: 'Hallo' }}?",
                "body": "Nur bis 11 Uhr bei {{ place.name }}.",
            },
            "en-US": {"title": "Coffee on us", "body": "Until 11 at {{ place.name }}."},
        },
        "fallback_locale": "en-US",
    },
    "reward": {
        "type": "free_item",
        "sku": "coffee-small",
        "value": {"minor": 250, "currency": "EUR"},
        "uses": 1,
        "valid": {"until": {"local": "11:30", "tz": "place"}, "at_most": "PT4H"},
        "places": "triggering_and_nearest_9",
        "wallet": {"apple": "coupon", "google": "offer", "relevance": "while_valid"},
    },
}
"""The document that the specification shows."""

DROP = object()
"""Put in the place of a member, it takes the member away."""


def changed(document: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a copy with one value put at a path such as `if.all.0.local_time.from`; what is on the way is made."""
    copy: dict[str, Any] = deepcopy(dict(document))
    spot: Any = copy
    *way, last = path.split(".")
    for step in way:
        spot = spot[int(step)] if isinstance(spot, list) else spot.setdefault(step, {})
    if value is DROP:
        del spot[last]
    else:
        spot[int(last) if isinstance(spot, list) else last] = value
    return copy


def read(document: Mapping[str, Any], known: Known = KNOWN) -> Parsed:
    """Parse a document that must be right."""
    return parse(document, identity=IDENTITY, known=known)


def mistakes(document: Mapping[str, Any], known: Known = KNOWN) -> list[Wrong]:
    """List the mistakes of a document; none where it is taken."""
    try:
        parse(document, identity=IDENTITY, known=known)
    except WrongDocument as error:
        return list(error.errors)
    return []


def node(value: Any, known: Known = KNOWN, path: str = "if") -> Node:
    """Make a node of a value."""
    return Node(value, known, KINDS, path)


def condition(value: Any, known: Known = KNOWN) -> Condition:
    """Parse a condition that must be right."""
    root = node(value, known)
    found = root.condition()
    assert found is not None, root.errors
    assert root.errors == []
    return found


def wrongs(value: Any, known: Known = KNOWN) -> list[tuple[str, str]]:
    """List what is wrong with a condition: (path, message)."""
    root = node(value, known)
    assert (root.condition() is None) == bool(root.errors)
    return [tuple(error) for error in root.errors]


def scene(at: datetime | str = NOON, where: Place | None = STORE, **more: Any) -> Scene:
    """Build a scene; `weather` is the place's, `segments` the saved ones, `programme` changes, the rest the customer's."""
    instant = datetime.fromisoformat(at).astimezone(UTC) if isinstance(at, str) else at
    weather = more.pop("weather", None)
    segments = more.pop("segments", {})
    ground = programme(**more.pop("programme", {}))
    context = Context(
        at=instant,
        received=instant,
        customer=customer(**more),
        state=State(),
        weather={where.id: weather} if weather is not None and where is not None else {},
    )
    return Scene(context, where, ground, segments)


def ask(value: Any, stage: Scene, known: Known = KNOWN) -> Finding:
    """Parse a condition and ask it, in full and in a word: both always agree."""
    asked = condition(value, known)
    found = asked.check(stage)
    assert asked.truth(stage) is found.truth
    return found


def store(**changes: Any) -> Place:
    """Build a store like the usual one, but for some things."""
    return msgspec.structs.replace(STORE, **changes)
