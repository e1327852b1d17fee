"""Identity tokens: the brand's own backend vouches for a customer by a JWT that it signs with the shared key (HS256).

Read by hand and strictly (RFC 7519, RFC 7515): one algorithm, no `crit`, and only what is asked for counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from server.errors import Conflict, Misconfigured

LONGEST_S = 600
"""A token lives ten minutes at most."""

_AHEAD_S = 60
"""Clocks of two backends may differ by so much."""
_CHARACTERS = 4096
_KEY_BYTES = 32
"""RFC 7518 §3.2: a key of at least the hash's size."""


class IdentityRefused(Conflict):
    """This external id belongs to a customer, and the identity token does not prove that you are them."""

    code, title = "identity_required", "Identity required"


def read_key(path: Path) -> bytes:
    """Read the shared key, without the line's end; raises Misconfigured where it is missing or too short."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise Misconfigured(f"identity.secret_file: {path} cannot be read ({error.strerror}).") from None
    if len(key) < _KEY_BYTES:
        raise Misconfigured(f"identity.secret_file: {path} must hold at least {_KEY_BYTES} bytes.")
    return key


def check(token: str, *, external_id: str, key: bytes, now: datetime) -> None:
    """Check that the token vouches for this external id now; raises IdentityRefused, whatever is wrong with it."""
    header, claims = _verified(token, key)
    if header.get("alg") != "HS256" or "crit" in header or header.get("typ", "JWT") != "JWT":
        raise IdentityRefused
    issued, expires, instant = _number(claims.get("iat")), _number(claims.get("exp")), now.timestamp()
    if claims.get("sub") != external_id or issued is None or expires is None:
        raise IdentityRefused
    if not issued <= instant + _AHEAD_S or not instant < expires or not 0 < expires - issued <= LONGEST_S:
        raise IdentityRefused


def _verified(token: str, key: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _CHARACTERS or not token.isascii():
        raise IdentityRefused
    expected = hmac.new(key, f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    try:
        signature = _decode(parts[2])
        if not hmac.compare_digest(signature, expected):
            raise IdentityRefused
        header, claims = json.loads(_decode(parts[0])), json.loads(_decode(parts[1]))
    except (ValueError, binascii.Error, RecursionError):
        raise IdentityRefused from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise IdentityRefused
    return header, claims


def _decode(part: str) -> bytes:
    if "=" in part:
        raise ValueError
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
