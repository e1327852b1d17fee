"""The service account: who we are to Google, proven by RS256 (RFC 7515, RFC 7523) over short claims.

Google's page: "Using OAuth 2.0 for Server to Server Applications". Times are handed in; a token is asked for elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passes.errors import GoogleError

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
LIFE = timedelta(hours=1)  # the longest that Google takes
MARGIN = timedelta(minutes=5)  # a token is not used in the last minutes of its life


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account's key file, read once; the key is in no repr."""

    email: str
    key: RSAPrivateKey = field(repr=False)
    key_id: str
    token_uri: str


class Token(NamedTuple):
    """An access token and the time from which it should no longer be used."""

    value: str
    until: datetime


def read_service_account(raw: bytes) -> ServiceAccount:
    """Read the JSON key file of a service account. GoogleError where it is none; it is never repeated in the error."""
    try:
        body = json.loads(raw)
        email, pem, key_id, token_uri = (
            body[name] for name in ("client_email", "private_key", "private_key_id", "token_uri")
        )
        if not all(isinstance(part, str) and part for part in (email, pem, key_id, token_uri)):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        rule = "is the JSON key file of a service account"
        raise GoogleError("google.account", "service_account", rule) from None
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise GoogleError("google.account_key", "service_account.private_key", "is an RSA key of 2048 bits or more")
    return ServiceAccount(email, key, key_id, token_uri)


def sign_jwt(account: ServiceAccount, claims: Mapping[str, Any]) -> str:
    """A JWT over these claims, RS256, with the key's id in its header."""
    header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    content = b".".join(
        _part(json.dumps(part, separators=(",", ":"), allow_nan=False).encode()) for part in (header, claims)
    )
    return (content + b"." + _part(account.key.sign(content, PKCS1v15(), SHA256()))).decode("ascii")


def assertion(account: ServiceAccount, *, now: datetime, scope: str = SCOPE, token_url: str | None = None) -> str:
    """What is exchanged for an access token: valid for one hour from `now`, for `token_url` or the account's own."""
    issued = int(now.timestamp())
    return sign_jwt(
        account,
        {
            "iss": account.email,
            "scope": scope,
            "aud": token_url or account.token_uri,
            "iat": issued,
            "exp": issued + int(LIFE.total_seconds()),
        },
    )


def token_request(signed: str) -> bytes:
    """The form to POST to the token address, `application/x-www-form-urlencoded`."""
    # A JWT is made of characters that a form leaves as they are.
    return f"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={signed}".encode("ascii")


def read_token(raw: bytes, *, now: datetime) -> Token:
    """Read the answer of the token address. GoogleError where it holds no bearer token."""
    try:
        body = json.loads(raw)
        value, life = body["access_token"], body["expires_in"]
        if not isinstance(value, str) or not value.isascii() or isinstance(life, bool) or not isinstance(life, int):
            raise TypeError
        until = now + timedelta(seconds=life) - MARGIN
    except (ValueError, KeyError, TypeError, OverflowError):
        raise GoogleError("google.token", "access_token", "is in the answer, with its life in seconds") from None
    return Token(value, until)


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
