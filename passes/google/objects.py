"""Classes and objects of Google Wallet: what an offer is, and what one customer holds of it.

Fields and enums: the discovery document of walletobjects v1 (revision 20260806). A class is shared by all passes of
an offer, an object is one pass; both are addressed as `<issuer id>.<suffix>`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from passes.errors import GoogleError
from passes.google.texts import localized, shown
from passes.model import Barcode, Colour, Field, Location, Pass, Section, Style, Symbology
from passes.styles import STYLES
from passes.times import w3c

MAX_LOCATIONS = 10
BARCODES = {
    Symbology.QR: "QR_CODE",
    Symbology.PDF417: "PDF_417",
    Symbology.AZTEC: "AZTEC",
    Symbology.CODE128: "CODE_128",
}

_ISSUER = re.compile(r"[0-9]{1,20}")
_SUFFIX = re.compile(r"[A-Za-z0-9._-]+")
_MODULE = re.compile(r"[A-Za-z0-9_-]+")


class State(StrEnum):
    """COMPLETED is used up, EXPIRED too late, INACTIVE switched off: all three leave the front of the wallet."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class Design:
    """What all passes of one offer share. `logo` and `hero` are public https addresses of images.

    `translations` maps a language to its texts, whose keys are the literal texts used here; `language` is that of the
    texts themselves. `locations` are geofences with a notification, at most 10. `one_holder` keeps a pass with the
    account that saved it.
    """

    suffix: str
    style: str
    title: str
    issuer_name: str
    provider: str
    language: str = "en"
    logo: str | None = None
    hero: str | None = None
    background: Colour | None = None
    details: str | None = None
    fine_print: str | None = None
    locations: tuple[Location, ...] = ()
    redemption: Literal["INSTORE", "ONLINE", "BOTH"] = "INSTORE"
    callback_url: str | None = None
    one_holder: bool = True
    starts: datetime | None = None
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def kind_of(style: str) -> str:
    """`offer`, `loyalty`, `generic` or `eventTicket`: the kind of class that a style has at Google."""
    return _style(style).google


def resource_id(issuer_id: str, suffix: str) -> str:
    """`<issuer id>.<suffix>`; GoogleError where one of them has a form that Google refuses."""
    if not _ISSUER.fullmatch(issuer_id):
        raise GoogleError("google.issuer", "issuer_id", "is the number of the issuer account")
    if not _SUFFIX.fullmatch(suffix):
        raise GoogleError("google.suffix", "id", "has letters, digits, dots, underscores and dashes only")
    return f"{issuer_id}.{suffix}"


def class_body(design: Design, *, issuer_id: str) -> dict[str, Any]:
    """The body for POST or PUT /<kind>Class. GoogleError where something required is missing."""
    kind = kind_of(design.style)
    body: dict[str, Any] = {
        "id": resource_id(issuer_id, design.suffix),
        "merchantLocations": _locations(design.locations),
        "callbackOptions": None
        if design.callback_url is None
        else {"url": _https("callback_url", design.callback_url)},
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES" if design.one_holder else "MULTIPLE_HOLDERS",
    }
    if kind != "generic":
        # UNDER_REVIEW is approved at once; no object may refer to a DRAFT.
        body |= {"issuerName": design.issuer_name, "reviewStatus": "UNDER_REVIEW"}
        body |= {"hexBackgroundColor": _hex(design.background), "heroImage": _image("hero", design.hero)}
    body |= {"offer": _offer, "loyalty": _loyalty, "eventTicket": _event, "generic": _nothing}[kind](design)
    return _present(body)


def object_body(
    pass_: Pass,
    design: Design,
    *,
    issuer_id: str,
    state: State | None = None,
    valid_from: datetime | None = None,
    rotating: Mapping[str, Any] | None = None,
    show: Callable[[Field], str] = shown,
) -> dict[str, Any]:
    """The body for POST or PUT /<kind>Object: one customer's pass.

    `state` is COMPLETED for a voided pass and ACTIVE otherwise, unless given. `rotating` (from `rotating`) takes the
    place of the pass's barcode. `show` writes a field's value as the customer reads it.
    """
    if pass_.style != design.style:
        raise GoogleError("google.style", "style", "of the pass is that of its design")
    kind = kind_of(design.style)
    body: dict[str, Any] = {
        "id": resource_id(issuer_id, pass_.serial),
        "classId": resource_id(issuer_id, design.suffix),
        "state": (state or (State.COMPLETED if pass_.voided else State.ACTIVE)).value,
        "barcode": _barcode(pass_.barcodes[0]) if pass_.barcodes and rotating is None else None,
        "rotatingBarcode": None if rotating is None else dict(rotating),
        "validTimeInterval": _interval(valid_from, pass_.expiration),
        "merchantLocations": _locations(pass_.locations),
        "textModulesData": _modules(pass_, kind, design.language, show) or None,
        "groupingInfo": None if pass_.grouping is None else {"groupingId": pass_.grouping},
    }
    first = pass_.fields.primary[0] if pass_.fields.primary else None
    if kind == "loyalty" and first is not None:
        body["loyaltyPoints"] = _points(first)
    if kind == "generic":
        body |= _generic(pass_, design, first, show)
    return _present(body)


def changes(before: Mapping[str, Any], after: Mapping[str, Any], *, notify: bool = False) -> dict[str, Any]:
    """The body for PATCH: the keys that differ, whole (Google replaces lists), None for those that are gone.

    `notify` asks Google to tell the customer, where the kind has that preference; it holds for this call alone.
    """
    keys = [*after, *(key for key in before if key not in after)]
    body = {key: after.get(key) for key in keys if before.get(key) != after.get(key)}
    if body and notify and "cardTitle" not in after:
        body["notifyPreference"] = "NOTIFY_ON_UPDATE"
    return body


def message_body(*, message_id: str, header: str, body: str, notify: bool) -> dict[str, Any]:
    """The body for POST /<kind>Object/{id}/addMessage. Google shows at most three notifying ones in 24 hours."""
    if not _MODULE.fullmatch(message_id):
        raise GoogleError("google.message", "message.id", "has letters, digits, underscores and dashes only")
    kind = "TEXT_AND_NOTIFY" if notify else "TEXT"
    return {"message": {"id": message_id, "header": header, "body": body, "messageType": kind}}


def _offer(design: Design) -> dict[str, Any]:
    return {
        "title": design.title,
        "localizedTitle": localized(design.title, design.language, design.translations),
        "provider": design.provider,
        "redemptionChannel": design.redemption,
        "titleImage": _image("logo", design.logo),
        "details": design.details,
        "localizedDetails": localized(design.details, design.language, design.translations),
        "finePrint": design.fine_print,
        "localizedFinePrint": localized(design.fine_print, design.language, design.translations),
    }


def _loyalty(design: Design) -> dict[str, Any]:
    if design.logo is None:
        raise GoogleError("google.logo", "programLogo", "is required for a loyalty card")
    return {
        "programName": design.title,
        "localizedProgramName": localized(design.title, design.language, design.translations),
        "programLogo": _image("logo", design.logo),
    }


def _event(design: Design) -> dict[str, Any]:
    return {
        "eventName": localized(design.title, design.language, design.translations, always=True),
        "logo": _image("logo", design.logo),
        "dateTime": None if design.starts is None else {"start": w3c(design.starts)},
        "finePrint": localized(design.fine_print, design.language, design.translations, always=True),
    }


def _nothing(_: Design) -> dict[str, Any]:
    return {}


def _generic(pass_: Pass, design: Design, first: Field | None, show: Callable[[Field], str]) -> dict[str, Any]:
    translations = {**design.translations, **pass_.localisations}
    header = design.title if first is None else show(first)
    return {
        "cardTitle": localized(design.issuer_name, design.language, translations, always=True),
        "header": localized(header, design.language, translations, always=True),
        "subheader": localized(first.label if first else None, design.language, translations, always=True),
        "logo": _image("logo", design.logo),
        "heroImage": _image("hero", design.hero),
        "hexBackgroundColor": _hex(pass_.background or design.background),
    }


def _modules(pass_: Pass, kind: str, language: str, show: Callable[[Field], str]) -> list[dict[str, Any]]:
    # Google's templates show the primary field themselves: as the class's title, the points or the header.
    fields = [one for section, several in pass_.fields for one in several if section is not Section.PRIMARY]
    fields += pass_.fields.primary[1:] if kind in ("generic", "loyalty") else ()
    modules = []
    for one in fields:
        if not _MODULE.fullmatch(one.key):
            raise GoogleError("google.module", f"{one.key}.key", "has letters, digits, underscores and dashes only")
        module: dict[str, Any] = {"id": one.key, "header": one.label, "body": show(one)}
        module["localizedHeader"] = localized(one.label, language, pass_.localisations)
        module["localizedBody"] = localized(module["body"], language, pass_.localisations)
        modules.append(_present(module))
    return modules


def _points(one: Field) -> dict[str, Any]:
    value = one.value
    balance: dict[str, Any]
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise GoogleError("google.balance", "loyaltyPoints.balance", "is a finite number")
    if one.currency is not None and isinstance(value, (int, float, Decimal)):
        micros = int((Decimal(str(value)) * 1_000_000).to_integral_value())
        balance = {"money": {"currencyCode": one.currency, "micros": str(micros)}}
    elif isinstance(value, int):
        balance = {"int": value}
    elif isinstance(value, (float, Decimal)):
        balance = {"double": float(value)}
    else:
        balance = {"string": shown(one)}
    return _present({"label": one.label, "balance": balance})


def _barcode(barcode: Barcode) -> dict[str, Any]:
    body = {"type": BARCODES[barcode.symbology], "value": barcode.message, "alternateText": barcode.alt_text}
    if not barcode.message.isascii():
        body["renderEncoding"] = "UTF_8"
    return _present(body)


def _interval(start: datetime | None, end: datetime | None) -> dict[str, Any] | None:
    if start is None and end is None:
        return None
    # A date without an offset would be read in the phone's zone; ours always have one.
    ends = {"start": start, "end": end}
    return {name: {"date": w3c(when)} for name, when in ends.items() if when is not None}


def _locations(locations: tuple[Location, ...]) -> list[dict[str, float]] | None:
    if len(locations) > MAX_LOCATIONS:
        raise GoogleError("google.locations", "merchantLocations", f"at most {MAX_LOCATIONS}: choose the nearest")
    return [{"latitude": one.latitude, "longitude": one.longitude} for one in locations] or None


def _image(name: str, uri: str | None) -> dict[str, Any] | None:
    return None if uri is None else {"sourceUri": {"uri": _https(name, uri)}}


def _https(name: str, uri: str) -> str:
    if not uri.startswith("https://") or len(uri) == len("https://"):
        raise GoogleError("google.https", name, "is a public https address, which Google itself fetches or calls")
    return uri


def _hex(colour: Colour | None) -> str | None:
    return None if colour is None else f"#{colour.red:02x}{colour.green:02x}{colour.blue:02x}"


def _style(name: str) -> Style:
    if name not in STYLES:
        raise GoogleError("google.style", "style", f"is one of {', '.join(sorted(STYLES))}")
    return STYLES[name]


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}
