"""The code at the counter: a pass's serial under a keyed seal, so that no till and no customer can make one up.

    version 1 | key id 1 | serial 16 (its low ten bits are the bucket) | HMAC-SHA256 of all before, first 12 bytes

30 bytes are exactly 48 characters of Crockford's base32 (`server.wallet.base32`), and it is read as people type it.
A code is checked before anybody asks the database, and holds nothing about a person.

A code that changes is written `NAME.DIGITS`: the name is such a code of another version, good for nothing by itself, and
the digits are those of the half minute (passes.google.rotating). A longer one is signed (`server.wallet.signed_codes`),
and names a pass as well.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from passes.google.rotating import read_code as split
from server.wallet.base32 import read_base32, write_base32
from server.wallet.keyring import Key, Keyring, Kind
from server.wallet.signed_codes import read_signed

VERSION = 1
CHANGING = 2
"""The version of names in codes that change."""
LENGTH = 48
LONGEST = 2 * LENGTH
"""Characters of a typed code: a hyphen or a space after each of its own would already be odd."""

_MAC = 12
_BODY = 18
_DOMAIN = b"kairos code\0"
"""Keeps a MAC made for codes from ever being good for something else under the same key."""


class Scan(NamedTuple):
    """What a genuine code names: a pass, and for one that changes the digits that were shown."""

    serial: UUID
    digits: str | None = None


def code_for(serial: UUID, *, key: Key, version: int = VERSION) -> str:
    """Write the code of a pass (or its name, `CHANGING`): 48 characters, the same for the same key for ever."""
    body = bytes((version, key.id)) + serial.bytes
    return write_base32(body + _mac(key, body))


def issue_code(serial: UUID, *, keyring: Keyring, key_id: int, now: datetime, version: int = VERSION) -> str:
    """Write the code of a pass under the key it was issued with, or under today's if that one has ended."""
    key = keyring.find(Kind.CODE, key_id, now=now)
    return code_for(serial, key=key or keyring.current(Kind.CODE, now=now), version=version)


def read_scan(text: str, *, keyring: Keyring, now: datetime) -> Scan | None:
    """Give what a genuine code names, of each sort; None for everything else. Digits are not judged here."""
    shown = split(text.strip())
    if shown is None:
        serial = read_code(text, keyring=keyring, now=now)
        if serial is not None:
            return Scan(serial)
        signed = read_signed(text, keyring=keyring, now=now)
        return None if signed is None else Scan(signed.serial)
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


def _decode(text: str) -> bytes | None:
    """Read 48 characters into 30 bytes."""
    raw = read_base32(text, longest=LONGEST)
    return raw if raw is not None and len(raw) == LENGTH * 5 // 8 else None
