"""Signed links to a pass's file: good for five minutes, for everybody who has one, as often as the phone likes.

    /p/{token}    token: base64url of key id 1 | end, seconds since 1970, 5 | serial 16 | HMAC-SHA256, first 16 bytes

Phones fetch a link two or three times (the page, the system's viewer, the wallet) and carry no header of ours, so the
link itself is the credential; it dies before it could be passed around.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.wallet.keyring import Key, Keyring, Kind

LIFE = timedelta(minutes=5)

_BODY = 22
_MAC = 16
_LENGTH = 51
"""Characters of base64url without padding for 38 bytes."""

_DOMAIN = b"kairos link\0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Link(NamedTuple):
    """What a genuine token says: which pass, and whether its time is over."""

    serial: UUID
    expired: bool


def link_for(serial: UUID, *, base_url: str, keyring: Keyring, now: datetime) -> str:
    """Write the address of a pass's file, good for five minutes from `now`; `base_url` is the public address."""
    return f"{base_url.rstrip('/')}/p/{token_for(serial, keyring=keyring, now=now)}"


def token_for(serial: UUID, *, keyring: Keyring, now: datetime) -> str:
    """Write the token of such an address: 51 characters."""
    key = keyring.current(Kind.LINK, now=now)
    ends = (now + LIFE - _EPOCH) // timedelta(seconds=1)
    body = bytes((key.id,)) + ends.to_bytes(5, "big") + serial.bytes
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode()


def read_token(token: str, *, keyring: Keyring, now: datetime) -> Link | None:
    """Read a token; None where we never wrote it. What is past its end is told as expired, only if it is genuine."""
    raw = _decode(token)
    if raw is None:
        return None
    key = keyring.find(Kind.LINK, raw[0], now=now)
    if key is None or not hmac.compare_digest(_mac(key, raw[:_BODY]), raw[_BODY:]):
        return None
    ends = _EPOCH + timedelta(seconds=int.from_bytes(raw[1:6], "big"))
    return Link(UUID(bytes=raw[6:_BODY]), expired=now >= ends)


def _mac(key: Key, body: bytes) -> bytes:
    return hmac.digest(key.secret, _DOMAIN + body, "sha256")[:_MAC]


def _decode(token: str) -> bytes | None:
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Two bits of the last character say nothing: only the one spelling that we write is taken.
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == token else None
