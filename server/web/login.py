"""/login, /logout, /password: forms for people. A log-in is a cookie with a random number; nothing else is in it.

Who is not known and who has the wrong password get the same answer after the same time. Who has a second factor is asked for
a code next (`server/web/login_code.py`); until then there is no session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, Refusal, Unauthenticated
from server.pipeline import second_factor
from server.store import half_logins, logins, sessions, users
from server.store.pool import Connection
from server.store.users import Login
from server.web.audit import note
from server.web.body import FORM
from server.web.call import Call, Reply
from server.web.door import door
from server.web.entering import (
    WrongLogin,
    account_of,
    attempt,
    begin,
    cookie,
    end_session,
    form,
    half_cookie,
    landing,
    network_of,
    refused,
)
from server.web.pages import HTML
from server.web.passwords import FAULTS, Checked, fault_of
from server.web.visitor import ROLES
from server.web.way_back import carried_by, page_of, way_to

Secret = Annotated[str, msgspec.Meta(max_length=1024)]


class LogIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who wants in, and which page they came for."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Secret
    to: str = ""


class NewPassword(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The password now, and the one from now on, twice; and the page that is shown then."""

    current: Secret
    password: Secret
    again: Secret
    to: str = ""


@door("GET", "/login", produces=HTML, summary="The log-in form", tags=("Pages",))
async def log_in_form(call: Call) -> Reply:
    """Show the form."""
    return form(call, "login", to=carried_by(call.request))


@door(
    "POST",
    "/login",
    body=LogIn,
    media=FORM,
    produces=HTML,
    status=303,
    errors=(401,),
    summary="Log in: a cookie, and the way to the right page, or to the second factor",
    example={"email": "kim@example.com", "password": "a long sentence only Kim knows"},
    tags=("Pages",),
)
async def log_in(call: Call) -> Reply:
    """Check the password and begin a session with a new id; a page of an older session ends."""
    call.gate.refuse_other_origin(call.request)
    wanted: LogIn = call.body
    account, network = account_of(wanted.email), network_of(call.address)
    try:
        await attempt(call, account=account, network=network)
        async with call.connection() as db:
            found = await users.find_login(db, email=wanted.email)
        checked = await call.gate.hasher.check(wanted.password, found.password_hash if found else None)
        if found is None or not checked.right:
            raise WrongLogin
        return await _let_in(call, found, checked, account=account, network=network)
    except Refusal as refusal:
        return refused(call, "login", refusal, email=wanted.email, to=wanted.to)


async def _let_in(call: Call, found: Login, checked: Checked, *, account: str, network: str) -> Reply:
    """Begin a session, or half a one; raises WrongLogin where the password was changed while it was checked."""
    async with call.transaction() as db:
        if not await users.is_still(db, id_=found.id, password_hash=found.password_hash):
            raise WrongLogin
        await _better(db, found, checked)
        if found.second:  # the attempt stays counted until the code was right
            to = page_of(call.request.app, call.body.to)
            half = half_cookie(call, await half_logins.create(db, user_id=found.id), age=half_logins.LIFE_S)
            return Reply(303, headers={"Location": way_to("/login/code", to), "Set-Cookie": half})
        await logins.succeed(db, account=account, network=network)
        made = await begin(db, call, user_id=found.id)
    way = landing(call, found.roles, one_time=found.one_time, to=call.body.to)
    return Reply(303, headers={"Location": way, "Set-Cookie": made})


async def _better(db: Connection, found: Login, checked: Checked) -> None:
    """Keep a hash of today's costs where the one that was kept has older ones."""
    if checked.better_hash:
        await users.set_password(db, id_=found.id, password_hash=checked.better_hash, one_time=found.one_time)


@door("POST", "/logout", media=FORM, produces=HTML, status=303, summary="Log out", tags=("Pages",))
async def log_out(call: Call) -> Reply:
    """End the session, here and in the database."""
    async with call.transaction() as db:
        await end_session(db, call)
    if call.principal.user_id is not None:
        call.gate.credentials.forget_user(call.principal.user_id)
    return Reply(303, headers={"Location": "/login", "Set-Cookie": cookie(call, "")})


@door("GET", "/password", produces=HTML, errors=(401,), summary="The form for another password", tags=("Pages",))
async def password_form(call: Call) -> Reply:
    """Show the form to whoever is logged in."""
    if call.principal.user_id is None:
        raise Unauthenticated
    async with call.connection() as db:
        person = await users.look(db, id_=call.principal.user_id)
    return form(call, "password", to=carried_by(call.request), one_time=person is not None and person.one_time)


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
    if fault := _fault(call, wanted):
        return refused(call, "password", Invalid(errors=[_FAULTS[fault]]), fault=fault, to=wanted.to)
    account, network = account_of(str(user_id)), network_of(call.address)
    try:
        await attempt(call, account=account, network=network)
        async with call.connection() as db:
            stored = await users.password_hash(db, id_=user_id)
        if not (await call.gate.hasher.check(wanted.current, stored)).right:
            raise WrongLogin("The current password is wrong.")
        password_hash = await call.gate.hasher.hash(wanted.password)
        return await _change(call, user_id, stored, password_hash, account=account, network=network)
    except Refusal as refusal:
        return refused(call, "password", refusal, to=wanted.to)


async def _change(
    call: Call, user_id: UUID, stored: str | None, password_hash: str, *, account: str, network: str
) -> Reply:
    """Keep the new password; raises WrongLogin where the one that was `stored` is no more."""
    async with call.transaction() as db:
        if stored is None or not await users.is_still(db, id_=user_id, password_hash=stored):
            raise WrongLogin("The current password is wrong.")
        await logins.succeed(db, account=account, network=network)
        await users.set_password(db, id_=user_id, password_hash=password_hash, one_time=False)
        await sessions.end_all(db, user_id=user_id)
        made = await begin(db, call, user_id=user_id, proven=not await second_factor.is_on(db, user_id=user_id))
        await note(db, call, action="user.password", object=f"user:{user_id}")
    call.gate.credentials.forget_user(user_id)
    roles = [role for role, kind in ROLES.items() if kind in call.principal.roles]
    way = landing(call, roles, one_time=False, to=call.body.to)
    return Reply(303, headers={"Location": way, "Set-Cookie": made})


_FAULTS: Final[Mapping[str, FieldError]] = {
    "differ": FieldError("again", "is not the same as the new password"),
    "same": FieldError("password", "is the current one"),
    **{fault: FieldError("password", sentence) for fault, sentence in FAULTS.items()},
}


def _fault(call: Call, wanted: NewPassword) -> str | None:
    """Tell what is wrong with a new password: mistyped, the old one, or what `fault_of` finds."""
    if wanted.password != wanted.again:
        return "differ"
    if wanted.password == wanted.current:
        return "same"
    return fault_of(wanted.password, words=("kairos", *call.parts.settings.programme.name.split()))
