"""What a customer may say of themselves: the shapes of profiles, attributes and consents, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from server.errors import FieldError, Invalid
from server.model.customer import Consents
from server.model.topic import LONGEST, is_topic
from server.pipeline.profile_rules import LOCALE, LOCALE_CHARACTERS, ZONE_WRONG, Value, is_zone, wrong_attributes
from server.store.customers import PURPOSES, Purpose

Locale = Annotated[str, msgspec.Meta(pattern=LOCALE, max_length=LOCALE_CHARACTERS)]


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
    if time_zone is not None and not is_zone(time_zone):
        errors.append(FieldError("time_zone", ZONE_WRONG))
    if attributes is not None:
        errors += wrong_attributes(attributes)
    if topics is not None and not all(map(is_topic, topics)):
        message = f"names are 1 to {LONGEST} printable characters without a space at either end"
        errors.append(FieldError("topics", message))
    if errors:
        raise Invalid(errors=errors)
