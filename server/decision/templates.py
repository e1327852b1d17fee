"""Templates without logic: `{{ customer.first_name | default: 'Hallo' }}`, and nothing else.

Rule 1: only what is on the list can be named. Rule 2: one pass, so a value that looks like a placeholder stays a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

ALLOWED = frozenset(
    {
        "place.name",
        "place.address",
        "offer.name",
        "reward.value",
        "reward.until",
        "weather.kind",
        "weather.temperature_c",
    }
)
"""What templates may name besides `customer.<attribute>`."""

_CUSTOMER = re.compile(r"customer\.[A-Za-z_][A-Za-z0-9_-]{0,63}")
_BRACES = re.compile(r"\{\{(.*?)(?:\}\}|\Z)", re.DOTALL)
_INSIDE = re.compile(r"""\s*(?P<name>[^\s|{}'"]+)\s*(?:\|\s*default\s*:\s*(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)")\s*)?""")


class Placeholder(NamedTuple):
    """One placeholder: its name, and its default (None without one)."""

    name: str
    default: str | None

    @property
    def is_customers(self) -> bool:
        """Whether it names an attribute of the customer, which any customer may lack."""
        return self.name.startswith("customer.")


def placeholders(text: str) -> tuple[Placeholder | str, ...]:
    """List the placeholders of a template in order; one that cannot be read or named stands there as its text."""
    return tuple(_read(found) or found.group() for found in _BRACES.finditer(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in, in one pass. What has no value takes its default, else nothing."""

    def put(found: re.Match[str]) -> str:
        placeholder = _read(found)
        if placeholder is None:
            return ""
        return values.get(placeholder.name) or placeholder.default or ""

    return _BRACES.sub(put, text)


def _read(found: re.Match[str]) -> Placeholder | None:
    """Read what stands between the braces; None where it is no placeholder that may be named."""
    inside = _INSIDE.fullmatch(found[1]) if found[0].endswith("}}") else None
    if inside is None:
        return None
    name, one, two = inside.group("name", "one", "two")
    if name not in ALLOWED and _CUSTOMER.fullmatch(name) is None:
        return None
    return Placeholder(name, one if one is not None else two)
