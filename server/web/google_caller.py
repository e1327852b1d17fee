"""Google as a caller: its signature is in the body, over a message to our issuer.

https://developers.google.com/wallet/generic/use-cases/use-callbacks-for-saves-and-deletions

Rule 1: nothing else tells that it is Google: neither an address nor a User-Agent.
Rule 2: whatever does not hold is one answer. What it was stands in our log, and never what was sent.
Rule 3: a root key that we do not know is looked for once more, at most every half minute, whoever asks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from passes.errors import CallbackError
from passes.google.callback import Callback, read_callback
from server.errors import Unauthenticated
from server.web.access import Kind, Principal
from server.web.parts import PARTS
from server.web.visitor import Visitor

TOLD: Final = web.RequestKey("google callback", Callback)
"""What Google said, once it is known to be Google."""

_NOT_ROOTED, _NO_ROOTS = "callback.intermediate", "callback.roots"
_NO_KEYS: Final = b'{"keys": []}'
_LOG: Final = structlog.get_logger("kairos.wallet")


async def read_google(request: web.Request, body: bytes) -> Visitor:
    """Verify a callback and keep what it says; raises Unauthenticated, and NoKeys while Google's keys cannot be had."""
    parts = request.app[PARTS]
    if parts.google is None:
        raise Unauthenticated
    now = parts.clock.now() - parts.ahead  # Google's day is not moved for tests
    keys, issuer_id = parts.google.keys, parts.google.issuer.id
    try:
        _look_like_one(body, issuer_id, now)
        try:
            told = read_callback(body, root_keys=await keys.get(now=now), issuer_id=issuer_id, now=now)
        except CallbackError as error:
            newer = await keys.renewed(now=now) if error.code == _NOT_ROOTED else None
            if newer is None:
                raise
            told = read_callback(body, root_keys=newer, issuer_id=issuer_id, now=now)
    except CallbackError as error:
        _LOG.info("a callback that is not Google's", code=error.code)
        raise Unauthenticated from None
    request[TOLD] = told
    return Visitor(Principal(Kind.GOOGLE, "google", frozenset({Kind.GOOGLE}), via="token"))


def _look_like_one(body: bytes, issuer_id: str, now: datetime) -> None:
    """Raise CallbackError for what is no callback at all: for that nobody asks Google for its keys."""
    try:
        read_callback(body, root_keys=_NO_KEYS, issuer_id=issuer_id, now=now)
    except CallbackError as error:
        if error.code != _NO_ROOTS:
            raise
