"""The code at the counter: a pass's serial under a keyed seal, so that no till and no customer can make one up.

    version 1 | key id 1 | serial 16 (its low ten bits are the bucket) | HMAC-SHA256 of all before, first 12 bytes

30 bytes are exactly 48 characters of Crockford's base32 (https://www.crockford.com/base32.html): capitals and digits
without I, L, O and U. It is read as people type it: small letters, spaces, hyphens, O for 0, I and L for 1.
A code is checked before anybody asks the database, and holds nothing about a person.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

from server.wallet.keyring import Key, Keyring, Kind

VERSION = 1
LENGTH = 48
LONGEST = 2 * LENGTH
"""Characters of a typed code: a hyphen or a space after each of its own would already be odd."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MAC = 12
_BODY = 18
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_DOMAIN = b"kairos code\0"
"""Keeps a MAC made for codes from ever being good for something else under the same key."""


def code_for(serial: UUID, *, key: Key) -> str:
    """Write the code of a pass: 48 characters, the same for the same key for ever."""
    body = bytes((VERSION, key.id)) + serial.bytes
    return _encode(body + _mac(key, body))


def issue_code(serial: UUID, *, keyring: Keyring, key_id: int, now: datetime) -> str:
    """Write the code of a pass under the key it was issued with, or under today's if that one has ended."""
    key = keyring.find(Kind.CODE, key_id, now=now)
    return code_for(serial, key=key or keyring.current(Kind.CODE, now=now))


def read_code(text: str, *, keyring: Keyring, now: datetime) -> UUID | None:
    """Give the serial that a genuine code names; None for everything else, without a word why.

    The comparison takes the same time wherever the forgery goes wrong.
    """
    raw = _decode(text)
    if raw is None or raw[0] != VERSION:
        return None
    key = keyring.find(Kind.CODE, raw[1], now=now)
    if key is None or not hmac.compare_digest(_mac(key, raw[:_BODY]), raw[_BODY:]):
        return None
    return UUID(bytes=raw[2:_BODY])


def _mac(key: Key, body: bytes) -> bytes:
    return hmac.digest(key.secret, _DOMAIN + body, "sha256")[:_MAC]


def _encode(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


def _decode(text: str) -> bytes | None:
    """Read 48 characters into 30 bytes; every byte has one spelling but for what people mistype."""
    if len(text) > LONGEST or not text.isascii():
        return None
    typed = text.replace("-", "").replace(" ", "").upper()
    if len(typed) != LENGTH:
        return None
    number = 0
    for character in typed:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number << 5 | value
    return number.to_bytes(LENGTH * 5 // 8, "big")
