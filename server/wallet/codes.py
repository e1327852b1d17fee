"""The code at the counter: a pass's serial under a keyed seal, so that no till and no customer can make one up.

    version 1 | key id 1 | serial 16 (its low ten bits are the bucket) | HMAC-SHA256 of all before, first 12 bytes

30 bytes are exactly 48 characters of Crockford's base32 (https://www.crockford.com/base32.html): capitals and digits
without I, L, O and U. It is read as people type it: small letters, spaces, hyphens, O for 0, I and L for 1.
A code is checked before anybody asks the database, and holds nothing about a person.

A code that changes is written `NAME.DIGITS`: the name is such a code of another version, good for nothing by itself, and
the digits are those of the half minute (passes.google.rotating).
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from passes.google.rotating import read_code as split
from server.wallet.keyring import Key, Keyring, Kind

VERSION = 1
CHANGING = 2
"""The version of names in codes that change."""
LENGTH = 48
LONGEST = 2 * LENGTH
"""Characters of a typed code: a hyphen or a space after each of its own would already be odd."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MAC = 12
_BODY = 18
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_DOMAIN = b"kairos code\0"
"""Keeps a MAC made for codes from ever being good for something else under the same key."""


class Scan(NamedTuple):
    """What a genuine code names: a pass, and for one that changes the digits that were shown."""

    serial: UUID
    digits: str | None = None


def code_for(serial: UUID, *, key: Key, version: int = VERSION) -> str:
    """Write the code of a pass (or its name, `CHANGING`): 48 characters, the same for the same key for ever."""
    body = bytes((version, key.id)) + serial.bytes
    return _encode(body + _mac(key, body))


def issue_code(serial: UUID, *, keyring: Keyring, key_id: int, now: datetime, version: int = VERSION) -> str:
    """Write the code of a pass under the key it was issued with, or under today's if that one has ended."""
    key = keyring.find(Kind.CODE, key_id, now=now)
    return code_for(serial, key=key or keyring.current(Kind.CODE, now=now), version=version)


def read_scan(text: str, *, keyring: Keyring, now: datetime) -> Scan | None:
    """Give what a genuine code names, of either sort; None for everything else. Digits are not judged here."""
    shown = split(text.strip())
    if shown is None:
        serial = read_code(text, keyring=keyring, now=now)
        return None if serial is None else Scan(serial)
    serial = read_code(shown.prefix, keyring=keyring, now=now, version=CHANGING)
    return None if serial is None else Scan(serial, shown.value)


def read_code(text: str, *, keyring: Keyring, now: datetime, version: int = VERSION) -> UUID | None:
    """Give the serial that a genuine code names; None for everything else, without a word why.

    The comparison takes the same time wherever the forgery goes wrong.
    """
    raw = _decode(text)
    if raw is None or raw[0] != version:
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
