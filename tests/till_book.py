"""A till's browser in the tests: its key, and the records that it signs and chains, written anew from docs/api.md."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class TillBook:
    """What one browser keeps; `key_id` is told by the server."""

    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    key_id: UUID | None = None
    n: int = 0
    head: str = ""

    @property
    def public_key(self) -> str:
        return b64(self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def known_as(self, key_id: str | UUID) -> TillBook:
        """Begin the chain under the id that the server gave."""
        self.key_id, self.n = UUID(str(key_id)), 0
        self.head = b64(hashlib.sha256(str(self.key_id).encode()).digest())
        return self

    def write(
        self, code: str, *, at: datetime | None = None, amount: dict[str, Any] | None = None, own_id: UUID | None = None
    ) -> dict[str, Any]:
        """Write the next record, as it goes over the wire."""
        self.n += 1
        identifier = str(own_id or uuid4())
        scanned_at = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = ["kairos offline 1", str(self.key_id), self.n, self.head, identifier, scanned_at, code]
        bought = amount or {}
        text = json.dumps(
            [*said, bought.get("minor"), bought.get("currency"), None], ensure_ascii=False, separators=(",", ":")
        ).encode()
        r, s = decode_dss_signature(self.key.sign(text, ECDSA(SHA256())))
        record = {"id": identifier, "n": self.n, "prev": self.head, "code": code, "scanned_at": scanned_at}
        record["signature"] = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        if amount is not None:
            record["purchase"] = {"amount": amount}
        self.head = b64(hashlib.sha256(text).digest())
        return record

    def body(self, *records: dict[str, Any]) -> dict[str, Any]:
        """The body of a request."""
        return {"key_id": str(self.key_id), "records": list(records)}
