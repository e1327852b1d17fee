"""A design, a service account and keys for the tests of the Google side."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from passes.google.credentials import ServiceAccount, read_service_account
from passes.google.objects import Design
from passes.model import Colour, Location
from tests.passes.samples import authority, openssl

ISSUER = "3388000000022141777"
EMAIL = "wallet@kaffeeklatsch.iam.gserviceaccount.com"
TOKEN_URI = "https://oauth2.googleapis.com/token"


def design(**changes: Any) -> Design:
    given: dict[str, Any] = {
        "suffix": "coffee-2026",
        "style": "coupon",
        "title": "Coffee on us",
        "issuer_name": "Kaffeeklatsch",
        "provider": "Kaffeeklatsch",
        "logo": "https://kairos.example/logo.png",
        "hero": "https://kairos.example/hero.png",
        "background": Colour(20, 90, 60),
        "details": "One cup of the day's coffee",
        "fine_print": "One a day",
        "locations": (Location(48.3984, 9.9916),),
        "callback_url": "https://kairos.example/wallet/google/callback",
        "translations": {"de": {"Coffee on us": "Kaffee aufs Haus", "One a day": "Einer am Tag"}},
    }
    return Design(**(given | changes))


def key_file(**changes: Any) -> bytes:
    given = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": authority().key.decode(),
        "private_key_id": "k1",
        "token_uri": TOKEN_URI,
    }
    return json.dumps({key: value for key, value in (given | changes).items() if value is not None}).encode()


@functools.cache
def account() -> ServiceAccount:
    return read_service_account(key_file())


def opened(jwt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT whose signature openssl has found good."""
    head, body, signature = jwt.split(".")
    public = openssl("x509", "-in", "leaf", "-noout", "-pubkey", leaf=authority().certificate).stdout
    run = openssl(
        *["dgst", "-sha256", "-verify", "public", "-signature", "signature", "content"],
        public=public,
        signature=decoded(signature),
        content=f"{head}.{body}".encode(),
    )
    assert run.stdout.strip() == b"Verified OK"
    return json.loads(decoded(head)), json.loads(decoded(body))


def decoded(part: str) -> bytes:
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
