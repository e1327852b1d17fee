"""/login/code: the second step of a log-in. Who gave the right password gives a code, and has a session then, not before.

Rule 1: the cookie of a half log-in opens nothing but this door, and that for five minutes.
Rule 2: each code is an attempt like a password; see `server/web/entering.py`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from server.errors import Refusal, Unauthenticated
from server.pipeline import second_factor
from server.store import half_logins, logins
from server.store.half_logins import Half
from server.web.audit import note
from server.web.body import FORM
from server.web.call import Call, Reply
from server.web.door import door
from server.web.entering import (
    WrongCode,
    account_of,
    attempt,
    attempt_code,
    begin,
    forgive_codes,
    form,
    half_name,
    landing,
    network_of,
    refused,
)
from server.web.own import locks_of
from server.web.pages import HTML
from server.web.way_back import carried_by

Code = Annotated[str, msgspec.Meta(max_length=64)]


class GivenCode(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Six digits from the phone, or a recovery code; and the page they came for."""

    code: Code
    to: str = ""


class LoginOver(Unauthenticated):
    """This log-in took too long, or never began: begin it again with the password."""

    code, title = "login_over", "Log-in over"


@door("GET", "/login/code", produces=HTML, errors=(401,), summary="The form for a second factor", tags=("Pages",))
async def code_form(call: Call) -> Reply:
    """Show the form to whoever gave a password."""
    if await _half(call) is None:
        raise LoginOver
    return form(call, "login_code", to=carried_by(call.request))


@door(
    "POST",
    "/login/code",
    body=GivenCode,
    media=FORM,
    produces=HTML,
    status=303,
    errors=(401,),
    summary="The second step of a log-in: a cookie, and the way to the right page",
    example={"code": "123 456"},
    tags=("Pages",),
)
async def give_code(call: Call) -> Reply:
    """Take the code and begin a session."""
    call.gate.refuse_other_origin(call.request)
    half = await _half(call)
    if half is None:
        return refused(call, "login", LoginOver(), to=call.body.to)
    account, network = account_of(half.email), network_of(call.address)
    try:
        await attempt(call, account=account, network=network)
        await attempt_code(call, user_id=half.user_id)
        async with call.transaction() as db:
            if not await second_factor.check(db, user_id=half.user_id, code=call.body.code, locks=locks_of(call)):
                raise WrongCode
            if not await half_logins.end(db, token=_token(call)):
                raise LoginOver
            await logins.succeed(db, account=account, network=network)
            await forgive_codes(db, user_id=half.user_id)
            made = await begin(db, call, user_id=half.user_id)
            if len(second_factor.plain(call.body.code)) != second_factor.DIGITS:
                who, what = f"user:{half.user_id}", "user.recovery_code"
                await note(db, call, action=what, object=who, actor=who)
    except Refusal as refusal:
        return refused(call, "login_code", refusal, to=call.body.to)
    way = landing(call, half.roles, one_time=half.one_time, to=call.body.to)
    return Reply(303, headers={"Location": way, "Set-Cookie": made})  # the other cookie is worth nothing any more


def _token(call: Call) -> str:
    return call.request.cookies.get(half_name(call), "")


async def _half(call: Call) -> Half | None:
    token = _token(call)
    if not token:
        return None
    async with call.connection() as db:
        return await half_logins.find(db, token=token)
