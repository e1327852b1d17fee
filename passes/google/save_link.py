"""The link that saves a pass to Google Wallet: `https://pay.google.com/gp/v/save/<JWT>`.

Google's page: "Issuing passes with the Web", whose "safe length of an encoded JWT is 1800 characters". A longer one
names its objects only; they must have been inserted over REST before the link is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from passes.errors import GoogleError
from passes.google.credentials import ServiceAccount, sign_jwt

BASE = "https://pay.google.com/gp/v/save/"
MAX_JWT = 1_800  # characters; longer addresses are cut by some browsers
KINDS = ("offer", "loyalty", "generic", "eventTicket")


class Entry(NamedTuple):
    """One object with its class: `kind` from `objects.kind_of`, both bodies from `objects`."""

    kind: str
    object_body: Mapping[str, Any]
    class_body: Mapping[str, Any] | None = None


class SaveLink(NamedTuple):
    """The address; where `insert_first`, the objects (and classes) must be at Google before it is opened."""

    url: str
    insert_first: bool


def save_link(
    account: ServiceAccount, entries: Sequence[Entry], *, now: datetime, origins: Sequence[str] = ()
) -> SaveLink:
    """A link for these passes. `origins` lists the sites whose JavaScript button may show it.

    A rotating barcode's secret never travels in a link, so such a pass is always named only. GoogleError where there
    is nothing to save or even the names are too long for one link.
    """
    if not entries:
        raise GoogleError("google.empty", "objects", "a link saves at least one pass")
    for entry in entries:
        if entry.kind not in KINDS:
            raise GoogleError("google.kind", "kind", f"is one of {', '.join(KINDS)}")
    if not any("rotatingBarcode" in entry.object_body for entry in entries):
        jwt = _jwt(account, _whole(entries), now=now, origins=origins)
        if len(jwt) <= MAX_JWT:
            return SaveLink(BASE + jwt, insert_first=False)
    jwt = _jwt(account, _named(entries), now=now, origins=origins)
    if len(jwt) > MAX_JWT:
        raise GoogleError(
            "google.long", "objects", f"a link has at most {MAX_JWT} characters: save fewer passes with it"
        )
    return SaveLink(BASE + jwt, insert_first=True)


def _jwt(account: ServiceAccount, payload: Mapping[str, Any], *, now: datetime, origins: Sequence[str]) -> str:
    claims = {
        "iss": account.email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(now.timestamp()),
        "origins": list(origins),
        "payload": payload,
    }
    return sign_jwt(account, claims)


def _whole(entries: Sequence[Entry]) -> dict[str, list[dict[str, Any]]]:
    payload: dict[str, list[dict[str, Any]]] = {}
    for kind, body, class_body in entries:
        classes = payload.setdefault(f"{kind}Classes", [])
        if class_body is not None and all(known["id"] != class_body["id"] for known in classes):
            classes.append(dict(class_body))
        payload.setdefault(f"{kind}Objects", []).append(dict(body))
    return {key: value for key, value in payload.items() if value}


def _named(entries: Sequence[Entry]) -> dict[str, list[dict[str, Any]]]:
    payload: dict[str, list[dict[str, Any]]] = {}
    for kind, body, _ in entries:
        payload.setdefault(f"{kind}Objects", []).append({"id": body["id"], "classId": body["classId"]})
    return payload
