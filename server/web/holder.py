"""Who holds a pass: Apple's `Authorization: ApplePass <authenticationToken>`, good for the pass in the path alone.

https://developer.apple.com/documentation/walletpasses/register-a-pass-for-update-notifications

Rule 1: a wrong token, another pass's, an unknown serial, a foreign type and a pass whose customer was erased are one
        answer, and take one way to it: the row is looked for, a token opened or sealed, two texts compared.
Rule 2: nothing is remembered: an erasure acts on the next request of every process. For `privacy.farewell_s` an erased
        customer's wallet may still fetch its passes (they are void) and drop them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from aiohttp import web

from server.errors import Unauthenticated
from server.store import passes
from server.web.access import Kind, Principal
from server.web.parts import PARTS
from server.web.visitor import Visitor

SCHEME: Final = "applepass"
"""In lower case: schemes are the same in any (RFC 9110 §11.1)."""

ANDROID: Final = "walletpass"
"""What wallets of Android that follow Apple's service say. They have the pass's token; their push tokens are not Apple's."""

_SERIAL = 36
_SHORTEST, _LONGEST = 16, 128
"""Characters of a token: Apple asks for 16, ours have 43."""


def says_pass(header: str | None) -> bool:
    """Tell whether an Authorization header is a wallet's."""
    return header is not None and header.partition(" ")[0].lower() in (SCHEME, ANDROID)


def is_apple(header: str | None) -> bool:
    """Tell whether it is that of one of Apple's wallets."""
    return header is not None and header.partition(" ")[0].lower() == SCHEME


async def read_holder(request: web.Request) -> Visitor:
    """Tell which pass the caller holds; raises Unauthenticated, the same for whatever is wrong."""
    parts = request.app[PARTS]
    token = request.headers["Authorization"].partition(" ")[2].strip()
    if not _SHORTEST <= len(token) <= _LONGEST:
        raise Unauthenticated
    serial = _serial(request.match_info["serial"])
    async with parts.pool.acquire() as db:
        found = await passes.find(db, serial=serial)
    now = parts.clock.now()
    farewell = timedelta(seconds=parts.settings.privacy.farewell_s)
    owned = found if found is not None and found.held_at(now, farewell=farewell) else None
    right = parts.desk.is_token(token, of=owned, serial=serial, now=now)
    if not right or request.match_info["type"] != parts.desk.pass_type_id:
        raise Unauthenticated
    return Visitor(Principal(Kind.PASS, f"pass:{serial}", frozenset({Kind.PASS}), via="token"))


def _serial(text: str) -> UUID:
    """Read a serial, written with hyphens; what is none gets no other answer than a wrong token."""
    try:
        if len(text) == _SERIAL:
            return UUID(text)
    except ValueError:
        pass
    raise Unauthenticated
