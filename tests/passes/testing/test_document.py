"""pass.json as a whole, broken in one way at a time: hashed and signed anew, so that nothing else is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from passes.testing import check
from passes.testing.document import check_document
from tests.passes.apple.test_rules import P256, P384
from tests.passes.samples import edited, good, sealed, unzipped

Document = dict[str, Any]
REQUIRED = (
    "formatVersion",
    "passTypeIdentifier",
    "serialNumber",
    "teamIdentifier",
    "organizationName",
    "description",
)

BROKEN: dict[str, tuple[str, Callable[[Document], Any]]] = {
    "a version of 2": ("format_version", lambda d: d.update(formatVersion=2)),
    "a version that is a text": ("format_version", lambda d: d.update(formatVersion="1")),
    "a version of true": ("format_version", lambda d: d.update(formatVersion=True)),
    "a serial number that is a number": ("text.serialNumber", lambda d: d.update(serialNumber=17)),
    "an empty organisation": ("text.organizationName", lambda d: d.update(organizationName="")),
    "a blank description": ("text.description", lambda d: d.update(description="  ")),
    "no style": ("style.none", lambda d: d.pop("coupon")),
    "two styles": ("style.many", lambda d: d.update(generic={})),
    "a style that is a list": ("style.form", lambda d: d.update(coupon=[])),
    "a transit type on a coupon": ("transit.foreign", lambda d: d["coupon"].update(transitType="PKTransitTypeBus")),
    "a group of coupons": ("grouping.style", lambda d: d.update(groupingIdentifier="x")),
    "barcodes that are an object": ("barcodes.form", lambda d: d.update(barcodes={})),
    "a barcode that is a text": ("barcode.form", lambda d: d.update(barcodes=["1"])),
    "an EAN barcode": ("barcode.format", lambda d: d["barcodes"][0].update(format="PKBarcodeFormatEAN13")),
    "a barcode of a number": ("barcode.message", lambda d: d["barcodes"][0].update(message=12345)),
    "an empty barcode": ("barcode.message", lambda d: d["barcodes"][0].update(message="")),
    "a barcode without an encoding": ("barcode.encoding", lambda d: d["barcodes"][0].pop("messageEncoding")),
    "an unheard-of encoding": ("barcode.encoding", lambda d: d["barcodes"][0].update(messageEncoding="iso-8859-99")),
    "a barcode outside its encoding": ("barcode.unwritable", lambda d: d["barcodes"][0].update(message="5 €")),
    "an alternative text of a number": ("barcode.alt_text", lambda d: d["barcodes"][0].update(altText=7)),
    "a legacy Code 128": ("barcode.legacy", lambda d: d.update(barcode=d["barcodes"][1])),
    "a colour in hex": ("colour.form", lambda d: d.update(backgroundColor="#145a3c")),
    "a colour above 255": ("colour.range", lambda d: d.update(labelColor="rgb(0, 0, 256)")),
    "a service without its token": ("web_service.half", lambda d: d.pop("authenticationToken")),
    "a token without its service": ("web_service.half", lambda d: d.pop("webServiceURL")),
    "a short token": ("web_service.token", lambda d: d.update(authenticationToken="fifteen-chars-x")),
    "a plain http service": ("web_service.url", lambda d: d.update(webServiceURL="http://kairos.example/")),
    "a service that ends in v1": (
        "web_service.version",
        lambda d: d.update(webServiceURL="https://kairos.example/v1/"),
    ),
    "voided as a number": ("switch.form", lambda d: d.update(voided=1)),
    "an expiry without a zone": ("date.zone", lambda d: d.update(expirationDate="2026-03-02T11:00:00")),
    "an expiry with +0000": ("date.zone", lambda d: d.update(expirationDate="2026-03-02T11:00:00+0000")),
    "an expiry with ZZ": ("date.zone", lambda d: d.update(expirationDate="2026-03-02T11:00:00ZZ")),
    "an expiry with milliseconds": ("date.fraction", lambda d: d.update(expirationDate="2026-03-02T11:00:00.000Z")),
    "an expiry as seconds": ("date.form", lambda d: d.update(expirationDate=1772445600)),
    "an expiry of a day": ("date.form", lambda d: d.update(expirationDate="2026-03-02")),
    "an expiry with a blank": ("date.form", lambda d: d.update(expirationDate="2026-03-02 11:00:00Z")),
    "an expiry in February 30": ("date.calendar", lambda d: d.update(expirationDate="2026-02-30T11:00:00Z")),
    "a logo text of a number": ("logo_text.form", lambda d: d.update(logoText=1)),
    "apps as texts": ("app.identifiers", lambda d: d.update(associatedStoreIdentifiers=["1"])),
    "a launch address without an app": ("app.launch", lambda d: d.update(appLaunchURL="kairos://x")),
    "an NFC message of 65 bytes": ("nfc.message", lambda d: d.update(nfc={"message": "x" * 65})),
    "an umlaut in Code 128": ("barcode.ascii", lambda d: d["barcodes"][1].update(message="ü")),
    "an encoding of Python's own": ("barcode.encoding", lambda d: d["barcodes"][0].update(messageEncoding="utf_8_sig")),
    "a scheme that is a text": ("schemes.form", lambda d: d.update(preferredStyleSchemes="eventTicket")),
    "a scheme of a number": ("schemes.form", lambda d: d.update(preferredStyleSchemes=[7])),
    "user info of a list": ("object.form", lambda d: d.update(userInfo=[])),
    "semantics of a text": ("object.form", lambda d: d.update(semantics="Tasting")),
    "an NFC key of no base64": ("nfc.key", lambda d: d.update(nfc={"message": "x", "encryptionPublicKey": "no key"})),
    "an NFC key on another curve": (
        "nfc.key",
        lambda d: d.update(nfc={"message": "x", "encryptionPublicKey": P384}),
    ),
    "an NFC switch of a text": (
        "nfc.switch",
        lambda d: d.update(nfc={"message": "x", "encryptionPublicKey": P256, "requiresAuthentication": "yes"}),
    ),
    "an NFC message without a key": ("nfc.key", lambda d: d.update(nfc={"message": "x"})),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_refused_by_its_own_code_alone(name: str) -> None:
    code, change = BROKEN[name]
    assert {finding.code for finding in check(edited(change))} == {code}


@pytest.mark.parametrize("key", REQUIRED)
def test_each_required_key_is_missed(key: str) -> None:
    codes = {finding.code for finding in check(edited(lambda document: document.pop(key)))}
    about_the_signer = {"signature.uid", "signature.pass_type", "signature.team"}
    assert f"required.{key}" in codes
    assert codes - about_the_signer == {f"required.{key}"}


@pytest.mark.parametrize(
    ("key", "value", "code", "signer"),
    [
        ("passTypeIdentifier", "kaffeeklatsch.coupon", "pass_type.form", {"signature.uid", "signature.pass_type"}),
        ("passTypeIdentifier", 1, "text.passTypeIdentifier", {"signature.uid", "signature.pass_type"}),
        ("teamIdentifier", "klatsch", "team.form", {"signature.team"}),
    ],
)
def test_identifiers_have_apples_form_and_are_those_of_the_signer(
    key: str, value: object, code: str, signer: set[str]
) -> None:
    assert {finding.code for finding in check(edited(lambda document: document.update({key: value})))} == {
        code
    } | signer


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "json.syntax"),
        (b"[" * 100_000, "json.syntax"),
        (b"[]", "json.object"),
        (b"\xff\xfe{}", "json.encoding"),
        (b'{"formatVersion": 1, "formatVersion": 1}', "json.duplicate"),
        (b'{"maxDistance": NaN}', "json.constant"),
    ],
)
def test_what_is_no_strict_json_is_refused(raw: bytes, code: str) -> None:
    assert code in {finding.code for finding in check(sealed({**unzipped(good()), "pass.json": raw}))}


def test_a_boarding_pass_needs_a_transit_type() -> None:
    raw = b'{"boardingPass": {"transitType": "PKTransitTypeRocket"}}'
    assert "transit.value" in {finding.code for finding in check_document(raw, allow_http=False)[1]}
    assert "transit.value" not in {
        finding.code for finding in check_document(raw.replace(b"Rocket", b"Train"), allow_http=False)[1]
    }


def test_a_missing_document_is_left_to_the_reader_of_the_archive() -> None:
    assert check_document(None, allow_http=False) == (None, [])
