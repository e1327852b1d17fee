"""/login, /logout, /password: forms for people. A log-in is a cookie with a random number; nothing else is in it.

Who is not known and who has the wrong password get the same answer after the same time.
"""

from __future__ import annotations

import hashlib
import ipaddress
import unicodedata
from typing import Annotated

import msgspec

from server.errors import Invalid, Refusal, TooMany, Unauthenticated
from server.store import logins, sessions, users
from server.store.pool import Connection
from server.web.access import Kind
from server.web.audit import note
from server.web.auth import ROLES
from server.web.body import FORM
from server.web.call import Call, Reply
from server.web.door import DOORS, door
from server.web.pages import HTML, render
from server.web.passwords import judge

_IPV4_NETWORK = 24
_IPV6_NETWORK = 64
_READERS = frozenset({Kind.MARKETER, Kind.ANALYST, Kind.ADMIN})
_WRONG = "E-mail address or password is wrong."

Secret = Annotated[str, msgspec.Meta(max_length=1024)]


class LogIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who wants in."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Secret


class NewPassword(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The password now, and the one from now on, twice."""

    current: Secret
    password: Secret
    again: Secret


class WrongLogin(Unauthenticated):
    """E-mail address or password is wrong."""

    code, title = "wrong_login", "Wrong log-in"


@door("GET", "/login", produces=HTML, summary="The log-in form", tags=("Pages",))
async def form(call: Call) -> Reply:
    """Show the form."""
    return _page(call, "login.html", 200)


@door(
    "POST",
    "/login",
    body=LogIn,
    media=FORM,
    produces=HTML,
    status=303,
    errors=(401,),
    summary="Log in: a cookie, and the way to the right page",
    example={"email": "kim@example.com", "password": "a long sentence only Kim knows"},
    tags=("Pages",),
)
async def log_in(call: Call) -> Reply:
    """Check the password and begin a session with a new id; a page of an older session ends."""
    call.gate.refuse_other_origin(call.request)
    wanted: LogIn = call.body
    account, network = _account(wanted.email), network_of(call.address)
    try:
        await _attempt(call, account=account, network=network)
        async with call.connection() as db:
            found = await users.find_login(db, email=wanted.email)
        checked = await call.gate.hasher.check(wanted.password, found.password_hash if found else None)
        if found is None or not checked.right:
            raise WrongLogin
    except Refusal as refusal:
        return _refused(call, "login.html", refusal)
    async with call.transaction() as db:
        await logins.succeed(db, account=account, network=network)
        if checked.better_hash:
            await users.set_password(db, id_=found.id, password_hash=checked.better_hash, one_time=found.one_time)
        await _end_session(db, call)
        made = await sessions.create(db, user_id=found.id, absolute_s=call.parts.settings.session.absolute_s)
    way = "/password" if found.one_time else _landing(call, found.roles)
    return Reply(303, headers={"Location": way, "Set-Cookie": _cookie(call, made.token)})


@door("POST", "/logout", media=FORM, produces=HTML, status=303, summary="Log out", tags=("Pages",))
async def log_out(call: Call) -> Reply:
    """End the session, here and in the database."""
    async with call.transaction() as db:
        await _end_session(db, call)
    if call.principal.user_id is not None:
        call.gate.credentials.forget_user(call.principal.user_id)
    return Reply(303, headers={"Location": "/login", "Set-Cookie": _cookie(call, "")})


@door("GET", "/password", produces=HTML, errors=(401,), summary="The form for another password", tags=("Pages",))
async def password_form(call: Call) -> Reply:
    """Show the form to whoever is logged in."""
    if call.principal.user_id is None:
        raise Unauthenticated
    return _page(call, "password.html", 200)


@door(
    "POST",
    "/password",
    body=NewPassword,
    media=FORM,
    produces=HTML,
    status=303,
    errors=(401, 422),
    summary="Change one's own password",
    example={"current": "the one-time password", "password": "a long new sentence", "again": "a long new sentence"},
    tags=("Pages",),
)
async def change_password(call: Call) -> Reply:
    """Change the password; every session ends, and this browser gets a new one."""
    user_id = call.principal.user_id
    if user_id is None:
        raise Unauthenticated
    wanted: NewPassword = call.body
    account, network = _account(str(user_id)), network_of(call.address)
    try:
        _judge(call, wanted)
        await _attempt(call, account=account, network=network)
        async with call.connection() as db:
            stored = await users.password_hash(db, id_=user_id)
        if not (await call.gate.hasher.check(wanted.current, stored)).right:
            raise WrongLogin("The current password is wrong.")
        password_hash = await call.gate.hasher.hash(wanted.password)
    except Refusal as refusal:
        return _refused(call, "password.html", refusal)
    async with call.transaction() as db:
        await logins.succeed(db, account=account, network=network)
        await users.set_password(db, id_=user_id, password_hash=password_hash, one_time=False)
        await sessions.end_all(db, user_id=user_id)
        made = await sessions.create(db, user_id=user_id, absolute_s=call.parts.settings.session.absolute_s)
        await note(db, call, action="user.password", object=f"user:{user_id}")
    call.gate.credentials.forget_user(user_id)
    roles = [role for role, kind in ROLES.items() if kind in call.principal.roles]
    return Reply(303, headers={"Location": _landing(call, roles), "Set-Cookie": _cookie(call, made.token)})


def _judge(call: Call, wanted: NewPassword) -> None:
    """Refuse a new password that is the old one, was mistyped, or is guessed first."""
    if wanted.password != wanted.again:
        raise Invalid("The new passwords are not the same.")
    if wanted.password == wanted.current:
        raise Invalid("The new password is the current one.")
    judge(wanted.password, field="password", words=("kairos", *call.parts.settings.programme.name.split()))


async def _attempt(call: Call, *, account: str, network: str) -> None:
    """Count the attempt; raises TooMany where there were too many for the account from this network."""
    limits = call.parts.settings.limits
    async with call.transaction() as db:
        wait = await logins.attempt(
            db, account=account, network=network, failures=limits.login_failures, window_s=limits.login_window_s
        )
    if wait:
        raise TooMany("Too many failed log-ins; wait and try again.", retry_after_s=wait)


async def _end_session(db: Connection, call: Call) -> None:
    if token := call.request.cookies.get(call.gate.cookie):
        await sessions.end(db, token=token)


def _account(email: str) -> str:
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


def _cookie(call: Call, token: str) -> str:
    """Write the session's cookie, or the one that takes it away."""
    age = call.parts.settings.session.absolute_s if token else 0
    secure = "; Secure" if call.gate.secure else ""
    return f"{call.gate.cookie}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"


def _landing(call: Call, roles: tuple[str, ...] | list[str]) -> str:
    """Tell where somebody with these roles begins: the first page of theirs that is there."""
    kinds = {ROLES[role] for role in roles if role in ROLES}
    there = {each.path for each in call.request.app[DOORS]}
    wanted = ["/dashboard"] if kinds & _READERS else []
    wanted += ["/counter"] if Kind.TILL in kinds else []
    return next((page for page in wanted if page in there), "/docs")


def _page(
    call: Call, template: str, status: int, *, complaint: str = "", headers: dict[str, str] | None = None
) -> Reply:
    body = render(
        template,
        brand=call.parts.settings.programme.name,
        csrf=call.csrf or "",
        one_time=call.principal.user_id is not None,
        complaint=complaint,
    )
    return Reply(status, body, headers=headers or {}, media=HTML)


def _refused(call: Call, template: str, refusal: Refusal) -> Reply:
    """Show people the form again with what was wrong; programs get the problem itself."""
    if HTML not in call.request.headers.get("Accept", ""):
        raise refusal
    complaint = f"The new password {refusal.errors[0].message}." if refusal.errors else refusal.detail
    headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    return _page(call, template, refusal.status, complaint=complaint, headers=headers)
