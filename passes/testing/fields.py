"""The fields of a style: sections, keys that are unique in the whole pass, values and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from passes.testing.finding import Finding
from passes.testing.values import check_date, is_number

SECTIONS = (
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
    "additionalInfoFields",
)
DATE_STYLES = tuple(f"PKDateStyle{style}" for style in ("None", "Short", "Medium", "Long", "Full"))
NUMBER_STYLES = tuple(f"PKNumberStyle{style}" for style in ("Decimal", "Percent", "Scientific", "SpellOut"))
ALIGNMENTS = tuple(f"PKTextAlignment{side}" for side in ("Left", "Center", "Right", "Natural"))
DETECTORS = tuple(f"PKDataDetectorType{kind}" for kind in ("PhoneNumber", "Link", "Address", "CalendarEvent"))
_CURRENCY = re.compile(r"[A-Z]{3}")
_TAG = re.compile(r"<[^>]*>?")
_LINK = re.compile(r"<a\s+href\s*=\s*('[^']*'|\"[^\"]*\")\s*>|</a\s*>")


def check_sections(style: str, body: Mapping[str, Any]) -> list[Finding]:
    """All sections of one style object."""
    findings: list[Finding] = []
    keys: set[str] = set()
    for name in body:
        if name not in (*SECTIONS, "transitType"):
            findings.append(Finding("section.unknown", f"{style}.{name}", "is no section of a pass"))
    if style != "eventTicket" and "additionalInfoFields" in body:
        findings.append(Finding("section.ticket", f"{style}.additionalInfoFields", "belongs to event tickets"))
    for section in SECTIONS:
        where = f"{style}.{section}"
        fields = body.get(section, [])
        if not isinstance(fields, list):
            findings.append(Finding("section.form", where, "is not a list"))
            continue
        if section == "headerFields" and len(fields) > 3:
            findings.append(Finding("section.header", where, f"has {len(fields)} fields, of which 3 are shown"))
        for index, field in enumerate(fields):
            findings += _check_field(f"{where}[{index}]", field, section, keys)
    return findings


def _check_field(where: str, field: object, section: str, keys: set[str]) -> list[Finding]:
    if not isinstance(field, dict):
        return [Finding("field.form", where, "is not an object")]
    findings = _check_key(where, field.get("key"), keys)
    if "value" not in field:
        findings.append(Finding("field.no_value", f"{where}.value", "is missing"))
    elif not isinstance(field["value"], str) and not is_number(field["value"]):
        findings.append(Finding("field.value", f"{where}.value", "is neither text nor number"))
    if not isinstance(field.get("label", ""), str):
        findings.append(Finding("field.label", f"{where}.label", "is not a text"))
    findings += _check_dates(where, field)
    findings += _check_numbers(where, field)
    findings += _check_texts(where, field)
    findings += _check_place(where, field, section)
    if not isinstance(field.get("semantics", {}), dict):
        findings.append(Finding("field.semantics", f"{where}.semantics", "is not an object"))
    return findings


def _check_key(where: str, key: object, keys: set[str]) -> list[Finding]:
    if not isinstance(key, str) or not key:
        return [Finding("field.key", f"{where}.key", "is not a text with something in it")]
    if key in keys:
        return [Finding("field.key_twice", f"{where}.key", "stands twice in the pass")]
    keys.add(key)
    return []


def _check_dates(where: str, field: Mapping[str, Any]) -> list[Finding]:
    findings = []
    styled = [key for key in ("dateStyle", "timeStyle") if key in field]
    for key in styled:
        if field[key] not in DATE_STYLES:
            findings.append(Finding("field.date_style", f"{where}.{key}", "is no style of Apple's"))
    if len(styled) == 1:
        findings.append(Finding("field.half_date", where, "dateStyle and timeStyle go together"))
    if styled:
        findings += check_date(f"{where}.value", field.get("value"))
    for key in ("isRelative", "ignoresTimeZone"):
        if key in field and not isinstance(field[key], bool):
            findings.append(Finding("field.date_switch", f"{where}.{key}", "is not true or false"))
    return findings


def _check_numbers(where: str, field: Mapping[str, Any]) -> list[Finding]:
    findings = []
    currency, style = field.get("currencyCode"), field.get("numberStyle")
    if (currency is not None or style is not None) and not is_number(field.get("value")):
        findings.append(Finding("field.no_number", f"{where}.value", "is not the number that its style needs"))
    if currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        findings.append(Finding("field.currency", f"{where}.currencyCode", "is no ISO 4217 code"))
    if style is not None and style not in NUMBER_STYLES:
        findings.append(Finding("field.number_style", f"{where}.numberStyle", "is no style of Apple's"))
    return findings


def _check_texts(where: str, field: Mapping[str, Any]) -> list[Finding]:
    findings = []
    change = field.get("changeMessage")
    if change is not None and not (isinstance(change, str) and "%@" in change):
        findings.append(Finding("field.change_message", f"{where}.changeMessage", "has no %@"))
    attributed = field.get("attributedValue", "")
    if not isinstance(attributed, str) and not is_number(attributed):
        findings.append(Finding("field.attributed", f"{where}.attributedValue", "is neither text nor number"))
    elif isinstance(attributed, str) and not all(_LINK.fullmatch(tag) for tag in _TAG.findall(attributed)):
        findings.append(Finding("field.markup", f"{where}.attributedValue", "has markup other than a link"))
    return findings


def _check_place(where: str, field: Mapping[str, Any], section: str) -> list[Finding]:
    findings = []
    if "textAlignment" in field:
        if field["textAlignment"] not in ALIGNMENTS:
            findings.append(Finding("field.alignment", f"{where}.textAlignment", "is no alignment of Apple's"))
        if section in ("primaryFields", "backFields"):
            findings.append(Finding("field.alignment_place", f"{where}.textAlignment", f"is not for {section}"))
    if "dataDetectorTypes" in field:
        detectors = field["dataDetectorTypes"]
        if not isinstance(detectors, list) or not all(detector in DETECTORS for detector in detectors):
            findings.append(Finding("field.detector", f"{where}.dataDetectorTypes", "is no list of Apple's detectors"))
        if section != "backFields":
            findings.append(Finding("field.detector_place", f"{where}.dataDetectorTypes", "is for back fields"))
    if "row" in field:
        if section != "auxiliaryFields":
            findings.append(Finding("field.row_place", f"{where}.row", "is for auxiliary fields"))
        if isinstance(field["row"], bool) or field["row"] not in (0, 1):
            findings.append(Finding("field.row", f"{where}.row", "is neither 0 nor 1"))
    return findings
