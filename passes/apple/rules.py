"""What Apple's Wallet would turn down, said before a pass is signed.

Wallet itself refuses in silence; so every rule here names the key of pass.json and the sentence that it breaks.
Sources: Apple's "Wallet Passes" (Pass, PassFields, PassFieldContent) and the PassKit Package Format Reference.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import math
import re
from datetime import datetime, timedelta
from decimal import Decimal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from passes.errors import ContentError
from passes.model import Beacon, Field, Location, Nfc, Pass, RelevantDate, Section, Style
from passes.times import check_time

MAX_LOCATIONS = 10
MAX_BEACON_UUIDS = 10
MIN_TOKEN = 16  # characters of an authenticationToken
MAX_NFC_BYTES = 64
MAX_RELEVANT = timedelta(hours=24)

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TAG = re.compile(r"<(?!a href=(?:'[^'<>]*'|\"[^\"<>]*\")>|/a>)")
_WEB_ADDRESS = re.compile(r"https://[^\s/?#@]+(?:/[^\s?#]*)?")
_PLAIN_WEB_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


def check_pass(pass_: Pass, style: Style, *, allow_http: bool = False) -> None:
    """ContentError at the first rule that the pass breaks; `allow_http` is for stand-ins on loopback."""
    _check_texts(pass_)
    _check_web_service(pass_, allow_http=allow_http)
    _check_fields(pass_, style)
    _check_relevance(pass_, style)
    for index, barcode in enumerate(pass_.barcodes):
        _check_barcode(f"barcodes[{index}]", barcode.message, barcode.encoding)
    for name, colour in (
        ("backgroundColor", pass_.background),
        ("foregroundColor", pass_.foreground),
        ("labelColor", pass_.label_colour),
    ):
        if colour is not None and not all(0 <= part <= 255 for part in colour):
            raise ContentError("colour.range", name, "a colour's parts lie between 0 and 255")
    if pass_.expiration is not None:
        check_time("expirationDate", pass_.expiration)
    if pass_.nfc is not None:
        _check_nfc(pass_.nfc)
    if pass_.user_info is not None:
        _check_json("userInfo", pass_.user_info)


def _check_texts(pass_: Pass) -> None:
    for name, text in (("serialNumber", pass_.serial), ("description", pass_.description)):
        if not text.strip():
            raise ContentError("text.empty", name, "is required and not empty")
    if pass_.organization is not None and not pass_.organization.strip():
        raise ContentError("text.empty", "organizationName", "is required and not empty")
    if pass_.app_launch_url is not None and not pass_.associated_apps:
        raise ContentError("app.unnamed", "appLaunchURL", "needs associatedStoreIdentifiers")
    if any(identifier <= 0 for identifier in pass_.associated_apps):
        raise ContentError("app.identifier", "associatedStoreIdentifiers", "are positive numbers of the App Store")
    for language in pass_.localisations:
        if not _LANGUAGE.fullmatch(language):
            raise ContentError("language.name", f"{language}.lproj", "languages are named like de, pt-BR or zh-Hans")


def _check_web_service(pass_: Pass, *, allow_http: bool) -> None:
    url, token = pass_.web_service_url, pass_.authentication_token
    if (url is None) != (token is None):
        missing = "webServiceURL" if url is None else "authenticationToken"
        raise ContentError("web_service.half", missing, "webServiceURL and authenticationToken go together")
    if url is None or token is None:
        return
    if not (_PLAIN_WEB_ADDRESS if allow_http else _WEB_ADDRESS).fullmatch(url):
        raise ContentError("web_service.url", "webServiceURL", "is an https address without query or fragment")
    if url.rstrip("/").endswith("/v1"):
        raise ContentError("web_service.version", "webServiceURL", "ends before /v1, which the device appends")
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ContentError("web_service.token", "authenticationToken", "has 16 or more characters that fit a header")


def _check_fields(pass_: Pass, style: Style) -> None:
    seen: set[str] = set()
    for section, fields in pass_.fields:
        name = f"{style.apple}.{section_key(section)}"
        if len(fields) > style.limits.get(section, len(fields)):
            raise ContentError("fields.many", name, f"a {style.name} shows at most {style.limits[section]} here")
        if section is Section.ADDITIONAL_INFO and fields and not style.may_group:
            raise ContentError("fields.section", name, "additional information belongs to event tickets")
        for index, field in enumerate(fields):
            where = f"{name}[{index}]"
            if not field.key:
                raise ContentError("field.key", f"{where}.key", "is required and not empty")
            if field.key in seen:
                raise ContentError("field.duplicate_key", f"{where}.key", "is unique in the whole pass")
            seen.add(field.key)
            _check_field(where, field, section)
    if len(pass_.fields.secondary) + len(pass_.fields.auxiliary) > style.rows:
        raise ContentError("fields.rows", style.apple, f"at most {style.rows} secondary and auxiliary fields together")


def _check_field(where: str, field: Field, section: Section) -> None:
    _check_value(f"{where}.value", field.value)
    _check_date_format(where, field)
    _check_number_format(where, field)
    if field.change_message is not None and "%@" not in field.change_message:
        raise ContentError("field.change_message", f"{where}.changeMessage", "holds %@, where the new value goes")
    if field.attributed_value is not None and _TAG.search(field.attributed_value):
        raise ContentError("field.markup", f"{where}.attributedValue", "holds no tag but <a href='…'>")
    _check_placement(where, field, section)


def _check_value(where: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal, datetime)):
        raise ContentError("field.value", where, "is a text, a number or a date")
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise ContentError("field.finite", where, "a number is finite")
    if isinstance(value, datetime):
        check_time(where, value)


def _check_date_format(where: str, field: Field) -> None:
    dated = isinstance(field.value, datetime)
    if (field.date_style is None) != (field.time_style is None):
        raise ContentError("field.half_date", where, "dateStyle and timeStyle go together")
    if dated and field.date_style is None:
        raise ContentError("field.undated", where, "a date needs dateStyle and timeStyle, or it is shown as written")
    if not dated and (field.date_style is not None or field.is_relative or field.ignores_time_zone):
        raise ContentError("field.dateless", where, "dateStyle, isRelative and ignoresTimeZone need a date as value")


def _check_number_format(where: str, field: Field) -> None:
    if field.currency is None and field.number_style is None:
        return
    if not isinstance(field.value, (int, float, Decimal)):
        raise ContentError("field.numberless", where, "currencyCode and numberStyle need a number as value")
    if field.currency is not None and field.number_style is not None:
        raise ContentError("field.two_numbers", where, "currencyCode or numberStyle, not both")
    if field.currency is not None and not _CURRENCY.fullmatch(field.currency):
        raise ContentError("field.currency", f"{where}.currencyCode", "is an ISO 4217 code, such as EUR")


def _check_placement(where: str, field: Field, section: Section) -> None:
    if field.alignment is not None and section in (Section.PRIMARY, Section.BACK):
        raise ContentError("field.alignment", f"{where}.textAlignment", "is not allowed for primary and back fields")
    if field.detectors is not None and section is not Section.BACK:
        raise ContentError("field.detectors", f"{where}.dataDetectorTypes", "is for back fields")
    if field.row is not None and section is not Section.AUXILIARY:
        raise ContentError("field.row", f"{where}.row", "is for auxiliary fields")
    if field.semantics is not None:
        _check_json(f"{where}.semantics", field.semantics)


def _check_relevance(pass_: Pass, style: Style) -> None:
    if len(pass_.locations) > MAX_LOCATIONS:
        raise ContentError("location.many", "locations", f"at most {MAX_LOCATIONS}: choose the nearest")
    for index, location in enumerate(pass_.locations):
        _check_location(f"locations[{index}]", location)
    if pass_.max_distance is not None and not (math.isfinite(pass_.max_distance) and pass_.max_distance > 0):
        raise ContentError("location.distance", "maxDistance", "is a positive number of metres")
    if len({beacon.proximity_uuid.upper() for beacon in pass_.beacons}) > MAX_BEACON_UUIDS:
        raise ContentError("beacon.many", "beacons", f"at most {MAX_BEACON_UUIDS} proximity UUIDs")
    for index, beacon in enumerate(pass_.beacons):
        _check_beacon(f"beacons[{index}]", beacon)
    if pass_.relevant_dates and not style.may_be_dated:
        raise ContentError("date.style", "relevantDates", f"a {style.name} comes up by place, not by date")
    for index, date in enumerate(pass_.relevant_dates):
        _check_relevant_date(f"relevantDates[{index}]", date)
    if pass_.grouping is not None and not style.may_group:
        raise ContentError("grouping.style", "groupingIdentifier", "is for event tickets and boarding passes")


def _check_location(where: str, location: Location) -> None:
    if not -90 <= location.latitude <= 90 or not -180 <= location.longitude <= 180:
        raise ContentError("location.range", where, "latitude and longitude are degrees on the globe")
    if location.altitude is not None and not math.isfinite(location.altitude):
        raise ContentError("location.altitude", f"{where}.altitude", "is a finite number of metres")


def _check_beacon(where: str, beacon: Beacon) -> None:
    if not _UUID.fullmatch(beacon.proximity_uuid):
        raise ContentError("beacon.uuid", f"{where}.proximityUUID", "is a UUID")
    if any(number is not None and not 0 <= number <= 65535 for number in (beacon.major, beacon.minor)):
        raise ContentError("beacon.range", where, "major and minor lie between 0 and 65535")


def _check_relevant_date(where: str, date: RelevantDate) -> None:
    check_time(where, date.start)
    if date.end is None:
        return
    check_time(where, date.end)
    if not timedelta(0) < date.end - date.start <= MAX_RELEVANT:
        raise ContentError("date.interval", where, "endDate lies after startDate, by 24 hours at most")


def _check_barcode(where: str, message: str, encoding: str) -> None:
    if not message:
        raise ContentError("barcode.empty", f"{where}.message", "is required and not empty")
    try:
        codecs.lookup(encoding)
        message.encode(encoding)
    except LookupError:
        raise ContentError("barcode.encoding", f"{where}.messageEncoding", "is an IANA character set") from None
    except UnicodeEncodeError:
        raise ContentError("barcode.message", f"{where}.message", "is writable in messageEncoding") from None


def _check_nfc(nfc: Nfc) -> None:
    if not 0 < len(nfc.message.encode()) <= MAX_NFC_BYTES:
        raise ContentError("nfc.message", "nfc.message", f"has 1 to {MAX_NFC_BYTES} bytes")
    try:
        key = load_der_public_key(base64.b64decode(nfc.encryption_public_key, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ContentError("nfc.key", "nfc.encryptionPublicKey", "is the base64 of a P-256 SubjectPublicKeyInfo")


def _check_json(where: str, value: object) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ContentError("json.value", where, "is made of texts, finite numbers, lists and objects") from None


def section_key(section: Section) -> str:
    """Apple's name of a section: `headerFields`, `additionalInfoFields`."""
    first, *rest = section.value.split("_")
    return "".join((first, *(part.capitalize() for part in rest), "Fields"))
