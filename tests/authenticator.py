"""An authenticator app as the oracle of second factors: RFC 4226 and RFC 6238 written once more, from the documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct


def hotp(secret: bytes, counter: int, *, digits: int = 6) -> str:
    """RFC 4226 §5.3, as its Java example does it."""
    mac = hmac.new(secret, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = mac[19] & 0xF
    binary = (mac[offset] & 0x7F) << 24 | mac[offset + 1] << 16 | mac[offset + 2] << 8 | mac[offset + 3]
    return str(binary % 10**digits).rjust(digits, "0")


def code_at(letters: str, seconds: float, *, ahead: int = 0) -> str:
    """What an app shows for a secret in base32 letters at a time (seconds since 1970), so many steps ahead."""
    return hotp(base64.b32decode(letters.replace(" ", "")), int(seconds) // 30 + ahead)
