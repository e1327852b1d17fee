"""Where and when the pass comes up: locations, beacons, dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from passes.testing.finding import Finding
from passes.testing.values import check_date, is_number

_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
UNDATED = ("coupon", "storeCard")


def check_relevance(document: Mapping[str, Any]) -> list[Finding]:
    """All of the document's keys about relevance."""
    findings: list[Finding] = []
    for key, check_entry in (
        ("locations", _check_location),
        ("beacons", _check_beacon),
        ("relevantDates", _check_moment),
    ):
        entries = document.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            findings.append(Finding(f"{key}.form", key, "is not a list of objects"))
            continue
        if key == "locations" and len(entries) > 10:
            findings.append(Finding("locations.many", key, f"has {len(entries)} entries, of which 10 count"))
        if key == "beacons" and len({str(entry.get("proximityUUID")).upper() for entry in entries}) > 10:
            findings.append(Finding("beacons.many", key, "has more than 10 proximity UUIDs"))
        for index, entry in enumerate(entries):
            findings += check_entry(f"{key}[{index}]", entry)
    if "maxDistance" in document and not (is_number(document["maxDistance"]) and document["maxDistance"] > 0):
        findings.append(Finding("max_distance", "maxDistance", "is not a positive number"))
    if "relevantDate" in document:
        findings += check_date("relevantDate", document["relevantDate"])
    for key in ("relevantDate", "relevantDates"):
        findings += [
            Finding("date.style", key, f"is not for a {style}")
            for style in UNDATED
            if style in document and key in document
        ]
    return findings


def _check_location(where: str, location: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for key, most in (("latitude", 90), ("longitude", 180)):
        value = location.get(key)
        if not is_number(value):
            findings.append(Finding(f"location.{key}", f"{where}.{key}", "is required and a number"))
        elif abs(value) > most:
            findings.append(Finding("location.range", f"{where}.{key}", f"lies outside ±{most} degrees"))
    if not is_number(location.get("altitude", 0)):
        findings.append(Finding("location.altitude", f"{where}.altitude", "is not a number"))
    return findings + _check_text(where, location)


def _check_beacon(where: str, beacon: Mapping[str, Any]) -> list[Finding]:
    findings = []
    uuid = beacon.get("proximityUUID")
    if not isinstance(uuid, str) or not _UUID.fullmatch(uuid):
        findings.append(Finding("beacon.uuid", f"{where}.proximityUUID", "is required and a UUID"))
    for key in ("major", "minor"):
        value = beacon.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
            findings.append(Finding("beacon.number", f"{where}.{key}", "is not a whole number from 0 to 65535"))
    return findings + _check_text(where, beacon)


def _check_moment(where: str, moment: Mapping[str, Any]) -> list[Finding]:
    interval = "startDate" in moment and "endDate" in moment
    keys = ("startDate", "endDate") if interval else tuple(key for key in ("relevantDate", "date") if key in moment)
    if not keys:
        return [Finding("moment.form", where, "has neither date nor startDate and endDate")]
    findings = [finding for key in keys for finding in check_date(f"{where}.{key}", moment[key])]
    if interval and not findings:
        length = datetime.fromisoformat(moment["endDate"]) - datetime.fromisoformat(moment["startDate"])
        if not timedelta(0) < length <= timedelta(hours=24):
            findings.append(Finding("moment.interval", where, "does not end within 24 hours after its start"))
    return findings


def _check_text(where: str, entry: Mapping[str, Any]) -> list[Finding]:
    if isinstance(entry.get("relevantText", ""), str):
        return []
    return [Finding("relevant_text", f"{where}.relevantText", "is not a text")]
