"""What a customer may say of themselves: the shapes of profiles, attributes and consents, and their checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import available_timezones

import msgspec

from server.errors import FieldError, Invalid
from server.model.customer import Consents
from server.model.topic import LONGEST, is_topic
from server.store.customers import PURPOSES, Purpose

ATTRIBUTES = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TEXT = 500
_ZONES = frozenset(available_timezones())

Locale = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$(?!\n)", max_length=35)]
Value = str | int | float | bool | None


class ConsentsBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is agreed to or no longer agreed to; a purpose that is not named stays as it is."""

    location: bool | msgspec.UnsetType = msgspec.UNSET
    push: bool | msgspec.UnsetType = msgspec.UNSET
    profiling: bool | msgspec.UnsetType = msgspec.UNSET


class ConsentsAnswer(msgspec.Struct, frozen=True):
    """What is agreed to now."""

    location: bool
    push: bool
    profiling: bool


def said(body: ConsentsBody) -> dict[Purpose, bool]:
    """List the purposes that were named, with what was said."""
    named = {purpose: getattr(body, purpose) for purpose in PURPOSES}
    return {purpose: value for purpose, value in named.items() if value is not msgspec.UNSET}


def consents_answer(consents: Consents) -> ConsentsAnswer:
    """Write what is in force."""
    return ConsentsAnswer(consents.location, consents.push, consents.profiling)


def check_profile(
    *, time_zone: str | None, attributes: Mapping[str, Value] | None, topics: Mapping[str, bool | None] | None = None
) -> None:
    """Check what a struct's types cannot; raises Invalid with every wrong field."""
    errors = []
    if time_zone is not None and time_zone not in _ZONES:
        errors.append(FieldError("time_zone", "must be the name of an IANA time zone such as Europe/Berlin"))
    if attributes is not None:
        errors += _wrong_attributes(attributes)
    if topics is not None and not all(map(is_topic, topics)):
        message = f"names are 1 to {LONGEST} printable characters without a space at either end"
        errors.append(FieldError("topics", message))
    if errors:
        raise Invalid(errors=errors)


def _wrong_attributes(attributes: Mapping[str, Value]) -> list[FieldError]:
    if len(attributes) > ATTRIBUTES:
        return [FieldError("attributes", f"must be at most {ATTRIBUTES}")]
    errors = []
    for name, value in attributes.items():
        if not _NAME.fullmatch(name):
            errors.append(FieldError("attributes", "names are letters, digits, _ and -, at most 64, a letter first"))
        elif isinstance(value, str) and len(value) > _TEXT:
            errors.append(FieldError(f"attributes.{name}", f"must have at most {_TEXT} characters"))
    return errors
