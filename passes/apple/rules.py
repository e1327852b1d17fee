"""What Apple's Wallet would turn down, said before a pass is signed.

Wallet itself refuses in silence; so every rule here names the key of pass.json and the sentence that it breaks.
Sources: Apple's "Wallet Passes" (Pass, Pass.Barcodes, Pass.Locations, Pass.Beacons, Pass.RelevantDates, Pass.NFC) and
the PassKit Package Format Reference, "Top-Level Keys" and "Lower-Level Keys". Fields have a file of their own.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from passes.apple.fields import check_fields, check_json
from passes.errors import ContentError
from passes.model import Barcode, Beacon, Colour, Location, Nfc, Pass, RelevantDate, Style, Symbology
from passes.times import check_time

MAX_LOCATIONS = 10
MAX_BEACON_UUIDS = 10
MIN_TOKEN = 16  # characters of an authenticationToken
MAX_NFC_BYTES = 64
MAX_RELEVANT = timedelta(hours=24)
CHARSETS = frozenset(
    ["us-ascii", "utf-8", "utf-16", "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5"]
    + ["koi8-r", "koi8-u"]
    + [f"iso-8859-{part}" for part in range(1, 17) if part != 12]
    + [f"windows-125{part}" for part in range(9)]
)
"""Names of the IANA registry, in lower case, by which both a phone and Python know what is meant."""

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SCHEME = re.compile(r"[A-Za-z]+")
_WEB_ADDRESS = re.compile(r"https://[^\s/?#@]+(?:/[^\s?#]*)?")
_PLAIN_WEB_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


def check_pass(pass_: Pass, style: Style, *, allow_http: bool = False) -> None:
    """ContentError at the first rule that the pass breaks; `allow_http` is for stand-ins on loopback."""
    _check_texts(pass_)
    _check_web_service(pass_.web_service_url, pass_.authentication_token, allow_http=allow_http)
    check_fields(pass_.fields, style)
    _check_relevance(pass_, style)
    for index, barcode in enumerate(pass_.barcodes):
        _check_barcode(index, barcode)
    _check_colour("backgroundColor", pass_.background)
    _check_colour("foregroundColor", pass_.foreground)
    _check_colour("labelColor", pass_.label_colour)
    if pass_.expiration is not None:
        check_time("expirationDate", pass_.expiration)
    if pass_.nfc is not None:
        _check_nfc(pass_.nfc)
    if pass_.semantics is not None:
        check_json("semantics", pass_.semantics)
    if pass_.user_info is not None:
        check_json("userInfo", pass_.user_info)


def _check_texts(pass_: Pass) -> None:
    _check_text("serialNumber", pass_.serial)
    _check_text("description", pass_.description)
    if pass_.organization is not None:
        _check_text("organizationName", pass_.organization)
    if pass_.app_launch_url is not None and not pass_.associated_apps:
        raise ContentError("app.unnamed", "appLaunchURL", "needs associatedStoreIdentifiers")
    for identifier in pass_.associated_apps:
        if identifier <= 0:
            raise ContentError("app.identifier", "associatedStoreIdentifiers", "are positive numbers of the App Store")
    for language in pass_.localisations:
        if not _LANGUAGE.fullmatch(language):
            raise ContentError("language.name", f"{language}.lproj", "languages are named like de, pt-BR or zh-Hans")
    for scheme in pass_.preferred_schemes:
        if not _SCHEME.fullmatch(scheme):
            raise ContentError("scheme.name", "preferredStyleSchemes", "are names of Apple's, as posterEventTicket")


def _check_text(where: str, text: object) -> None:
    if not isinstance(text, str) or not text or text.isspace():
        raise ContentError("text.empty", where, "is required, a text, and not empty")


def _check_web_service(url: str | None, token: str | None, *, allow_http: bool) -> None:
    if url is None or token is None:
        if url is not token:
            missing = "webServiceURL" if url is None else "authenticationToken"
            raise ContentError("web_service.half", missing, "webServiceURL and authenticationToken go together")
        return
    if not (_PLAIN_WEB_ADDRESS if allow_http else _WEB_ADDRESS).fullmatch(url):
        raise ContentError("web_service.url", "webServiceURL", "is an https address without query or fragment")
    if url.rstrip("/").endswith("/v1"):
        raise ContentError("web_service.version", "webServiceURL", "ends before /v1, which the device appends")
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ContentError("web_service.token", "authenticationToken", "has 16 or more characters that fit a header")


def _check_colour(where: str, colour: Colour | None) -> None:
    if colour is None:
        return
    red, green, blue = colour
    if not (0 <= red <= 255 and 0 <= green <= 255 and 0 <= blue <= 255):
        raise ContentError("colour.range", where, "a colour's parts lie between 0 and 255")


def _check_relevance(pass_: Pass, style: Style) -> None:
    if len(pass_.locations) > MAX_LOCATIONS:
        raise ContentError("location.many", "locations", f"at most {MAX_LOCATIONS}: choose the nearest")
    for index, location in enumerate(pass_.locations):
        _check_location(index, location)
    if pass_.max_distance is not None and not (math.isfinite(pass_.max_distance) and pass_.max_distance > 0):
        raise ContentError("location.distance", "maxDistance", "is a positive number of metres")
    if pass_.beacons:
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


def _check_location(index: int, location: Location) -> None:
    if not -90 <= location.latitude <= 90 or not -180 <= location.longitude <= 180:
        raise ContentError("location.range", f"locations[{index}]", "latitude and longitude are degrees on the globe")
    if location.altitude is not None and not math.isfinite(location.altitude):
        raise ContentError("location.altitude", f"locations[{index}].altitude", "is a finite number of metres")


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


def _check_barcode(index: int, barcode: Barcode) -> None:
    where, message = f"barcodes[{index}]", barcode.message
    if not isinstance(message, str) or not message:
        raise ContentError("barcode.empty", f"{where}.message", "is required, a text, and not empty")
    if barcode.encoding.lower() not in CHARSETS:
        raise ContentError("barcode.encoding", f"{where}.messageEncoding", "is an IANA character set, as iso-8859-1")
    if message.isascii():
        return
    if barcode.symbology is Symbology.CODE128:
        raise ContentError("barcode.ascii", f"{where}.message", "Code 128 holds ASCII and nothing else")
    try:
        message.encode(barcode.encoding)
    except UnicodeEncodeError:
        raise ContentError("barcode.message", f"{where}.message", "is writable in messageEncoding") from None


def _check_nfc(nfc: Nfc) -> None:
    if not 0 < len(nfc.message.encode("utf-8", "replace")) <= MAX_NFC_BYTES:
        raise ContentError("nfc.message", "nfc.message", f"has 1 to {MAX_NFC_BYTES} bytes")
    try:
        key = load_der_public_key(base64.b64decode(nfc.encryption_public_key, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ContentError("nfc.key", "nfc.encryptionPublicKey", "is the base64 of a P-256 SubjectPublicKeyInfo")
