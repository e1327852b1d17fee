"""What every way in shares: attempts are counted, a session begins with a new number, cookies, where somebody lands.

Rule 1: an attempt is counted before anything of it is looked at, and forgiven when it was right.
Rule 2: codes are counted by account as well, wherever they come from: whoever guesses them knows the password already.
"""

from __future__ import annotations

import hashlib
import ipaddress
import unicodedata
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from server.errors import Refusal, TooMany, Unauthenticated
from server.store import logins, sessions
from server.store.pool import Connection
from server.store.sessions import From
from server.web.access import Kind
from server.web.browsers import family_of
from server.web.call import Call, Reply
from server.web.door import DOORS
from server.web.languages import catalogue
from server.web.pages import HTML
from server.web.screens.frame import language_for, show
from server.web.visitor import ROLES
from server.web.way_back import page_of, way_to

_IPV4_NETWORK: Final = 24
_IPV6_NETWORK: Final = 64
_ANYWHERE: Final = "anywhere"
_READERS: Final = frozenset({Kind.MARKETER, Kind.ANALYST, Kind.ADMIN})


class WrongLogin(Unauthenticated):
    """E-mail address or password is wrong."""

    code, title = "wrong_login", "Wrong log-in"


class WrongCode(Unauthenticated):
    """The code is wrong, or was used before."""

    code, title = "wrong_code", "Wrong code"


async def attempt(call: Call, *, account: str, network: str) -> None:
    """Count the attempt; raises TooMany where there were too many for the account from this network."""
    limits = call.parts.settings.limits
    async with call.transaction() as db:
        wait = await logins.attempt(
            db, account=account, network=network, failures=limits.login_failures, window_s=limits.login_window_s
        )
    if wait:
        raise TooMany("Too many failed log-ins; wait and try again.", retry_after_s=wait)


async def attempt_code(call: Call, *, user_id: UUID) -> None:
    """Count a code, from wherever it comes; raises TooMany."""
    await attempt(call, account=account_of(f"code {user_id}"), network=_ANYWHERE)


async def forgive_codes(db: Connection, *, user_id: UUID) -> None:
    """Forget the wrong codes of a person who gave a right one."""
    await logins.succeed(db, account=account_of(f"code {user_id}"), network=_ANYWHERE)


def account_of(email: str) -> str:
    """Give the account's name as it is counted: hashed, since people type passwords into the wrong field."""
    return hashlib.sha256(unicodedata.normalize("NFKC", email).strip().casefold().encode()).hexdigest()


def network_of(address: str) -> str:
    """Give the network that an address counts for: an IPv4 /24, an IPv6 /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    prefix = _IPV4_NETWORK if found.version == 4 else _IPV6_NETWORK
    return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))


async def begin(db: Connection, call: Call, *, user_id: UUID, proven: bool = True) -> str:
    """Begin a session and give its cookie; the one that the browser had ends. Needs a transaction.

    `proven` is False where somebody with a second factor gave no code: what is dear asks them once more.
    """
    await end_session(db, call)
    origin = From(network_of(call.address), family_of(call.request.headers.get("User-Agent")))
    absolute_s = call.parts.settings.session.absolute_s
    made = await sessions.create(db, user_id=user_id, absolute_s=absolute_s, origin=origin, proven=proven)
    return cookie(call, made.token)


async def end_session(db: Connection, call: Call) -> None:
    """End the session that the browser came with."""
    if token := call.request.cookies.get(call.gate.cookie):
        await sessions.end(db, token=token)


def cookie(call: Call, token: str) -> str:
    """Write the session's cookie, or the one that takes it away."""
    return _cookie(call, call.gate.cookie, token, age=call.parts.settings.session.absolute_s)


def half_name(call: Call) -> str:
    """Name the cookie of a half log-in."""
    return "__Host-half" if call.gate.secure else "half"


def half_cookie(call: Call, token: str, *, age: int) -> str:
    """Write the cookie of a half log-in."""
    return _cookie(call, half_name(call), token, age=age)


def _cookie(call: Call, name: str, token: str, *, age: int) -> str:
    secure = "; Secure" if call.gate.secure else ""
    return f"{name}={token}; Path=/; Max-Age={age if token else 0}; HttpOnly; SameSite=Strict{secure}"


def landing(call: Call, roles: Iterable[str], *, one_time: bool, to: str = "") -> str:
    """Tell where somebody with these roles begins: at another password if they must, else where they wanted `to`, if they may.

    Otherwise it is the first page of theirs.
    """
    app = call.request.app
    if one_time:
        return way_to("/password", page_of(app, to))
    kinds = frozenset(ROLES[role] for role in roles if role in ROLES)
    if page := page_of(app, to, roles=kinds):
        return page
    there = {each.path for each in app[DOORS]}
    wanted = ["/dashboard"] if kinds & _READERS else []
    wanted += ["/counter"] if Kind.TILL in kinds else []
    return next((page for page in wanted if page in there), "/docs")


def refused(call: Call, page: str, refusal: Refusal, *, fault: str = "", email: str = "", to: str = "") -> Reply:
    """Show people the form again with what was wrong, in their language; programs get the problem itself.

    `page` names template and words; `fault` the word of what is wrong with a field; `email` need not be typed again; `to` is
    where it leads to.
    """
    if HTML not in call.request.headers.get("Accept", ""):
        raise refusal
    words = catalogue(page)[language_for(call)]
    complaint = words[f"fault_{fault}"] if fault else words.get(f"refused_{refusal.reason}", refusal.detail)
    headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    return form(call, page, status=refusal.status, complaint=complaint, headers=headers, email=email, to=to)


def form(
    call: Call,
    page: str,
    *,
    status: int = 200,
    complaint: str = "",
    headers: dict[str, str] | None = None,
    email: str = "",
    to: str = "",
    one_time: bool = False,
) -> Reply:
    """Show a form of a way in, which hands on where it leads `to`; `one_time` where it is the first log-in's."""
    to = page_of(call.request.app, to)
    more: dict[str, Any] = {
        "complaint": complaint,
        "email": email,
        "to": to,
        "one_time": one_time,
        "again": way_to("/login", to),
    }
    more["facts"] = {
        "here": way_to(call.request.path, to)
    }  # who chooses the other language sends nothing a second time
    return show(call, f"{page}.html", words=page, status=status, headers=headers, **more)
