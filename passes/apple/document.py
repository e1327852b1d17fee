"""pass.json and pass.strings: a pass as Apple's Wallet reads it.

Keys and types: Apple's "Wallet Passes" documentation (Pass, PassFields, PassFieldContent, Pass.Barcodes, ...). Each value
is asked for once and written only where there is one: this is the busiest part of a pass beside its signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from passes.apple.fields import SECTIONS, is_plain
from passes.apple.rules import check_pass
from passes.errors import ContentError
from passes.model import Barcode, Beacon, Field, Fields, Location, Nfc, Pass, RelevantDate, Style, Value
from passes.times import w3c

_LANGUAGES = 64
"""So many finished translations are kept: a programme has a handful, and the same for all its customers."""

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Issuer(NamedTuple):
    """Who signs: the pass type (`pass.com.example.coupon`), the team (10 characters), the name that customers read."""

    pass_type_id: str
    team_id: str
    organization: str


def document_for(pass_: Pass, style: Style, issuer: Issuer, *, allow_http: bool = False) -> bytes:
    """pass.json in UTF-8, the same bytes for the same pass. ContentError where Wallet would turn the pass down."""
    check_pass(pass_, style, allow_http=allow_http)
    if pass_.pass_type_id is not None and pass_.pass_type_id != issuer.pass_type_id:
        raise ContentError("issuer.other", "passTypeIdentifier", "is the one that the certificate names")
    if pass_.team_id is not None and pass_.team_id != issuer.team_id:
        raise ContentError("issuer.other", "teamIdentifier", "is the one that the certificate names")
    body: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": issuer.pass_type_id,
        "serialNumber": pass_.serial,
        "teamIdentifier": issuer.team_id,
        "organizationName": pass_.organization or issuer.organization,
        "description": pass_.description,
    }
    _add_look(body, pass_)
    _add_relevance(body, pass_)
    _add_service(body, pass_)
    body[style.apple] = _sections(pass_.fields)
    try:
        return _write(body).encode()
    except UnicodeEncodeError:
        where = _surrogate_in(body, "") or "pass.json"
        raise ContentError("text.unicode", where, "texts are Unicode without lone surrogates") from None


def strings_for(language: str, translations: Mapping[str, str]) -> bytes:
    """A pass.strings file in UTF-8: one `"text" = "translation";` a line, in the order of the texts.

    ContentError `text.unicode` for a lone surrogate. What was written last is kept, to be written once.
    """
    return _strings(language, tuple(translations.items()))


@lru_cache(_LANGUAGES)
def _strings(language: str, translations: tuple[tuple[str, str], ...]) -> bytes:
    try:
        return "".join([f"{_quoted(text)} = {_quoted(said)};\n" for text, said in sorted(translations)]).encode()
    except UnicodeEncodeError:
        where = f"{language}.lproj/pass.strings"
        raise ContentError("text.unicode", where, "texts are Unicode without lone surrogates") from None


def _add_look(body: dict[str, Any], pass_: Pass) -> None:
    if pass_.logo_text is not None:
        body["logoText"] = pass_.logo_text
    if pass_.barcodes:
        body["barcodes"] = barcodes = [_barcode(barcode) for barcode in pass_.barcodes]
        # Read by iOS 8 and by wallets of other makers; the old key knows no Code 128.
        old = [barcode for barcode in barcodes if barcode["format"] != "PKBarcodeFormatCode128"]
        if old:
            body["barcode"] = old[0]
    for key, colour in (
        ("backgroundColor", pass_.background),
        ("foregroundColor", pass_.foreground),
        ("labelColor", pass_.label_colour),
    ):
        if colour is not None:
            body[key] = f"rgb({colour.red}, {colour.green}, {colour.blue})"
    if pass_.suppress_strip_shine:
        body["suppressStripShine"] = True
    if pass_.preferred_schemes:
        body["preferredStyleSchemes"] = list(pass_.preferred_schemes)
    if pass_.grouping is not None:
        body["groupingIdentifier"] = pass_.grouping
    if pass_.semantics is not None:
        body["semantics"] = pass_.semantics


def _add_relevance(body: dict[str, Any], pass_: Pass) -> None:
    if pass_.locations:
        body["locations"] = [_location(location) for location in pass_.locations]
    if pass_.max_distance is not None:
        body["maxDistance"] = pass_.max_distance
    if pass_.beacons:
        body["beacons"] = [_beacon(beacon) for beacon in pass_.beacons]
    if pass_.relevant_dates:
        body["relevantDates"] = [_relevant_date(date) for date in pass_.relevant_dates]
        moments = [date for date in pass_.relevant_dates if date.end is None]
        # Deprecated since iOS 18, and the only one that older systems read.
        body["relevantDate"] = w3c((moments or pass_.relevant_dates)[0].start)


def _add_service(body: dict[str, Any], pass_: Pass) -> None:
    if pass_.expiration is not None:
        body["expirationDate"] = w3c(pass_.expiration)
    if pass_.voided:
        body["voided"] = True
    if pass_.sharing_prohibited:
        body["sharingProhibited"] = True
    if pass_.associated_apps:
        body["associatedStoreIdentifiers"] = list(pass_.associated_apps)
    if pass_.app_launch_url is not None:
        body["appLaunchURL"] = pass_.app_launch_url
    if pass_.nfc is not None:
        body["nfc"] = _nfc(pass_.nfc)
    if pass_.web_service_url is not None:
        body["webServiceURL"] = pass_.web_service_url
        body["authenticationToken"] = pass_.authentication_token
    if pass_.user_info is not None:
        body["userInfo"] = pass_.user_info


def _sections(fields: Fields) -> dict[str, list[dict[str, Any]]]:
    body = {}
    for _, name, key in SECTIONS:
        entries: tuple[Field, ...] = getattr(fields, name)
        if entries:
            body[key] = [_field(field) for field in entries]
    return body


def _field(field: Field) -> dict[str, Any]:
    body: dict[str, Any] = {"key": field.key}
    if field.label is not None:
        body["label"] = field.label
    body["value"] = _value(field.value)
    return body if is_plain(field) else body | _form(field)


def _form(field: Field) -> dict[str, Any]:
    entries = {
        "attributedValue": None if field.attributed_value is None else _value(field.attributed_value),
        "changeMessage": field.change_message,
        "textAlignment": field.alignment and "PKTextAlignment" + field.alignment,
        "dateStyle": field.date_style and "PKDateStyle" + field.date_style,
        "timeStyle": field.time_style and "PKDateStyle" + field.time_style,
        "isRelative": field.is_relative or None,
        "ignoresTimeZone": field.ignores_time_zone or None,
        "currencyCode": field.currency,
        "numberStyle": field.number_style and "PKNumberStyle" + field.number_style,
        "dataDetectorTypes": (
            None if field.detectors is None else ["PKDataDetectorType" + detector for detector in field.detectors]
        ),
        "row": field.row,
        "semantics": field.semantics,
    }
    return {key: value for key, value in entries.items() if value is not None}


def _value(value: Value) -> str | int | float:
    if isinstance(value, datetime):
        return w3c(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _barcode(barcode: Barcode) -> dict[str, str]:
    body = {
        "format": "PKBarcodeFormat" + barcode.symbology,
        "message": barcode.message,
        "messageEncoding": barcode.encoding,
    }
    if barcode.alt_text is not None:
        body["altText"] = barcode.alt_text
    return body


def _location(location: Location) -> dict[str, Any]:
    body: dict[str, Any] = {"latitude": location.latitude, "longitude": location.longitude}
    if location.altitude is not None:
        body["altitude"] = location.altitude
    if location.relevant_text is not None:
        body["relevantText"] = location.relevant_text
    return body


def _beacon(beacon: Beacon) -> dict[str, Any]:
    body: dict[str, Any] = {"proximityUUID": beacon.proximity_uuid}
    if beacon.major is not None:
        body["major"] = beacon.major
    if beacon.minor is not None:
        body["minor"] = beacon.minor
    if beacon.relevant_text is not None:
        body["relevantText"] = beacon.relevant_text
    return body


def _relevant_date(date: RelevantDate) -> dict[str, str]:
    if date.end is None:
        return {"date": w3c(date.start)}
    return {"startDate": w3c(date.start), "endDate": w3c(date.end)}


def _nfc(nfc: Nfc) -> dict[str, Any]:
    body: dict[str, Any] = {"message": nfc.message, "encryptionPublicKey": nfc.encryption_public_key}
    if nfc.requires_authentication:
        body["requiresAuthentication"] = True
    return body


def _surrogate_in(value: Any, where: str) -> str | None:
    """The place of a text that UTF-8 cannot hold, as `coupon.backFields[0].value`; None where there is none."""
    if isinstance(value, str):
        return where if any("\ud800" <= letter <= "\udfff" for letter in value) else None
    if isinstance(value, Mapping):
        parts = [(part, f"{where}.{key}" if where else str(key)) for key, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(part, f"{where}[{index}]") for index, part in enumerate(value)]
    else:
        return None
    return next((found for part, name in parts if (found := _surrogate_in(part, name)) is not None), None)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
