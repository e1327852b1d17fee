"""Who we are to browsers' push services (VAPID, RFC 8292): a JWT signed with ES256, for one service at a time.

Rule 1: a browser's subscription is bound to the key. Whoever replaces the key makes every subscription worthless, so it has
        no end, and is in no rotation.
Rule 2: neither key nor token is in any log, error or repr.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from server.errors import Misconfigured

LIFE: Final = timedelta(hours=12)
"""RFC 8292 §2 allows a day; clocks differ."""
RENEW: Final = timedelta(hours=6)
MOST: Final = 500
"""Services whose tokens are kept: browsers have a handful, but the addresses come from outside."""

_JITTER: Final = timedelta(minutes=1)


class Vapid:
    """One key. `subject` is where services may complain, `mailto:` or `https:`; "" names nobody."""

    def __init__(self, pem: bytes, *, subject: str, setting: str) -> None:
        """Read the key; raises Misconfigured naming the setting where it is none for ES256."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Misconfigured(f"{setting}: is not an unencrypted private key (PEM)") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Misconfigured(f"{setting}: is not a key for ES256 (P-256)")
        self._key, self._subject = key, subject
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public: Final = _base64(point).decode("ascii")
        """The public key as browsers take it (`applicationServerKey`), base64url."""
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def authorization(self, origin: str, *, now: datetime) -> str:
        """Write the header for the service of this origin."""
        token, made = self._tokens.get(origin, ("", now))
        if not token or not -_JITTER <= now - made < RENEW:
            token = self._sign(origin, now)
            self._tokens.pop(origin, None)
            if len(self._tokens) >= MOST:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[origin] = (token, now)
        return f"vapid t={token}, k={self.public}"

    def _sign(self, origin: str, now: datetime) -> str:
        claims: dict[str, object] = {"aud": origin, "exp": int((now + LIFE).timestamp())}
        if self._subject:
            claims["sub"] = self._subject
        head = _base64(msgspec.json.encode({"typ": "JWT", "alg": "ES256"}))
        signed = b".".join((head, _base64(msgspec.json.encode(claims))))
        r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(SHA256())))
        return b".".join((signed, _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big")))).decode("ascii")


def new_key() -> bytes:
    """Make a key (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
