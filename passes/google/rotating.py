"""Barcodes that change every half minute: their body for Google, and the check at the counter (RFC 6238, RFC 4226).

The phone computes the code from a secret of its own pass; a screenshot is worth nothing a minute later. A code is good
for the step in which it was shown and one to either side, and whoever keeps the returned step takes each only once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from passes.errors import GoogleError
from passes.google.objects import BARCODES
from passes.model import Symbology

PERIOD = timedelta(seconds=30)
DIGITS = 8
WINDOW = 1  # steps to either side, for clocks that differ and people who walk
MIN_KEY = 16  # bytes, RFC 4226 R6: at least 128 bits

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX = re.compile(r"[^{}\s]+")
_CODE = re.compile(r"(?P<prefix>\S+)\.(?P<value>[0-9]{6,8})")


class Shown(NamedTuple):
    """A scanned rotating code taken apart: what names the pass, and the digits of the moment."""

    prefix: str
    value: str


def rotating_barcode(
    *,
    prefix: str,
    key: bytes,
    symbology: Symbology = Symbology.QR,
    alt_text: str | None = None,
    period: timedelta = PERIOD,
    digits: int = DIGITS,
) -> dict[str, Any]:
    """Google's `rotatingBarcode`: shows `<prefix>.<digits>`. It holds the secret: send it over REST, never in a link."""
    _check(key, digits)
    if not _PREFIX.fullmatch(prefix):
        raise GoogleError("google.pattern", "rotatingBarcode.valuePattern", "has no blank and no brace of its own")
    if period < timedelta(seconds=1) or period % timedelta(milliseconds=1):
        raise GoogleError("google.period", "rotatingBarcode.periodMillis", "is a second or more, in milliseconds")
    body: dict[str, Any] = {
        "type": BARCODES[symbology],
        "valuePattern": f"{prefix}.{{totp_value_0}}",
        "totpDetails": {
            "algorithm": "TOTP_SHA1",
            "periodMillis": str(period // timedelta(milliseconds=1)),
            "parameters": [{"key": key.hex().upper(), "valueLength": digits}],
        },
    }
    return body if alt_text is None else body | {"alternateText": alt_text}


def read_code(text: str) -> Shown | None:
    """Take a scanned text apart; None where it is no rotating code of ours."""
    match = _CODE.fullmatch(text)
    return None if match is None else Shown(match["prefix"], match["value"])


def step_of(value: str, *, key: bytes, now: datetime, period: timedelta = PERIOD, digits: int = DIGITS) -> int | None:
    """The step in which these digits were shown, None where no step near `now` shows them.

    Every step is compared, in constant time. Keep the step with the pass and refuse it the second time.
    """
    _check(key, digits)
    current = step_at(now, period=period)
    found = None
    for step in range(max(0, current - WINDOW), current + WINDOW + 1):
        if hmac.compare_digest(totp(key, step, digits=digits).encode(), value.encode("utf-8", "replace")):
            found = step
    return found


def step_at(now: datetime, *, period: timedelta = PERIOD) -> int:
    """The number of whole periods since 1970 (RFC 6238 with T0 = 0)."""
    if now.utcoffset() is None:
        raise ValueError("the time needs a zone")
    return (now - _EPOCH) // period


def totp(key: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The digits of one step: HOTP of RFC 4226 over HMAC-SHA-1, which is what Google's phones compute."""
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def without_secret(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object's body as it may be logged or stored in the clear: the rotating barcode's key is left out."""
    rotating = body.get("rotatingBarcode")
    if rotating is None:
        return dict(body)
    details = {key: value for key, value in rotating["totpDetails"].items() if key != "parameters"}
    return {**body, "rotatingBarcode": {**rotating, "totpDetails": details}}


def _check(key: bytes, digits: int) -> None:
    if len(key) < MIN_KEY:
        raise GoogleError("google.totp_key", "rotatingBarcode.key", f"has {MIN_KEY} bytes or more")
    if not 6 <= digits <= 8:
        raise GoogleError("google.totp_digits", "rotatingBarcode.valueLength", "is 6 to 8 digits")
