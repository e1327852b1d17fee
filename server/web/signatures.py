"""Requests that another system signs: a stolen token writes nothing, and what was overheard does not count again.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    webhook-id: the sender's id of this message
    webhook-timestamp: when it was signed, in seconds since 1970
    webhook-signature: "v1," + base64(HMAC-SHA256(secret, id + "." + timestamp + "." + body)), one or several

Rule 1: whoever has a key with a secret signs every request that may change something, over the body's exact bytes. The
        signature is looked at before anything is made of the body.
Rule 2: a message counts once, by its id. It is spent in the transaction of what it asks for: what came to nothing may be
        sent again as it is, what was done may not. Who asks for the answer of an Idempotency-Key again signs anew.
Rule 3: a message is young by the database's time. Its row outlives the time in which it could count (see retention).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from server.channels.signed import sign
from server.errors import Conflict, Refusal, Unauthenticated, Unavailable
from server.pipeline.keys import opened
from server.store import signed_messages
from server.store.pool import Connection
from server.store.signed_messages import Message
from server.web.parts import PARTS
from server.web.visitor import Signer

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
HEADERS: Final = (ID, TIMESTAMP, SIGNATURE)

_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,255}")
"""Visible, and without the full stop that ends it in what is signed."""
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURES: Final = 8
"""Secrets that one sender may be changing between."""
_OFF_LOOP_BYTES: Final = 1024 * 1024
"""More than that is some milliseconds' work, for which everybody else would wait."""
_LOG: Final = structlog.get_logger("kairos.web")


class SignatureMissing(Unauthenticated):
    """This key's requests are signed: send webhook-id, webhook-timestamp and webhook-signature, once each."""

    code, title = "signature_missing", "Signature missing"


class SignatureInvalid(Unauthenticated):
    """The signature does not hold: v1, and the base64 of HMAC-SHA256 over "id.timestamp.body" with this key's own secret."""

    code, title = "signature_invalid", "Signature invalid"


class SignatureStale(Unauthenticated):
    """The message was signed too long ago, or its time lies ahead: sign it anew, and set the clock."""

    code, title = "signature_stale", "Signature stale"


class SignatureReplayed(Conflict):
    """A message with this webhook-id has counted already; sign another request under another id."""

    code, title = "signature_replayed", "Message replayed"


class Claimed(NamedTuple):
    """What the headers say; nothing of it is proven."""

    id: str
    timestamp: str
    signatures: tuple[str, ...]


def read_claimed(headers: Iterable[tuple[str, str]]) -> Claimed:
    """Read the headers, each once; raises SignatureMissing, or SignatureInvalid for what can be none."""
    said = [(name.lower(), value) for name, value in headers]
    given = [[value for other, value in said if other == name] for name in HEADERS]
    if any(len(each) != 1 for each in given):
        raise SignatureMissing
    id_, timestamp, signatures = (each[0].strip() for each in given)
    if not _ID.fullmatch(id_):
        raise SignatureInvalid("The webhook-id must be 1 to 255 visible ASCII characters without a full stop.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalid("The webhook-timestamp must be whole seconds since 1970.")
    return Claimed(id_, timestamp, tuple(signatures.split(" ")[:_SIGNATURES]))


def check(claimed: Claimed, body: bytes, *, secret: bytes, now: datetime, window: timedelta) -> None:
    """Verify a message at `now`; raises SignatureInvalid or, where the signature holds, SignatureStale."""
    right = sign(secret, claimed.id, claimed.timestamp, body).encode()
    given = [each.encode("utf-8", "surrogateescape") for each in claimed.signatures]
    if not any(hmac.compare_digest(right, each) for each in given):
        raise SignatureInvalid
    off_s = abs(now.timestamp() - int(claimed.timestamp))
    if off_s > window.total_seconds():
        raise SignatureStale(
            f"The message's time is {off_s:.0f} s off; {window.total_seconds():.0f} s are allowed: sign it anew."
        )


async def verify(request: web.Request, body: bytes, signer: Signer | None) -> Message | None:
    """Give the message of a request that is signed as it must be, to be spent; None for whom no key's secret binds."""
    if signer is None:
        return None
    parts = request.app[PARTS]
    now = parts.clock.now()
    secret = opened(signer.sealed, key_id=signer.key_id, keyring=parts.secrets, now=now)
    if secret is None:
        _LOG.error("the secret of a key cannot be opened; make another key", key=str(signer.key_id))
        raise Unavailable("This key's signing secret cannot be opened here; its house has to make another key.")
    window = timedelta(seconds=parts.settings.limits.signature_window_s)
    told = now - parts.ahead  # another system's day is not moved for tests
    try:
        claimed = read_claimed(request.headers.items())
        if len(body) > _OFF_LOOP_BYTES:
            await asyncio.to_thread(check, claimed, body, secret=secret, now=told, window=window)
        else:
            check(claimed, body, secret=secret, now=told, window=window)
    except Refusal as refusal:
        _LOG.info("a signed request was refused", key=str(signer.key_id), code=refusal.reason)
        raise
    return Message(signer.key_id, hashlib.sha256(claimed.id.encode()).digest())


async def spend(db: Connection, message: Message | None) -> None:
    """Let a message count; raises SignatureReplayed where it has. Needs the transaction of what it asks for."""
    if message is not None and not await signed_messages.spend(db, message):
        raise SignatureReplayed
