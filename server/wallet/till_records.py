"""What a till's browser keeps while it has no network: records that are signed and chained, read as strictly as codes.

    signed text = JSON without spaces: ["kairos offline 1", key id, n, prev, id, scanned_at, code, minor, currency, order id]

with null for what a purchase does not say. The signature is ECDSA over P-256 with SHA-256 (WebCrypto's form: r and s, 32
bytes each), by a key that cannot leave the browser. `prev` is the SHA-256 of the text before it, of the first one that of
the key's id: so a record that was left out, put in, or moved is seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

DOMAIN: Final = "kairos offline 1"
_HALF: Final = 32
_POINT: Final = 65
_UNCOMPRESSED: Final = 4


class Signed(NamedTuple):
    """A record as it was signed; texts as the till wrote them."""

    key_id: UUID
    n: int
    prev: str
    id: UUID
    scanned_at: str
    code: str
    minor: int | None = None
    currency: str | None = None
    order_id: str | None = None

    @property
    def text(self) -> bytes:
        """The bytes that were signed."""
        said = [DOMAIN, str(self.key_id), self.n, self.prev, str(self.id), self.scanned_at, self.code]
        whole = [*said, self.minor, self.currency, self.order_id]
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def first_head(key_id: UUID) -> bytes:
    """Give the head of a chain that has no record yet."""
    return hashlib.sha256(str(key_id).encode()).digest()


def digest_of(record: Signed) -> bytes:
    """Give the hash by which the next record names this one."""
    return hashlib.sha256(record.text).digest()


def read_public_key(text: str) -> bytes | None:
    """Read a public key (base64url of the uncompressed point); None where it is no point of the curve."""
    raw = from_base64(text)
    if raw is None or len(raw) != _POINT or raw[0] != _UNCOMPRESSED:
        return None
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except ValueError:
        return None
    return raw


def is_signed(record: Signed, *, signature: str, public_key: bytes) -> bool:
    """Tell whether a record carries the signature of this key."""
    raw = from_base64(signature)
    if raw is None or len(raw) != 2 * _HALF:
        return False
    halves = int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big")
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public_key)
    try:
        key.verify(encode_dss_signature(*halves), record.text, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def to_base64(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64(text: str) -> bytes | None:
    """Read base64url without padding; None for what is none."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if to_base64(raw) == text else None
