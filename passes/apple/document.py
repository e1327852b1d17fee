"""pass.json and pass.strings: a pass as Apple's Wallet reads it.

Keys and types: Apple's "Wallet Passes" documentation (Pass, PassFields, PassFieldContent, Pass.Barcodes, ...).

Rule 1: nothing is written before `rules` had nothing against it: every number is finite, every time has its zone.
Rule 2: keys are ours and stand here as they are sent; every value goes through `_text`, `_number` or `_json`.

The document is put together as text, since that takes a third of the time of building it as objects first: beside the
signature this is the largest part of a pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring as _text
from typing import Any, NamedTuple

from passes.apple.fields import SECTIONS, is_plain
from passes.apple.rules import check_pass
from passes.errors import ContentError
from passes.model import (
    Barcode,
    Beacon,
    Colour,
    Field,
    Fields,
    Location,
    Nfc,
    Pass,
    RelevantDate,
    Style,
    Symbology,
    Value,
)
from passes.times import w3c

_LANGUAGES = 64
"""So many finished translations are kept: a programme has a handful, and the same for all its customers."""

_UNICODE = "texts are Unicode without lone surrogates"
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


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
    try:
        text = _document(pass_, style, issuer)
        return text.encode()
    except UnicodeEncodeError:
        where = _surrogate_in(json.loads(text), "") or "pass.json"
        raise ContentError("text.unicode", where, _UNICODE) from None
    except TypeError:
        raise ContentError("text.kind", "pass.json", "where a text belongs stands a text") from None


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
        raise ContentError("text.unicode", where, _UNICODE) from None


def _document(pass_: Pass, style: Style, issuer: Issuer) -> str:
    parts = [
        f'"formatVersion":1,"passTypeIdentifier":{_text(issuer.pass_type_id)}',
        f'"serialNumber":{_text(pass_.serial)},"teamIdentifier":{_text(issuer.team_id)}',
        f'"organizationName":{_text(pass_.organization or issuer.organization)}',
        f'"description":{_text(pass_.description)}',
    ]
    _add_look(parts, pass_)
    _add_relevance(parts, pass_)
    _add_service(parts, pass_)
    parts.append(f'"{style.apple}":{{{_sections(pass_.fields)}}}')
    return f"{{{','.join(parts)}}}"


def _add_look(parts: list[str], pass_: Pass) -> None:
    if pass_.logo_text is not None:
        parts.append(f'"logoText":{_text(pass_.logo_text)}')
    if pass_.barcodes:
        _add_barcodes(parts, pass_.barcodes)
    if pass_.background is not None:
        parts.append(f'"backgroundColor":{_colour(pass_.background)}')
    if pass_.foreground is not None:
        parts.append(f'"foregroundColor":{_colour(pass_.foreground)}')
    if pass_.label_colour is not None:
        parts.append(f'"labelColor":{_colour(pass_.label_colour)}')
    if pass_.suppress_strip_shine:
        parts.append('"suppressStripShine":true')
    if pass_.preferred_schemes:
        parts.append(f'"preferredStyleSchemes":{_json(list(pass_.preferred_schemes))}')
    if pass_.grouping is not None:
        parts.append(f'"groupingIdentifier":{_text(pass_.grouping)}')


def _add_barcodes(parts: list[str], barcodes: tuple[Barcode, ...]) -> None:
    written = [_barcode(barcode) for barcode in barcodes]
    parts.append(f'"barcodes":[{",".join(written)}]')
    # Read by iOS 8 and by wallets of other makers; the old key knows no Code 128.
    for barcode, text in zip(barcodes, written, strict=True):
        if barcode.symbology is not Symbology.CODE128:
            parts.append(f'"barcode":{text}')
            return


def _add_relevance(parts: list[str], pass_: Pass) -> None:
    if pass_.locations:
        parts.append(f'"locations":[{",".join([_location(location) for location in pass_.locations])}]')
    if pass_.max_distance is not None:
        parts.append(f'"maxDistance":{_number(pass_.max_distance)}')
    if pass_.beacons:
        parts.append(f'"beacons":[{",".join([_beacon(beacon) for beacon in pass_.beacons])}]')
    if pass_.relevant_dates:
        parts.append(f'"relevantDates":[{",".join([_relevant_date(date) for date in pass_.relevant_dates])}]')
        moments = [date for date in pass_.relevant_dates if date.end is None]
        # Deprecated since iOS 18, and the only one that older systems read.
        parts.append(f'"relevantDate":"{w3c((moments or pass_.relevant_dates)[0].start)}"')


def _add_service(parts: list[str], pass_: Pass) -> None:
    if pass_.expiration is not None:
        parts.append(f'"expirationDate":"{w3c(pass_.expiration)}"')
    if pass_.voided:
        parts.append('"voided":true')
    if pass_.sharing_prohibited:
        parts.append('"sharingProhibited":true')
    if pass_.associated_apps:
        parts.append(f'"associatedStoreIdentifiers":[{",".join([_number(app) for app in pass_.associated_apps])}]')
    if pass_.app_launch_url is not None:
        parts.append(f'"appLaunchURL":{_text(pass_.app_launch_url)}')
    if pass_.nfc is not None:
        parts.append(f'"nfc":{_nfc(pass_.nfc)}')
    if pass_.web_service_url is not None and pass_.authentication_token is not None:
        parts.append(f'"webServiceURL":{_text(pass_.web_service_url)}')
        parts.append(f'"authenticationToken":{_text(pass_.authentication_token)}')
    if pass_.user_info is not None:
        parts.append(f'"userInfo":{_json(pass_.user_info)}')
    if pass_.semantics is not None:
        parts.append(f'"semantics":{_json(pass_.semantics)}')


def _sections(fields: Fields) -> str:
    parts = []
    for _, name, key in SECTIONS:
        entries: tuple[Field, ...] = getattr(fields, name)
        if entries:
            parts.append(f'"{key}":[{",".join([_field(field) for field in entries])}]')
    return ",".join(parts)


def _field(field: Field) -> str:
    label = "" if field.label is None else f',"label":{_text(field.label)}'
    if is_plain(field):
        return f'{{"key":{_text(field.key)}{label},"value":{_value(field.value)}}}'
    return f'{{"key":{_text(field.key)}{label},"value":{_value(field.value)}{_form(field)}{_format(field)}}}'


def _form(field: Field) -> str:
    text = ""
    if field.attributed_value is not None:
        text += f',"attributedValue":{_value(field.attributed_value)}'
    if field.change_message is not None:
        text += f',"changeMessage":{_text(field.change_message)}'
    if field.alignment is not None:
        text += f',"textAlignment":{_text("PKTextAlignment" + field.alignment)}'
    if field.detectors is not None:
        text += f',"dataDetectorTypes":{_json(["PKDataDetectorType" + detector for detector in field.detectors])}'
    if field.row is not None:
        text += f',"row":{_number(field.row)}'
    if field.semantics is not None:
        text += f',"semantics":{_json(field.semantics)}'
    return text


def _format(field: Field) -> str:
    text = ""
    if field.date_style is not None and field.time_style is not None:
        date, time = _text("PKDateStyle" + field.date_style), _text("PKDateStyle" + field.time_style)
        text += f',"dateStyle":{date},"timeStyle":{time}'
    if field.is_relative:
        text += ',"isRelative":true'
    if field.ignores_time_zone:
        text += ',"ignoresTimeZone":true'
    if field.currency is not None:
        text += f',"currencyCode":{_text(field.currency)}'
    if field.number_style is not None:
        text += f',"numberStyle":{_text("PKNumberStyle" + field.number_style)}'
    return text


def _value(value: Value) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return f'"{w3c(value)}"'
    if isinstance(value, Decimal):
        return _number(int(value) if value == value.to_integral_value() else float(value))
    return _number(value)


def _number(value: float) -> str:
    return repr(value) if value.__class__ is int or value.__class__ is float else _json(value)


def _barcode(barcode: Barcode) -> str:
    alt = "" if barcode.alt_text is None else f',"altText":{_text(barcode.alt_text)}'
    form, encoding = _text("PKBarcodeFormat" + barcode.symbology), _text(barcode.encoding)
    return f'{{"format":{form},"message":{_text(barcode.message)},"messageEncoding":{encoding}{alt}}}'


def _location(location: Location) -> str:
    latitude, longitude = _number(location.latitude), _number(location.longitude)
    text = f'{{"latitude":{latitude},"longitude":{longitude}'
    if location.altitude is not None:
        text += f',"altitude":{_number(location.altitude)}'
    if location.relevant_text is not None:
        text += f',"relevantText":{_text(location.relevant_text)}'
    return text + "}"


def _beacon(beacon: Beacon) -> str:
    major = "" if beacon.major is None else f',"major":{_number(beacon.major)}'
    minor = "" if beacon.minor is None else f',"minor":{_number(beacon.minor)}'
    text = "" if beacon.relevant_text is None else f',"relevantText":{_text(beacon.relevant_text)}'
    return f'{{"proximityUUID":{_text(beacon.proximity_uuid)}{major}{minor}{text}}}'


def _relevant_date(date: RelevantDate) -> str:
    if date.end is None:
        # iOS 18 reads a moment by its first name, later ones by its second.
        return f'{{"relevantDate":"{w3c(date.start)}","date":"{w3c(date.start)}"}}'
    return f'{{"startDate":"{w3c(date.start)}","endDate":"{w3c(date.end)}"}}'


def _nfc(nfc: Nfc) -> str:
    guarded = ',"requiresAuthentication":true' if nfc.requires_authentication else ""
    return f'{{"message":{_text(nfc.message)},"encryptionPublicKey":{_text(nfc.encryption_public_key)}{guarded}}}'


def _colour(colour: Colour) -> str:
    return f'"rgb({colour.red:d}, {colour.green:d}, {colour.blue:d})"'


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
