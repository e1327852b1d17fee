"""What a profile may hold, whoever writes it: a customer, another system, a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from zoneinfo import available_timezones

from server.errors import FieldError

ATTRIBUTES: Final = 100
LOCALE: Final = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$(?!\n)"
LOCALE_CHARACTERS: Final = 35
ZONE_WRONG: Final = "must be the name of an IANA time zone such as Europe/Berlin"

Value = str | int | float | bool | None

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TEXT: Final = 500
_ZONES: Final = frozenset(available_timezones())


def is_zone(text: str) -> bool:
    """Tell whether it is the name of a time zone."""
    return text in _ZONES


def wrong_attributes(attributes: Mapping[str, Value]) -> list[FieldError]:
    """List what is wrong with attributes."""
    if len(attributes) > ATTRIBUTES:
        return [FieldError("attributes", f"must be at most {ATTRIBUTES}")]
    errors = []
    for name, value in attributes.items():
        if not _NAME.fullmatch(name):
            errors.append(FieldError("attributes", "names are letters, digits, _ and -, at most 64, a letter first"))
        elif isinstance(value, str) and len(value) > _TEXT:
            errors.append(FieldError(f"attributes.{name}", f"must have at most {_TEXT} characters"))
    return errors
