"""Codes of version 3: signed, so that a till without a network can tell a genuine one, and what it is good for.

    version 3 | key id 1 | serial 16 | from 4 | until 4 | traits 1 | worth 4 | currency 3 | minimum 4 | stores 2 each
    | Ed25519 signature (RFC 8032) of all before, 64 bytes

Instants are seconds since 1970 (until 0: without an end), worth and minimum are minor units, or the worth is hundredths
of a percent. Each store that takes the pass stands there by the first two bytes of the SHA-256 of its id: enough to turn
a customer away at the wrong counter, while the server knows for certain. Written like other codes (`server.wallet.codes`),
in capitals and digits, which a QR code holds at five and a half bits each.

Rule 1: such a code says what was true when it was written. Where the server can be asked, it names a pass and no more.
Rule 2: what does not fit makes the code honest and not wrong: a trait says that a till cannot tell everything.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from enum import IntFlag
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.model.pass_ import Pass
from server.wallet.base32 import read_base32, write_base32
from server.wallet.keyring import Key, Keyring, Kind

VERSION: Final = 3
MOST_STORES: Final = 10
"""As many as a pass shows."""

_HEAD: Final = struct.Struct(">BB16sIIBI3sI")
_SIGNATURE: Final = 64
_STORE: Final = 2
_LARGEST: Final = 2**32 - 1
_DOMAIN: Final = b"kairos signed code\0"
SHORTEST: Final = 8 * (_HEAD.size + _SIGNATURE) // 5
LONGEST: Final = SHORTEST + 8 * _STORE * MOST_STORES // 5 + 2
"""Characters of a code with as many stores as there may be."""


class Trait(IntFlag):
    """What a till should know beyond the figures; without SOME_STORES every store takes it."""

    SEVERAL_USES = 1
    PERCENT = 2
    SOME_STORES = 4
    ASK = 8
    """There is more to it than stands here (stores by a tag, figures that do not fit): only the server can tell."""


class Signed(NamedTuple):
    """What a code says; as its numbers stand in it."""

    serial: UUID
    from_s: int
    until_s: int
    traits: Trait
    worth: int
    currency: str
    minimum: int
    stores: tuple[bytes, ...]


def sign_code(pass_: Pass, *, key: Key) -> str:
    """Write the signed code of a pass as it is; the same for the same key as long as the pass says the same."""
    told = told_by(pass_)
    currency = told.currency.encode("ascii").ljust(3, b"\0")
    head = _HEAD.pack(
        VERSION, key.id, told.serial.bytes, told.from_s, told.until_s, told.traits, told.worth, currency, told.minimum
    )
    body = head + b"".join(told.stores)
    return write_base32(body + _private(key).sign(_DOMAIN + body))


def told_by(pass_: Pass) -> Signed:
    """Choose what stands in a pass's code; pure."""
    benefit, traits = pass_.benefit, Trait(0)
    minimum, value, worth = benefit.minimum_purchase, benefit.value, 0
    if pass_.uses_total > 1:
        traits |= Trait.SEVERAL_USES
    if benefit.percent is not None and not (value and value.minor):
        traits, worth = traits | Trait.PERCENT, round(benefit.percent * 100)
    elif value is not None:
        worth = value.minor
    currencies = {each.currency for each in (minimum, value) if each is not None}
    stores: tuple[bytes, ...] = ()
    if pass_.places is not None:
        traits |= Trait.SOME_STORES
        stores = tuple(sorted({store_mark(each) for each in pass_.places}))
    too_much = (
        len(stores) > MOST_STORES or len(currencies) > 1 or max(worth, minimum.minor if minimum else 0) > _LARGEST
    )
    if too_much or pass_.place_tag is not None:
        traits |= Trait.ASK
    if too_much:
        return Signed(pass_.serial, _from(pass_), _until(pass_), traits, 0, "", 0, ())
    least = minimum.minor if minimum else 0
    return Signed(pass_.serial, _from(pass_), _until(pass_), traits, worth, "".join(currencies), least, stores)


def _from(pass_: Pass) -> int:
    return _seconds(pass_.valid_from)


def _until(pass_: Pass) -> int:
    return 0 if pass_.valid_until is None else _seconds(pass_.valid_until)


def _seconds(instant: datetime) -> int:
    """Count whole seconds since 1970: of an end its last whole one, so that no till is more generous than the server."""
    return min(max(int(instant.astimezone(UTC).timestamp()), 1), _LARGEST)


def store_mark(store_id: UUID) -> bytes:
    """Give the two bytes by which a store stands in codes."""
    return hashlib.sha256(store_id.bytes).digest()[:_STORE]


def read_signed(text: str, *, keyring: Keyring, now: datetime) -> Signed | None:
    """Give what a genuine code says; None for everything else, without a word why."""
    raw = read_base32(text, longest=2 * LONGEST) if SHORTEST <= len(text) <= 2 * LONGEST else None
    if raw is None or len(raw) < _HEAD.size + _SIGNATURE or raw[0] != VERSION:
        return None
    body, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
    stores, key = body[_HEAD.size :], keyring.find(Kind.OFFLINE, raw[1], now=now)
    if key is None or len(stores) % _STORE or len(stores) > _STORE * MOST_STORES:
        return None
    try:
        _private(key).public_key().verify(signature, _DOMAIN + body)
    except InvalidSignature:
        return None
    _, _, serial, begins, ends, traits, worth, currency, minimum = _HEAD.unpack(body[: _HEAD.size])
    marks = tuple(stores[at : at + _STORE] for at in range(0, len(stores), _STORE))
    said = currency.rstrip(b"\0").decode("ascii")
    return Signed(UUID(bytes=serial), begins, ends, Trait(traits), worth, said, minimum, marks)


def key_for(pass_: Pass, *, keyring: Keyring, now: datetime) -> Key:
    """Choose the key under which a pass is signed: that of its first day, or today's once that one has ended.

    So its code stays the same over a rotation, as the typed one does.
    """
    begun = [key for key in keyring.keys(Kind.OFFLINE, now=now) if key.not_before <= pass_.created_at]
    return max(begun, key=lambda key: key.id) if begun else keyring.current(Kind.OFFLINE, now=now)


def public_key(key: Key) -> bytes:
    """Give the 32 bytes that tills verify with (RFC 8032)."""
    return _private(key).public_key().public_bytes_raw()


def verify_with(public: bytes, *, body: bytes, signature: bytes) -> bool:
    """Tell whether a code's body was signed with the secret of this public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _DOMAIN + body)
    except InvalidSignature:
        return False
    return True


def _private(key: Key) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.secret)
