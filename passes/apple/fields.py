"""The fields of a pass: what Apple's Wallet would turn down about them, said before a pass is signed.

Sources: Apple's "Wallet Passes" (PassFields, PassFieldContent) and the PassKit Package Format Reference, "Field
Dictionary Keys". Most fields are a text and its label; those are through after one look.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from passes.errors import ContentError
from passes.model import Field, Fields, Section, Style
from passes.times import check_time


def section_key(section: Section) -> str:
    """Apple's name of a section: `headerFields`, `additionalInfoFields`."""
    first, *rest = section.value.split("_")
    return "".join((first, *(part.capitalize() for part in rest), "Fields"))


SECTIONS = tuple((section, section.value, section_key(section)) for section in Section)
"""Every section with its name in `Fields` and its name at Apple's, in the order of the pass."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_TAG = re.compile(r"<(?!a href=(?:'[^'<>]*'|\"[^\"<>]*\")>|/a>)")


def check_fields(fields: Fields, style: Style) -> None:
    """ContentError at the first field, or row of fields, that Wallet would not show as it was meant."""
    seen: set[str] = set()
    for section, name, key in SECTIONS:
        entries: tuple[Field, ...] = getattr(fields, name)
        if not entries:
            continue
        where = f"{style.apple}.{key}"
        if len(entries) > style.limits.get(section, len(entries)):
            raise ContentError("fields.many", where, f"a {style.name} shows at most {style.limits[section]} here")
        if section is Section.ADDITIONAL_INFO and not style.may_group:
            raise ContentError("fields.section", where, "additional information belongs to event tickets")
        for index, field in enumerate(entries):
            try:
                _check_field(field, section, seen)
            except ContentError as error:
                raise ContentError(error.code, f"{where}[{index}]{error.field}", error.rule) from None
    if len(fields.secondary) + len(fields.auxiliary) > style.rows:
        raise ContentError("fields.rows", style.apple, f"at most {style.rows} secondary and auxiliary fields together")


def is_plain(field: Field) -> bool:
    """Whether there is nothing in the field but key, text and label: none of the other rules can be broken then."""
    return (
        field.value.__class__ is str
        and field.attributed_value is None
        and field.change_message is None
        and field.alignment is None
        and field.date_style is None
        and field.time_style is None
        and not field.is_relative
        and not field.ignores_time_zone
        and field.currency is None
        and field.number_style is None
        and field.detectors is None
        and field.row is None
        and field.semantics is None
    )


def check_json(where: str, value: object) -> None:
    """What is handed through to the phone as it is can at least be written in JSON."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ContentError("json.value", where, "is made of texts, finite numbers, lists and objects") from None
    if not isinstance(value, Mapping):
        raise ContentError("json.value", where, "is an object")


def _check_field(field: Field, section: Section, seen: set[str]) -> None:
    """The refusals' places begin at the field: where that stands knows the caller."""
    if not isinstance(field.key, str) or not field.key:
        raise ContentError("field.key", ".key", "is required and a text that is not empty")
    if field.key in seen:
        raise ContentError("field.duplicate_key", ".key", "is unique in the whole pass")
    seen.add(field.key)
    if is_plain(field):
        return
    _check_value(".value", field.value)
    _check_date_format(field)
    _check_number_format(field)
    if field.change_message is not None and "%@" not in field.change_message:
        raise ContentError("field.change_message", ".changeMessage", "holds %@, where the new value goes")
    if field.attributed_value is not None:
        _check_value(".attributedValue", field.attributed_value)
        if isinstance(field.attributed_value, str) and _TAG.search(field.attributed_value):
            raise ContentError("field.markup", ".attributedValue", "holds no tag but <a href='…'>")
    _check_placement(field, section)


def _check_value(where: str, value: object) -> None:
    if value.__class__ is str:
        return
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal, datetime)):
        raise ContentError("field.value", where, "is a text, a number or a date")
    if isinstance(value, datetime):
        check_time(where, value)
    elif isinstance(value, int):
        if abs(value) > sys.float_info.max:
            raise ContentError("field.finite", where, "a number is one that a phone can hold")
    elif isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise ContentError("field.finite", where, "a number is finite")


def _check_date_format(field: Field) -> None:
    dated = isinstance(field.value, datetime)
    if (field.date_style is None) != (field.time_style is None):
        raise ContentError("field.half_date", "", "dateStyle and timeStyle go together")
    if dated and field.date_style is None:
        raise ContentError("field.undated", "", "a date needs dateStyle and timeStyle, or it is shown as written")
    if not dated and (field.date_style is not None or field.is_relative or field.ignores_time_zone):
        raise ContentError("field.dateless", "", "dateStyle, isRelative and ignoresTimeZone need a date as value")


def _check_number_format(field: Field) -> None:
    if field.currency is None and field.number_style is None:
        return
    if not isinstance(field.value, (int, float, Decimal)):
        raise ContentError("field.numberless", "", "currencyCode and numberStyle need a number as value")
    if field.currency is not None and field.number_style is not None:
        raise ContentError("field.two_numbers", "", "currencyCode or numberStyle, not both")
    if field.currency is not None and not _CURRENCY.fullmatch(field.currency):
        raise ContentError("field.currency", ".currencyCode", "is an ISO 4217 code, such as EUR")


def _check_placement(field: Field, section: Section) -> None:
    if field.alignment is not None and section in (Section.PRIMARY, Section.BACK):
        raise ContentError("field.alignment", ".textAlignment", "is not allowed for primary and back fields")
    if field.detectors is not None and section is not Section.BACK:
        raise ContentError("field.detectors", ".dataDetectorTypes", "is for back fields")
    if field.row is not None:
        if section is not Section.AUXILIARY:
            raise ContentError("field.row", ".row", "is for auxiliary fields")
        if field.row not in (0, 1) or isinstance(field.row, bool):
            raise ContentError("field.row_number", ".row", "is 0 or 1")
    if field.semantics is not None:
        check_json(".semantics", field.semantics)
