"""The one place where ids and tokens are born.

Ids are UUIDv7 (RFC 9562 §5.7): they sort by the time of birth, so that new rows land on the same index pages, and
their lowest ten bits may carry the customer's bucket (`server.model.ids`). Of a token only the SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from server.model.ids import BUCKETS, with_bucket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND_NS = 1_000_000
_LATEST_MS = (1 << 48) - 1

_PREFIX = re.compile(r"[a-z]{1,8}_")
_SECRET_CHARACTERS = 43
"""256 bits in base64url without padding."""


def new_id(*, bucket: int | None = None, now: datetime | None = None) -> UUID:
    """Make a UUIDv7 of `now` (aware; else this machine's clock), its low ten bits the bucket (0..1023) if given.

    The twelve bits after the version hold the fraction of the millisecond (RFC 9562 §6.2, method 3), so that ids made
    one after the other sort in that order down to a quarter of a microsecond; the rest is chance.
    Raises ValueError for a naive time, a time before 1970 and a bucket out of range.
    """
    identifier = UUID(int=_number(time.time_ns() if now is None else _nanoseconds(now)))
    return identifier if bucket is None else with_bucket(identifier, bucket)


def new_text() -> str:
    """Make an id as a text: for what is only ever written, a request's."""
    text = f"{_number(time.time_ns()):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _number(nanoseconds: int) -> int:
    milliseconds, rest = divmod(nanoseconds, _MILLISECOND_NS)
    if not 0 <= milliseconds <= _LATEST_MS:
        raise ValueError("the time does not fit into a UUIDv7")
    chance = int.from_bytes(os.urandom(8), "big") >> 2
    return milliseconds << 80 | 0x7 << 76 | (rest << 12) // _MILLISECOND_NS << 64 | 0b10 << 62 | chance


def _nanoseconds(now: datetime) -> int:
    if now.tzinfo is None:
        raise ValueError("the time of an id must be aware")
    since = now - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def new_token(prefix: str, *, bucket: int | None = None) -> str:
    """Make a token of 256 secret bits: `kc_` + three hex digits of the bucket if given + 43 characters of base64url.

    The prefix tells the kind to people and to secret scanners: one to eight lower-case letters and an underscore.
    Raises ValueError for another prefix and for a bucket that is not within 0..1023.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is not a token prefix")
    if bucket is not None and not 0 <= bucket < BUCKETS:
        raise ValueError(f"bucket {bucket} is not within 0..{BUCKETS - 1}")
    place = "" if bucket is None else f"{bucket:03x}"
    return prefix + place + secrets.token_urlsafe(32)


def token_bucket(token: str, prefix: str) -> int | None:
    """Read the bucket that a token of this kind carries, or None when the text cannot be such a token."""
    body = token.removeprefix(prefix)
    if body == token or not re.fullmatch(rf"[0-3][0-9a-f]{{2}}[A-Za-z0-9_-]{{{_SECRET_CHARACTERS}}}", body):
        return None
    return int(body[:3], 16)


def token_hash(token: str) -> bytes:
    """Hash a token for storing and looking up: 32 bytes of SHA-256, also for text that no token can be.

    Plain SHA-256 is enough for 256 bits of chance: there is nothing to guess that a slow hash would protect.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
