"""Each rule of Apple's, broken once: the refusal names the key and has a code that stays."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from passes.apple.rules import CHARSETS, check_pass
from passes.errors import ContentError
from passes.model import (
    Barcode,
    Beacon,
    Colour,
    Field,
    Fields,
    Location,
    Nfc,
    RelevantDate,
    Symbology,
)
from passes.styles import STYLES
from tests.passes.samples import NOW, coupon, ticket

NAIVE = NOW.replace(tzinfo=None)
UUIDS = tuple(Beacon(f"{number:08x}-0000-4000-8000-000000000000") for number in range(11))


def public_key(curve: ec.EllipticCurve) -> str:
    key = ec.generate_private_key(curve).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


P256, P384 = public_key(ec.SECP256R1()), public_key(ec.SECP384R1())

PASSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an empty serial": ("text.empty", "serialNumber", {"serial": ""}),
    "a blank description": ("text.empty", "description", {"description": " \n"}),
    "an empty organisation": ("text.empty", "organizationName", {"organization": ""}),
    "a launch address without an app": ("app.unnamed", "appLaunchURL", {"app_launch_url": "kairos://x"}),
    "an app of nought": ("app.identifier", "associatedStoreIdentifiers", {"associated_apps": (0,)}),
    "a language by its name": ("language.name", "German.lproj", {"localisations": {"German": {}}}),
    "a path as a language": ("language.name", "../de.lproj", {"localisations": {"../de": {}}}),
    "a service without a token": ("web_service.half", "authenticationToken", {"authentication_token": None}),
    "a token without a service": ("web_service.half", "webServiceURL", {"web_service_url": None}),
    "a plain http service": ("web_service.url", "webServiceURL", {"web_service_url": "http://kairos.example/"}),
    "a service with a query": ("web_service.url", "webServiceURL", {"web_service_url": "https://kairos.example/?a=1"}),
    "a service with a password": (
        "web_service.url",
        "webServiceURL",
        {"web_service_url": "https://a:b@kairos.example"},
    ),
    "a service that ends in v1": ("web_service.version", "webServiceURL", {"web_service_url": "https://k.example/v1/"}),
    "a short token": ("web_service.token", "authenticationToken", {"authentication_token": "x" * 15}),
    "a token with a blank": ("web_service.token", "authenticationToken", {"authentication_token": "x" * 15 + " y"}),
    "a token with an umlaut": ("web_service.token", "authenticationToken", {"authentication_token": "ü" * 16}),
    "a colour of 256": ("colour.range", "labelColor", {"label_colour": Colour(0, 256, 0)}),
    "a colour below nought": ("colour.range", "backgroundColor", {"background": Colour(-1, 0, 0)}),
    "an expiry without a zone": ("date.zone", "expirationDate", {"expiration": NAIVE}),
    "eleven locations": ("location.many", "locations", {"locations": (Location(48.4, 10.0),) * 11}),
    "a latitude of 91": ("location.range", "locations[0]", {"locations": (Location(91, 10.0),)}),
    "a longitude of no number": ("location.range", "locations[0]", {"locations": (Location(0, float("nan")),)}),
    "an endless altitude": (
        "location.altitude",
        "locations[0].altitude",
        {"locations": (Location(0, 0, float("inf")),)},
    ),
    "a distance of nought": ("location.distance", "maxDistance", {"max_distance": 0}),
    "eleven beacons": ("beacon.many", "beacons", {"beacons": UUIDS}),
    "a beacon by its name": ("beacon.uuid", "beacons[0].proximityUUID", {"beacons": (Beacon("door"),)}),
    "a major of 65536": ("beacon.range", "beacons[0]", {"beacons": (replace(UUIDS[0], major=65536),)}),
    "a coupon with a date": ("date.style", "relevantDates", {"relevant_dates": (RelevantDate(NOW),)}),
    "a group of coupons": ("grouping.style", "groupingIdentifier", {"grouping": "x"}),
    "an empty barcode": ("barcode.empty", "barcodes[0].message", {"barcodes": (Barcode(""),)}),
    "an unheard-of encoding": (
        "barcode.encoding",
        "barcodes[0].messageEncoding",
        {"barcodes": (Barcode("x", encoding="iso-8859-99"),)},
    ),
    "a barcode outside its encoding": ("barcode.message", "barcodes[0].message", {"barcodes": (Barcode("5 €"),)}),
    "an endless NFC message": ("nfc.message", "nfc.message", {"nfc": Nfc("ü" * 33, P256)}),
    "an NFC key of no base64": ("nfc.key", "nfc.encryptionPublicKey", {"nfc": Nfc("x", "no key")}),
    "a barcode of a number": ("barcode.empty", "barcodes[0].message", {"barcodes": (Barcode(12345),)}),  # type: ignore[arg-type]
    "an encoding that Python alone knows": (
        "barcode.encoding",
        "barcodes[0].messageEncoding",
        {"barcodes": (Barcode("x", encoding="rot13"),)},
    ),
    "an umlaut in Code 128": (
        "barcode.ascii",
        "barcodes[1].message",
        {"barcodes": (Barcode("ü"), Barcode("ü", Symbology.CODE128))},
    ),
    "a serial that is a number": ("text.empty", "serialNumber", {"serial": 17}),
    "a scheme with a blank": ("scheme.name", "preferredStyleSchemes", {"preferred_schemes": ("poster ticket",)}),
    "an NFC key on another curve": ("nfc.key", "nfc.encryptionPublicKey", {"nfc": Nfc("x", P384)}),
    "user info of no JSON": ("json.value", "userInfo", {"user_info": {"at": NOW}}),
    "semantics of no JSON": ("json.value", "semantics", {"semantics": {"at": {1}}}),
    "user info of a list": ("json.value", "userInfo", {"user_info": [1]}),
    "user info of no number": ("json.value", "userInfo", {"user_info": {"at": float("nan")}}),
}


def refused(pass_: Any, **options: bool) -> tuple[str, str]:
    with pytest.raises(ContentError) as caught:
        check_pass(pass_, STYLES[pass_.style], **options)
    assert caught.value.rule
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("name", PASSES)
def test_a_broken_pass_is_refused_with_code_and_place(name: str) -> None:
    code, where, changes = PASSES[name]
    assert refused(coupon(**changes)) == (code, where)


@pytest.mark.parametrize("hours", [-1, 0, 24.01])
def test_a_relevant_time_lasts_up_to_a_day(hours: float) -> None:
    date = RelevantDate(NOW, NOW + timedelta(hours=hours))
    assert refused(ticket(relevant_dates=(date,))) == ("date.interval", "relevantDates[0]")


def test_relevant_times_have_a_zone_at_both_ends() -> None:
    assert refused(ticket(relevant_dates=(RelevantDate(NAIVE),))) == ("date.zone", "relevantDates[0]")
    assert refused(ticket(relevant_dates=(RelevantDate(NOW, NAIVE),))) == ("date.zone", "relevantDates[0]")


@pytest.mark.parametrize(
    "pass_",
    [
        coupon(),
        ticket(),
        ticket(relevant_dates=(RelevantDate(NOW), RelevantDate(NOW, NOW + timedelta(hours=24)))),
        ticket(fields=Fields(additional_info=(Field("a", "x"),))),
        coupon(nfc=Nfc("x" * 64, P256), associated_apps=(1,), app_launch_url="kairos://x"),
        coupon(beacons=UUIDS[:10] * 2, locations=(Location(-90, 180, 478),) * 10),
        coupon(barcodes=(Barcode("5 €", encoding="utf-8"),)),
        coupon(web_service_url=None, authentication_token=None, locations=(), max_distance=None),
        coupon(fields=Fields(back=(Field("a", Decimal("3.20"), currency="EUR"),))),
        coupon(fields=Fields(back=(Field("a", "x", attributed_value='<a href="https://k.example">here</a>'),))),
        coupon(localisations={"de": {}, "pt-BR": {}, "zh-Hans": {}}),
        coupon(semantics={"balance": {"amount": "3.20", "currencyCode": "EUR"}}),
        ticket(preferred_schemes=("posterEventTicket", "eventTicket")),
    ],
)
def test_what_apple_allows_is_not_refused(pass_: Any) -> None:
    check_pass(pass_, STYLES[pass_.style])
    assert pass_.style in STYLES


def test_every_character_set_is_known_to_python_by_its_name_of_the_registry() -> None:
    for name in CHARSETS:
        check_pass(coupon(barcodes=(Barcode("x", encoding=name.upper()),)), STYLES["coupon"])
        assert "x".encode(name).decode(name) == "x"


def test_plain_http_is_for_those_who_ask_for_it() -> None:
    stand_in = coupon(web_service_url="http://127.0.0.1:8080/wallet/")
    assert refused(stand_in) == ("web_service.url", "webServiceURL")
    check_pass(stand_in, STYLES["coupon"], allow_http=True)
    assert refused(coupon(web_service_url="ftp://k.example"), allow_http=True) == ("web_service.url", "webServiceURL")


def test_no_refusal_repeats_what_was_refused() -> None:
    with pytest.raises(ContentError) as caught:
        check_pass(coupon(authentication_token="secret-ü-secret-ü"), STYLES["coupon"])
    assert "secret" not in str(caught.value)
