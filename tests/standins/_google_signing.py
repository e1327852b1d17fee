"""Google's side of signatures, written after its pages and RFC 8017, RFC 7515, RFC 7523: nothing of the product's own code.

Assertions are judged by arithmetic alone; callbacks are signed as "ECv2SigningOnly" says, well or badly as told.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import struct
import time
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""RFC 8017 §9.2: DigestInfo of SHA-256."""

KINDS: Final = ("good", "forged", "expired", "foreign", "old_key", "unsigned_key")


EMAIL: Final = "wallet@kairos.iam.gserviceaccount.com"


@functools.cache
def account_key() -> rsa.RSAPrivateKey:
    """The key of every stand-in's service account in this process: it takes a while to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def _pem() -> str:
    return account_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_account(*, token_uri: str) -> tuple[rsa.RSAPublicNumbers, bytes]:
    """A service account: its public numbers, and the key file as Google hands it out."""
    key, pem = account_key(), _pem()
    file = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": pem,
        "private_key_id": uuid4().hex,
        "token_uri": token_uri,
    }
    return key.public_key().public_numbers(), json.dumps(file).encode()


def opened(jwt: str, public: rsa.RSAPublicNumbers) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT under RS256; ValueError where the signature is not this key's."""
    head, body, signature = jwt.split(".")
    size = (public.n.bit_length() + 7) // 8
    raw = _decoded(signature)
    if len(raw) != size:
        raise ValueError("the signature has another length")
    digest = SHA256_INFO + hashlib.sha256(f"{head}.{body}".encode()).digest()
    expected = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
    if pow(int.from_bytes(raw, "big"), public.e, public.n).to_bytes(size, "big") != expected:
        raise ValueError("the signature does not verify")
    return json.loads(_decoded(head)), json.loads(_decoded(body))


def wrong_with(
    form: dict[str, str], *, public: rsa.RSAPublicNumbers, scope: str, audience: str, now: float
) -> str | None:
    """What Google would refuse in a request for a token; None for a good one."""
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        return "unsupported_grant_type"
    try:
        header, claims = opened(form.get("assertion", ""), public)
    except ValueError:
        return "invalid_grant"
    good = (
        header.get("alg") == "RS256"
        and header.get("typ") == "JWT"
        and claims.get("aud") == audience
        and isinstance(claims.get("iss"), str)
        and isinstance(claims.get("iat"), int)
        and isinstance(claims.get("exp"), int)
        and claims["iat"] < claims["exp"] <= claims["iat"] + 3600
        and claims["iat"] - 600 <= now <= claims["exp"] + 600
    )
    if not good:
        return "invalid_grant"
    return None if claims.get("scope") == scope else "invalid_scope"


def _decoded(part: str) -> bytes:
    if "=" in part:
        raise ValueError("padding")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Signer:
    """Google's keys for callbacks: a root, an intermediate signed by it, and keys that nobody signed."""

    def __init__(self) -> None:
        names = ("root", "middle", "thief")
        self._keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}

    def root_keys(self) -> bytes:
        """What is published."""
        soon = str(int((time.time() + 86_400) * 1000))
        own = {"keyValue": self._spki("root"), "protocolVersion": "ECv2SigningOnly", "keyExpiration": soon}
        return json.dumps({"keys": [{"keyValue": self._spki("thief"), "protocolVersion": "ECv1"}, own]}).encode()

    def rotate(self) -> None:
        """Begin with new keys; the old root is published no more."""
        self.__init__()  # type: ignore[misc]

    def callback(self, *, issuer: str, object_id: str, class_id: str, kind: str = "good", **changes: Any) -> bytes:
        """A callback's body; `kind` says what is wrong with it, `changes` are of the signed message."""
        now = int(time.time() * 1000)
        later = now + 3_600_000
        message = {
            "classId": class_id,
            "objectId": object_id,
            "eventType": "save",
            "expTimeMillis": now - 1000 if kind == "expired" else later,
            "nonce": uuid4().hex,
        } | changes
        recipient = issuer
        if kind == "foreign":
            recipient = "3388000000099999999"
            message |= dict.fromkeys(("classId", "objectId"), f"{recipient}.x")
        signed = json.dumps({name: value for name, value in message.items() if value is not None})
        key_end = now - 1000 if kind == "old_key" else later
        signed_key = json.dumps({"keyValue": self._spki("middle"), "keyExpiration": str(key_end)})
        root = "thief" if kind == "unsigned_key" else "root"
        hand = "thief" if kind == "forged" else "middle"
        body = {
            "signature": self._sign(hand, "GooglePayPasses", recipient, "ECv2SigningOnly", signed),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [self._sign(root, "GooglePayPasses", "ECv2SigningOnly", signed_key)],
            },
            "protocolVersion": "ECv2SigningOnly",
            "signedMessage": signed,
        }
        return json.dumps(body).encode()

    def _spki(self, name: str) -> str:
        der = self._keys[name].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def _sign(self, name: str, *parts: str) -> str:
        data = b"".join(struct.pack("<I", len(part.encode())) + part.encode() for part in parts)
        return base64.b64encode(self._keys[name].sign(data, ec.ECDSA(hashes.SHA256()))).decode()
