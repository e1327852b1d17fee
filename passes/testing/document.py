"""pass.json at its top: what is required, exactly one style, and the keys that are not fields."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from passes.testing.fields import check_sections
from passes.testing.finding import Finding, read_object
from passes.testing.relevance import check_relevance
from passes.testing.values import check_date, is_number

STYLES = ("boardingPass", "coupon", "eventTicket", "generic", "storeCard")
TEXTS = ("serialNumber", "organizationName", "description", "passTypeIdentifier", "teamIdentifier")
SWITCHES = ("voided", "sharingProhibited", "suppressStripShine")
FORMATS = ("PKBarcodeFormatQR", "PKBarcodeFormatPDF417", "PKBarcodeFormatAztec", "PKBarcodeFormatCode128")
TRANSIT = tuple(f"PKTransitType{kind}" for kind in ("Air", "Boat", "Bus", "Generic", "Train"))
PYTHONS_OWN = {"idna", "punycode", "undefined", "rawunicodeescape", "unicodeescape", "utf8sig", "mbcs", "oem", "palmos"}
"""Codecs of Python that are in no registry of character sets."""

P256 = bytes.fromhex("06082a8648ce3d030107")
"""The object identifier of the curve, as it stands in a SubjectPublicKeyInfo (RFC 5480)."""

_PASS_TYPE = re.compile(r"pass(\.[A-Za-z0-9-]+){2,}")
_TEAM = re.compile(r"[A-Z0-9]{10}")
_COLOUR = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")


def check_document(raw: bytes | None, *, allow_http: bool) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The document and what is wrong with it; None where it cannot be read."""
    if raw is None:
        return None, []
    document, findings = read_object("pass.json", raw)
    if document is None:
        return None, findings
    findings += _check_required(document)
    findings += _check_style(document)
    findings += _check_barcodes(document)
    findings += _check_colours(document)
    findings += check_relevance(document)
    findings += _check_web_service(document, allow_http=allow_http)
    findings += _check_other(document)
    return document, findings


def _check_required(document: Mapping[str, Any]) -> list[Finding]:
    findings = [
        Finding(f"required.{key}", key, "is missing") for key in ("formatVersion", *TEXTS) if key not in document
    ]
    version = document.get("formatVersion", 1)
    if version != 1 or not is_number(version):
        findings.append(Finding("format_version", "formatVersion", "is not the number 1"))
    for key in TEXTS:
        if key in document and (not isinstance(document[key], str) or not document[key].strip()):
            findings.append(Finding(f"text.{key}", key, "is not a text with something in it"))
    for key, form, code in (
        ("passTypeIdentifier", _PASS_TYPE, "pass_type.form"),
        ("teamIdentifier", _TEAM, "team.form"),
    ):
        if isinstance(document.get(key), str) and not form.fullmatch(document[key]):
            findings.append(Finding(code, key, "is not of Apple's form"))
    return findings


def _check_style(document: Mapping[str, Any]) -> list[Finding]:
    present = [style for style in STYLES if style in document]
    if not present:
        return [Finding("style.none", "pass.json", "has no style")]
    if len(present) > 1:
        return [Finding("style.many", "pass.json", f"has {len(present)} styles")]
    style = present[0]
    body = document[style]
    if not isinstance(body, dict):
        return [Finding("style.form", style, "is not an object")]
    findings = check_sections(style, body)
    if style == "boardingPass" and body.get("transitType") not in TRANSIT:
        findings.append(Finding("transit.value", f"{style}.transitType", "is required and one of Apple's"))
    if style != "boardingPass" and "transitType" in body:
        findings.append(Finding("transit.foreign", f"{style}.transitType", "belongs to boarding passes"))
    if "groupingIdentifier" in document and style not in ("eventTicket", "boardingPass"):
        findings.append(Finding("grouping.style", "groupingIdentifier", f"is not for a {style}"))
    return findings


def _check_barcodes(document: Mapping[str, Any]) -> list[Finding]:
    findings: list[Finding] = []
    barcodes = document.get("barcodes", [])
    if not isinstance(barcodes, list):
        return [Finding("barcodes.form", "barcodes", "is not a list")]
    for index, barcode in enumerate(barcodes):
        findings += _check_barcode(f"barcodes[{index}]", barcode)
    if "barcode" in document:
        legacy = document["barcode"]
        findings += _check_barcode("barcode", legacy)
        if isinstance(legacy, dict) and legacy.get("format") == "PKBarcodeFormatCode128":
            findings.append(Finding("barcode.legacy", "barcode.format", "Code 128 is only for barcodes"))
    return findings


def _check_barcode(where: str, barcode: object) -> list[Finding]:
    if not isinstance(barcode, dict):
        return [Finding("barcode.form", where, "is not an object")]
    findings = []
    if barcode.get("format") not in FORMATS:
        findings.append(Finding("barcode.format", f"{where}.format", "is none of Apple's four"))
    message, encoding = barcode.get("message"), barcode.get("messageEncoding")
    if not isinstance(message, str) or not message:
        findings.append(Finding("barcode.message", f"{where}.message", "is not a text with something in it"))
    if not isinstance(barcode.get("altText", ""), str):
        findings.append(Finding("barcode.alt_text", f"{where}.altText", "is not a text"))
    text = message if isinstance(message, str) else ""
    if barcode.get("format") == "PKBarcodeFormatCode128" and not text.isascii():
        findings.append(Finding("barcode.ascii", f"{where}.message", "Code 128 holds ASCII alone"))
    try:
        if not isinstance(encoding, str) or _normal(encoding) in PYTHONS_OWN:
            raise LookupError
        text.encode(encoding)
    except LookupError:
        findings.append(Finding("barcode.encoding", f"{where}.messageEncoding", "is required and an IANA charset"))
    except ValueError:
        findings.append(Finding("barcode.unwritable", f"{where}.message", "cannot be written in messageEncoding"))
    return findings


def _check_colours(document: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for key in ("backgroundColor", "foregroundColor", "labelColor"):
        value = document.get(key, "rgb(0, 0, 0)")
        match = _COLOUR.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            findings.append(Finding("colour.form", key, "is not rgb(r, g, b)"))
        elif any(int(part) > 255 for part in match.groups()):
            findings.append(Finding("colour.range", key, "has a part above 255"))
    return findings


def _check_web_service(document: Mapping[str, Any], *, allow_http: bool) -> list[Finding]:
    if ("webServiceURL" in document) != ("authenticationToken" in document):
        return [Finding("web_service.half", "webServiceURL", "and authenticationToken go together")]
    if "webServiceURL" not in document:
        return []
    findings = []
    url, token = document["webServiceURL"], document["authenticationToken"]
    schemes = ("https://", "http://") if allow_http else ("https://",)
    if not isinstance(url, str) or not url.startswith(schemes) or not url.split("://", 1)[1]:
        findings.append(Finding("web_service.url", "webServiceURL", "is not an https address"))
    elif url.rstrip("/").endswith("/v1"):
        findings.append(Finding("web_service.version", "webServiceURL", "ends in /v1, which the device appends"))
    if not isinstance(token, str) or len(token) < 16:
        findings.append(Finding("web_service.token", "authenticationToken", "has less than 16 characters"))
    return findings


def _check_other(document: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for key in SWITCHES:
        if not isinstance(document.get(key, False), bool):
            findings.append(Finding("switch.form", key, "is not true or false"))
    if "expirationDate" in document:
        findings += check_date("expirationDate", document["expirationDate"])
    if not isinstance(document.get("logoText", ""), str):
        findings.append(Finding("logo_text.form", "logoText", "is not a text"))
    apps = document.get("associatedStoreIdentifiers", [])
    if not isinstance(apps, list) or not all(is_number(app) and isinstance(app, int) and app > 0 for app in apps):
        findings.append(Finding("app.identifiers", "associatedStoreIdentifiers", "is not a list of positive numbers"))
    if "appLaunchURL" in document and not apps:
        findings.append(Finding("app.launch", "appLaunchURL", "needs associatedStoreIdentifiers"))
    schemes = document.get("preferredStyleSchemes", [])
    if not isinstance(schemes, list) or not all(isinstance(one, str) and one.isalpha() for one in schemes):
        findings.append(Finding("schemes.form", "preferredStyleSchemes", "is not a list of names"))
    for key in ("userInfo", "semantics"):
        if not isinstance(document.get(key, {}), dict):
            findings.append(Finding("object.form", key, "is not an object"))
    return findings + _check_nfc(document.get("nfc"))


def _check_nfc(nfc: object) -> list[Finding]:
    if nfc is None:
        return []
    body = nfc if isinstance(nfc, dict) else {}
    message, key = body.get("message"), body.get("encryptionPublicKey")
    if not isinstance(message, str) or not 0 < len(message.encode("utf-8", "replace")) <= 64:
        return [Finding("nfc.message", "nfc.message", "is not a text of 1 to 64 bytes")]
    try:
        spki = base64.b64decode(key if isinstance(key, str) else "", validate=True)
    except ValueError:
        spki = b""
    if P256 not in spki:
        return [Finding("nfc.key", "nfc.encryptionPublicKey", "is not a P-256 public key in base64")]
    if not isinstance(body.get("requiresAuthentication", False), bool):
        return [Finding("nfc.switch", "nfc.requiresAuthentication", "is not true or false")]
    return []


def _normal(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
