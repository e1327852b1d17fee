"""What Google sends when a customer saves or deletes a pass, believed only if Google sent it, to us, in time.

Google's page: "Use callbacks for save and delete events". The protocol is ECv2SigningOnly: a root key signs an
intermediate key, which signs the message. The recipient is our own issuer id, never one read from the message.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from passes.errors import CallbackError

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Callback(NamedTuple):
    """A message that holds. Deliveries repeat and overtake each other: take each nonce once, and trust no order.

    `number` is Google's `count`, None where it sends none.
    """

    event: Literal["save", "del"]
    class_id: str
    object_id: str
    nonce: str
    expires: datetime
    number: int | None


def read_callback(body: bytes, *, root_keys: bytes, issuer_id: str, now: datetime) -> Callback:
    """Verify a callback's body and read it. `root_keys` is Google's published JSON, `issuer_id` is ours.

    CallbackError with the first thing that does not hold. The nonce is for the caller to keep until `expires`.
    """
    outer = _object("callback", body)
    if outer.get("protocolVersion") != PROTOCOL:
        raise CallbackError("callback.protocol", "protocolVersion", f"is {PROTOCOL}")
    key = _intermediate(_part(outer, "intermediateSigningKey"), root_keys, now)
    signed = _text(outer, "signedMessage")
    if not _signed_by(key, _text(outer, "signature"), SENDER, issuer_id, PROTOCOL, signed):
        raise CallbackError(
            "callback.signature", "signature", "is the intermediate key's, over a message to our issuer"
        )
    return _message(_object("signedMessage", signed.encode("utf-8", "replace")), issuer_id, now)


def _intermediate(part: Mapping[str, Any], root_keys: bytes, now: datetime) -> EllipticCurvePublicKey:
    signed = _text(part, "signedKey")
    signatures = part.get("signatures")
    if not isinstance(signatures, list) or not all(isinstance(one, str) for one in signatures):
        raise CallbackError("callback.form", "intermediateSigningKey.signatures", "is a list of texts")
    roots = list(_roots(root_keys, now))
    if not roots:
        raise CallbackError("callback.roots", "root keys", f"hold a key for {PROTOCOL} that has not expired")
    if not any(_signed_by(root, one, SENDER, PROTOCOL, signed) for root in roots for one in signatures):
        raise CallbackError("callback.intermediate", "intermediateSigningKey", "is signed by one of Google's root keys")
    body = _object("signedKey", signed.encode("utf-8", "replace"))
    if _moment(body, "keyExpiration") <= now:
        raise CallbackError("callback.intermediate_expired", "signedKey.keyExpiration", "lies in the future")
    key = _key(_text(body, "keyValue"))
    if key is None:
        raise CallbackError("callback.intermediate_key", "signedKey.keyValue", "is a P-256 key")
    return key


def _roots(raw: bytes, now: datetime) -> Iterator[EllipticCurvePublicKey]:
    keys = _object("root keys", raw).get("keys")
    for one in keys if isinstance(keys, list) else ():
        if not isinstance(one, dict) or one.get("protocolVersion") != PROTOCOL:
            continue
        key = _key(one.get("keyValue"))
        # A root key without an end does not end; one with an end that has passed is not asked.
        if key is not None and ("keyExpiration" not in one or _moment(one, "keyExpiration") > now):
            yield key


def _message(body: Mapping[str, Any], issuer_id: str, now: datetime) -> Callback:
    expires = _moment(body, "expTimeMillis")
    if expires <= now:
        raise CallbackError("callback.expired", "signedMessage.expTimeMillis", "lies in the future")
    event, count = body.get("eventType"), body.get("count")
    if event not in ("save", "del"):
        raise CallbackError("callback.event", "signedMessage.eventType", "is save or del")
    class_id, object_id, nonce = (_text(body, name) for name in ("classId", "objectId", "nonce"))
    for name, value in (("classId", class_id), ("objectId", object_id)):
        if not value.startswith(f"{issuer_id}."):
            raise CallbackError("callback.issuer", f"signedMessage.{name}", "belongs to our issuer")
    whole = isinstance(count, int) and not isinstance(count, bool)
    return Callback(event, class_id, object_id, nonce, expires, count if whole else None)


def _signed_by(key: EllipticCurvePublicKey, signature: str, *parts: str) -> bool:
    # Lengths count bytes, four of them, little-endian: a message with an umlaut is longer than its characters.
    data = b"".join(len(raw).to_bytes(4, "little") + raw for raw in (part.encode("utf-8", "replace") for part in parts))
    try:
        key.verify(base64.b64decode(signature, validate=True), data, ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _key(value: object) -> EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(base64.b64decode(value if isinstance(value, str) else "", validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


def _object(name: str, raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CallbackError("callback.json", name, "is a JSON object")
    return value


def _part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise CallbackError("callback.form", name, "is an object")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise CallbackError("callback.form", name, "is a text with something in it")
    return value


def _moment(body: Mapping[str, Any], name: str) -> datetime:
    try:
        # Google writes milliseconds as a number in one place and as a text in another.
        value = body.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError
        return _EPOCH + timedelta(milliseconds=int(value))
    except (TypeError, ValueError, OverflowError):
        raise CallbackError("callback.form", name, "is a time in milliseconds") from None
