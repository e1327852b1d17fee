"""`Idempotency-Key`: the same key and body get the same answer, and the deed is done once.

Kept are answers that settle the matter: 2xx, 409 and 410. What may be different next time (503, 429) or was the
client's slip (validation) is not: the key is then as free as before. The key's row, the deed and the answer are one
transaction; in front of the database, requests of one process with the same key form a line of their own, so that a
client in a loop holds one connection and not all of them.

Answers may hold secrets that are told only once (a token, a one-time password). They are kept sealed (AES-GCM) under a
key derived from the client's own Idempotency-Key, of which the row has but a hash: who reads the table reads nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import replace
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import IdempotencyKeyRequired, Invalid, Refusal, Unreadable
from server.store import idempotency
from server.store.idempotency import Claim
from server.store.pool import Connection, Contended
from server.web.call import Call
from server.web.codec import canonical
from server.web.problems import body_of
from server.web.signatures import spend

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TRIES: Final = 3
_NONCE_BYTES: Final = 12


class Mismatch(Invalid):
    """This Idempotency-Key was used for another request."""

    code, title = "idempotency_mismatch", "Idempotency key mismatch"


class Answer(NamedTuple):
    """Status and bytes of an answer, and whether they were kept from the first time."""

    status: int
    body: bytes
    replayed: bool = False
    headers: tuple[tuple[str, str], ...] = ()


Deed = Callable[[Call], Awaitable[Answer]]


def read_key(header: str | None, *, required: bool) -> str | None:
    """Check the header's value: 1 to 255 visible ASCII characters; raises IdempotencyKeyRequired or Unreadable."""
    if header is None:
        if required:
            raise IdempotencyKeyRequired
        return None
    if not _KEY.fullmatch(header):
        raise Unreadable(
            "The Idempotency-Key must be 1 to 255 visible ASCII characters.", code="idempotency_key_invalid"
        )
    return header


class Keyed(NamedTuple):
    """A claim, and the secret that seals its answer."""

    claim: Claim
    secret: bytes


def claim_of(call: Call, *, key: str, body: object) -> Keyed:
    """Name the claim: whose, for which method and path, with which body and query."""
    route = f"{call.request.method} {call.request.path}"
    asked = hashlib.sha256(canonical(body) if not isinstance(body, bytes) else body)
    asked.update(b"?" + call.request.rel_url.raw_query_string.encode())
    return _keyed(call.principal.id, route, key, asked.digest())


def _keyed(principal: str, route: str, key: str, asked: bytes) -> Keyed:
    name = "\0".join((principal, route, key)).encode()
    hidden = hmac.digest(b"kairos idempotency key", name, "sha256").hex()
    secret = hmac.digest(b"kairos idempotency seal", name, "sha256")
    return Keyed(Claim(principal, route, hidden, asked), secret)


async def answered(db: Connection, *, principal: str, route: str, key: str) -> Answer | None:
    """Read the answer that somebody got under a key, whatever they asked; None where none was kept."""
    keyed = _keyed(principal, route, key, b"")
    kept = await idempotency.read(db, keyed.claim)
    return None if kept is None else Answer(kept.status, _open(keyed, kept.body), replayed=True)


def _seal(keyed: Keyed, body: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(keyed.secret).encrypt(nonce, body, keyed.claim.key.encode())


def _open(keyed: Keyed, sealed: bytes) -> bytes:
    return AESGCM(keyed.secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], keyed.claim.key.encode())


class Line:
    """Requests with the same key, one after the other."""

    def __init__(self) -> None:
        """Begin with nobody in line."""
        self._turns: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, name: Hashable) -> AsyncIterator[None]:
        """Wait until nobody before us has this name any more."""
        lock, waiting = self._turns.get(name) or (asyncio.Lock(), 0)
        self._turns[name] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[name]
            if waiting == 1:
                del self._turns[name]
            else:
                self._turns[name] = lock, waiting - 1


async def once(call: Call, deed: Deed, *, keyed: Keyed, line: Line) -> Answer:
    """Do the deed under its key, or give the answer that was kept; anew when another transaction was in the way.

    Raises Mismatch for another body, and whatever the deed raises that is not kept.
    """
    async with line.turn(keyed.claim[:3]):
        for left in reversed(range(_TRIES)):
            try:
                async with call.pool.transaction() as db:
                    return await _once(db, call, deed, keyed)
            except Contended:
                if not left:
                    raise
    raise AssertionError("unreachable")


async def _once(db: Connection, call: Call, deed: Deed, keyed: Keyed) -> Answer:
    claim = keyed.claim
    await spend(db, call.message)
    kept = await idempotency.claim(db, claim)
    if kept is not None:
        if kept.body_hash != claim.body_hash:
            raise Mismatch
        return Answer(kept.status, _open(keyed, kept.body), replayed=True)
    try:
        async with db.transaction():  # a refusal undoes the deed, and not the key
            answer = await deed(replace(call, held=db))
    except Contended:
        raise
    except Refusal as refusal:
        if refusal.status not in (409, 410):
            raise
        answer = Answer(refusal.status, body_of(refusal, request_id=call.request_id))
    await idempotency.keep(db, claim, status=answer.status, body=_seal(keyed, answer.body))
    return answer
