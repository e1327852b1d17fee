"""pass.json and pass.strings: a pass as Apple's Wallet reads it.

Keys and types: Apple's "Wallet Passes" documentation (Pass, PassFields, PassFieldContent, Pass.Barcodes, ...).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from passes.apple.rules import check_pass, section_key
from passes.errors import ContentError
from passes.model import Barcode, Beacon, Colour, Field, Location, Nfc, Pass, RelevantDate, Style, Value
from passes.times import w3c


class Issuer(NamedTuple):
    """Who signs: the pass type (`pass.com.example.coupon`), the team (10 characters), the name that customers read."""

    pass_type_id: str
    team_id: str
    organization: str


def document_for(pass_: Pass, style: Style, issuer: Issuer, *, allow_http: bool = False) -> bytes:
    """pass.json in UTF-8, the same bytes for the same pass. ContentError where Wallet would turn the pass down."""
    check_pass(pass_, style, allow_http=allow_http)
    for name, ours, theirs in (
        ("passTypeIdentifier", issuer.pass_type_id, pass_.pass_type_id),
        ("teamIdentifier", issuer.team_id, pass_.team_id),
    ):
        if theirs is not None and theirs != ours:
            raise ContentError("issuer.other", name, "is the one that the certificate names")
    body = _identity(pass_, issuer) | _look(pass_) | _relevance(pass_) | _service(pass_)
    body[style.apple] = {section_key(section): _fields(fields) for section, fields in pass_.fields if fields}
    return _utf8("pass.json", json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def strings_for(language: str, translations: Mapping[str, str]) -> bytes:
    """A pass.strings file in UTF-8: one `"text" = "translation";` a line, in the order of the texts."""
    lines = (f"{_quoted(text)} = {_quoted(translations[text])};\n" for text in sorted(translations))
    return _utf8(f"{language}.lproj/pass.strings", "".join(lines))


def _identity(pass_: Pass, issuer: Issuer) -> dict[str, Any]:
    return {
        "formatVersion": 1,
        "passTypeIdentifier": issuer.pass_type_id,
        "serialNumber": pass_.serial,
        "teamIdentifier": issuer.team_id,
        "organizationName": pass_.organization or issuer.organization,
        "description": pass_.description,
    }


def _look(pass_: Pass) -> dict[str, Any]:
    return _present(
        logoText=pass_.logo_text,
        barcodes=[_barcode(barcode) for barcode in pass_.barcodes] or None,
        backgroundColor=_colour(pass_.background),
        foregroundColor=_colour(pass_.foreground),
        labelColor=_colour(pass_.label_colour),
        suppressStripShine=pass_.suppress_strip_shine or None,
        groupingIdentifier=pass_.grouping,
    )


def _relevance(pass_: Pass) -> dict[str, Any]:
    moments = [date for date in pass_.relevant_dates if date.end is None]
    first = (moments or pass_.relevant_dates or (None,))[0]
    return _present(
        locations=[_location(location) for location in pass_.locations] or None,
        maxDistance=pass_.max_distance,
        beacons=[_beacon(beacon) for beacon in pass_.beacons] or None,
        relevantDates=[_relevant_date(date) for date in pass_.relevant_dates] or None,
        # Deprecated since iOS 18, and the only one that older systems read.
        relevantDate=None if first is None else w3c(first.start),
    )


def _service(pass_: Pass) -> dict[str, Any]:
    return _present(
        expirationDate=None if pass_.expiration is None else w3c(pass_.expiration),
        voided=pass_.voided or None,
        sharingProhibited=pass_.sharing_prohibited or None,
        associatedStoreIdentifiers=list(pass_.associated_apps) or None,
        appLaunchURL=pass_.app_launch_url,
        nfc=None if pass_.nfc is None else _nfc(pass_.nfc),
        webServiceURL=pass_.web_service_url,
        authenticationToken=pass_.authentication_token,
        userInfo=pass_.user_info,
    )


def _fields(fields: Iterable[Field]) -> list[dict[str, Any]]:
    return [_field(field) for field in fields]


def _field(field: Field) -> dict[str, Any]:
    return _present(
        key=field.key,
        label=field.label,
        value=_value(field.value),
        attributedValue=field.attributed_value,
        changeMessage=field.change_message,
        textAlignment=field.alignment and f"PKTextAlignment{field.alignment}",
        dateStyle=field.date_style and f"PKDateStyle{field.date_style}",
        timeStyle=field.time_style and f"PKDateStyle{field.time_style}",
        isRelative=field.is_relative or None,
        ignoresTimeZone=field.ignores_time_zone or None,
        currencyCode=field.currency,
        numberStyle=field.number_style and f"PKNumberStyle{field.number_style}",
        dataDetectorTypes=(
            None if field.detectors is None else [f"PKDataDetectorType{detector}" for detector in field.detectors]
        ),
        row=field.row,
        semantics=field.semantics,
    )


def _value(value: Value) -> str | int | float:
    if isinstance(value, datetime):
        return w3c(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _barcode(barcode: Barcode) -> dict[str, Any]:
    return _present(
        format=f"PKBarcodeFormat{barcode.symbology}",
        message=barcode.message,
        messageEncoding=barcode.encoding,
        altText=barcode.alt_text,
    )


def _location(location: Location) -> dict[str, Any]:
    return _present(
        latitude=location.latitude,
        longitude=location.longitude,
        altitude=location.altitude,
        relevantText=location.relevant_text,
    )


def _beacon(beacon: Beacon) -> dict[str, Any]:
    return _present(
        proximityUUID=beacon.proximity_uuid,
        major=beacon.major,
        minor=beacon.minor,
        relevantText=beacon.relevant_text,
    )


def _relevant_date(date: RelevantDate) -> dict[str, str]:
    if date.end is None:
        return {"date": w3c(date.start)}
    return {"startDate": w3c(date.start), "endDate": w3c(date.end)}


def _nfc(nfc: Nfc) -> dict[str, Any]:
    return _present(
        message=nfc.message,
        encryptionPublicKey=nfc.encryption_public_key,
        requiresAuthentication=nfc.requires_authentication or None,
    )


def _colour(colour: Colour | None) -> str | None:
    return None if colour is None else f"rgb({colour.red}, {colour.green}, {colour.blue})"


def _present(**entries: Any) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def _utf8(where: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ContentError("text.unicode", where, "texts are Unicode without lone surrogates") from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
