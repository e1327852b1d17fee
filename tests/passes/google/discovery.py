"""Google's own description of walletobjects v1 (from google-api-python-client), as a judge of our bodies."""

from __future__ import annotations

import functools
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REQUIRED = {
    "OfferClass": {"id", "issuerName", "provider", "title", "redemptionChannel", "reviewStatus"},
    "OfferObject": {"id", "classId", "state"},
    "LoyaltyClass": {"id", "issuerName", "programName", "programLogo", "reviewStatus"},
    "LoyaltyObject": {"id", "classId", "state"},
    "GenericClass": {"id"},
    "GenericObject": {"id", "classId", "cardTitle", "header"},
    "EventTicketClass": {"id", "issuerName", "eventName", "reviewStatus"},
    "EventTicketObject": {"id", "classId", "state"},
}
NAMES = {"offer": "Offer", "loyalty": "Loyalty", "generic": "Generic", "eventTicket": "EventTicket"}


@functools.cache
def schemas() -> dict[str, Any]:
    spec = find_spec("googleapiclient")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "discovery_cache" / "documents"
    found: dict[str, Any] = json.loads((folder / "walletobjects.v1.json").read_bytes())["schemas"]
    return found


def objections(name: str, body: Any, where: str = "") -> list[str]:
    """What Google's description has against this body; unknown keys, wrong types, unknown or deprecated enum values."""
    schema = schemas()[name]
    missing = [f"{where}{key}: missing" for key in sorted(REQUIRED.get(name, set()) - set(body))]
    return missing + [
        objection
        for key, value in body.items()
        for objection in (
            _value(schema["properties"][key], value, f"{where}{key}")
            if key in schema["properties"]
            else [f"{where}{key}: unknown"]
        )
    ]


def _value(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    if "$ref" in schema:
        return objections(schema["$ref"], value, f"{where}.") if isinstance(value, dict) else [f"{where}: no object"]
    if schema["type"] == "array":
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [said for index, item in enumerate(value) for said in _value(schema["items"], item, f"{where}[{index}]")]
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{where}: no {schema['type']}"]
    if "enum" in schema:
        old = schema.get("enumDeprecated", [False] * len(schema["enum"]))
        return (
            []
            if value in [one for one, dead in zip(schema["enum"], old, strict=True) if not dead]
            else [f"{where}: enum"]
        )
    return []
