"""Signatures and secrets as the Standard Webhooks write them, for what we send and for what we are sent.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  the standard's own


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Make one signature."""
    digest = hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def write_secret(secret: bytes) -> str:
    """Write a secret as receivers are given it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode("ascii")


def read_secret(text: str) -> bytes | None:
    """Read a secret that was written so; None for what is none."""
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True) or None
    except (binascii.Error, ValueError):
        return None
