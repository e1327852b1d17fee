"""The token by which Apple knows a provider: a JWT signed with ES256, made anew in time.

https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns

Rule 1: a token serves for forty minutes: Apple refuses one of an hour, and more than one within twenty minutes.
Rule 2: neither token nor key is in any log, error or repr.
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
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from server.errors import Misconfigured

LIFE: Final = timedelta(minutes=40)
SOONEST: Final = timedelta(minutes=20)
"""Apple answers TooManyProviderTokenUpdates to whoever makes new ones more often."""

_JITTER: Final = timedelta(minutes=1)
"""The clock may be set back by so much without a new token."""


class ProviderToken:
    """Tokens of one key."""

    def __init__(self, pem: bytes, *, key_id: str, team_id: str, setting: str = "apns.key_file") -> None:
        """Read the key (Apple's .p8); raises Misconfigured where it is none for ES256."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Misconfigured(f"{setting}: is not an unencrypted private key (PEM)") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Misconfigured(f"{setting}: is not a key for ES256 (P-256), as Apple's .p8 files are")
        self._key, self._key_id, self._team_id = key, key_id, team_id
        self._token = ""
        self._made: datetime | None = None
        self._refused: datetime | None = None

    def at(self, now: datetime) -> str:
        """Give the token for `now`, a new one where the last has served its time."""
        if self._made is None or not self._token or not -_JITTER <= now - self._made < LIFE:
            self._token, self._made = self._sign(now), now
        return self._token

    def refused(self, token: str, *, now: datetime) -> None:
        """Apple called this token expired: make a new one, unless one was made for that reason just now."""
        recent = self._refused is not None and abs(now - self._refused) < SOONEST
        if token == self._token and not recent:
            self._token, self._refused = "", now

    def _sign(self, now: datetime) -> str:
        head = _base64(msgspec.json.encode({"alg": "ES256", "kid": self._key_id}))
        claims = _base64(msgspec.json.encode({"iss": self._team_id, "iat": int(now.timestamp())}))
        signed = b".".join((head, claims))
        r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(SHA256())))
        return b".".join((signed, _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big")))).decode("ascii")


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
