"""Templates without logic: `{{ customer.first_name | default: 'Hallo' }}`, a word that goes with a number, nothing else.

    {{ reward.uses }} {{ reward.uses | plural: one='cup', other='cups' }}
    {{ customer.visits | plural: one='# visit', other='# visits' | default: 'no visit' }}

Rule 1: only what is on the list can be named. Rule 2: one pass, so a value that looks like a placeholder stays a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

ALLOWED = frozenset(
    {
        "place.name",
        "place.address",
        "offer.name",
        "reward.value",
        "reward.until",
        "reward.uses",
        "weather.kind",
        "weather.temperature_c",
    }
)
"""What templates may name besides `customer.<attribute>`."""

_CUSTOMER = re.compile(r"customer\.[A-Za-z_][A-Za-z0-9_-]{0,63}")
_BRACES = re.compile(r"\{\{(.*?)(?:\}\}|\Z)", re.DOTALL)
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
_FORM = rf"[a-z]+\s*=\s*{_QUOTED}"
_INSIDE = re.compile(
    r"""\s*(?P<name>[^\s|{}'"]+)\s*"""
    rf"(?:\|\s*plural\s*:\s*(?P<forms>{_FORM}(?:\s*,\s*{_FORM})*)\s*)?"
    rf"(?:\|\s*default\s*:\s*(?P<default>{_QUOTED})\s*)?"
)
_EACH_FORM = re.compile(rf"(?P<form>[a-z]+)\s*=\s*(?P<text>{_QUOTED})")

COUNTED = frozenset({"reward.uses", "weather.temperature_c"})
"""What has a number that a plural can go by, besides `customer.<attribute>`."""


class Placeholder(NamedTuple):
    """One placeholder: its name, its default (None without one), and the words of a plural by their form.

    In such a word `#` stands for the number.
    """

    name: str
    default: str | None
    forms: tuple[tuple[str, str], ...] = ()

    @property
    def is_customers(self) -> bool:
        """Whether it names an attribute of the customer, which any customer may lack."""
        return self.name.startswith("customer.")


def placeholders(text: str) -> tuple[Placeholder | str, ...]:
    """List the placeholders of a template in order; one that cannot be read or named stands there as its text."""
    return tuple(_read(found) or found.group() for found in _BRACES.finditer(text))


def _nothing_counts(name: str) -> str | None:
    return None


def fill(text: str, values: Mapping[str, str], form_of: Callable[[str], str | None] = _nothing_counts) -> str:
    """Put the values in, in one pass. What has no value takes its default, else nothing.

    `form_of` names the plural form that goes with a value; what has none (it is no number) takes the default, too.
    """

    def put(found: re.Match[str]) -> str:
        placeholder = _read(found)
        if placeholder is None:
            return ""
        value, default = values.get(placeholder.name) or "", placeholder.default or ""
        if not placeholder.forms:
            return value or default
        form = form_of(placeholder.name) if value else None
        if form is None:
            return default
        words = dict(placeholder.forms)
        return words.get(form, words.get("other", default)).replace("#", value)

    return _BRACES.sub(put, text)


def _read(found: re.Match[str]) -> Placeholder | None:
    """Read what stands between the braces; None where it is no placeholder that may be named."""
    inside = _INSIDE.fullmatch(found[1]) if found[0].endswith("}}") else None
    if inside is None:
        return None
    name, forms, default = inside.group("name", "forms", "default")
    if name not in ALLOWED and _CUSTOMER.fullmatch(name) is None:
        return None
    words = tuple((each["form"], each["text"][1:-1]) for each in _EACH_FORM.finditer(forms or ""))
    return Placeholder(name, default[1:-1] if default is not None else None, words)
