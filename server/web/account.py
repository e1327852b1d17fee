"""/v1/account: what people who are logged in see and do about their own log-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from server.errors import NotFound, Unauthenticated
from server.store import second_factors, sessions, users
from server.web.audit import note
from server.web.call import Call, Reply
from server.web.door import door
from server.web.entering import cookie
from server.web.own import me, prove


class SecondFactor(msgspec.Struct, frozen=True):
    """Whether a second factor is `on` (since when, and how many recovery codes are left), and whether the role needs one."""

    on: bool
    required: bool
    since: datetime | None
    recovery_codes_left: int


class Account(msgspec.Struct, frozen=True):
    """Who is logged in."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    store_id: UUID | None
    second_factor: SecondFactor


class OwnSession(msgspec.Struct, frozen=True):
    """A log-in of one's own; `current` is the one that asks. `network` is a prefix, `browser` its family and system."""

    id: UUID
    current: bool
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    network: str | None
    browser: str | None


class OwnSessions(msgspec.Struct, frozen=True):
    """All of them, the newest first; `next` is there for whoever reads every list in one way."""

    items: list[OwnSession]
    next: None


class Proof(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The password once more, and a code where there is a second factor."""

    password: Annotated[str, msgspec.Meta(max_length=1024)]
    code: Annotated[str, msgspec.Meta(max_length=64)] | None = None


@door("GET", "/v1/account", answer=Account, summary="Who is logged in", tags=("Account",))
async def show(call: Call) -> Account:
    """Show one's own account."""
    user_id, _ = me(call)
    return await account_of(call, user_id)


async def account_of(call: Call, user_id: UUID) -> Account:
    """Look an account up."""
    async with call.connection() as db:
        person = await users.look(db, id_=user_id)
        factor = await second_factors.find(db, user_id=user_id)
        left = await second_factors.codes_left(db, user_id=user_id)
    if person is None:
        raise NotFound
    since = factor.confirmed_at if factor else None
    wanted = call.parts.settings.session.second_factor == "required"
    told = SecondFactor(
        on=since is not None,
        required=wanted and bool({"marketer", "admin"} & set(person.roles)),
        since=since,
        recovery_codes_left=left if since else 0,
    )
    return Account(person.id, person.email, person.name, person.roles, person.store_id, told)


@door("GET", "/v1/account/sessions", answer=OwnSessions, summary="One's own log-ins", tags=("Account",))
async def list_own(call: Call) -> OwnSessions:
    """List one's own log-ins that count: the newest, should they be more than a page."""
    user_id, current = me(call)
    settings = call.parts.settings
    async with call.connection() as db:
        rows = await sessions.page(
            db, idle_s=settings.session.idle_s, limit=settings.limits.page_items, user_id=user_id
        )
    return OwnSessions([_own(each, current.id) for each in rows], None)


def _own(row: sessions.Listed, current: UUID) -> OwnSession:
    return OwnSession(row.id, row.id == current, row.created_at, row.seen_at, row.ends_at, row.network, row.browser)


@door("DELETE", "/v1/account/sessions/{id}", status=204, summary="End a log-in of one's own", tags=("Account",))
async def end_own(call: Call) -> None:
    """End it: here at once, in other processes within a second."""
    user_id, _ = me(call)
    id_ = call.uuid("id")
    async with call.transaction() as db:
        if await sessions.end_one(db, id_=id_, user_id=user_id) is None:
            raise NotFound
        await note(db, call, action="session.end", object=f"session:{id_}")
    call.gate.credentials.forget_user(user_id)


@door(
    "POST",
    "/v1/account/reauthenticate",
    body=Proof,
    status=204,
    errors=(401,),
    summary="Give the password once more; the log-in gets another cookie",
    example={"password": "a long sentence only Kim knows", "code": "123456"},
    tags=("Account",),
)
async def reauthenticate(call: Call) -> Reply:
    """Check it is them, and renew the session under a new number; what is asked for then counts as asked by them."""
    user_id, _ = me(call)
    proof: Proof = call.body
    await prove(call, user_id=user_id, password=proof.password, code=proof.code)
    async with call.transaction() as db:
        fresh = await sessions.renew(db, token=call.request.cookies.get(call.gate.cookie, ""))
        if fresh is None:
            raise Unauthenticated
    call.gate.credentials.forget_user(user_id)
    return Reply(204, headers={"Set-Cookie": cookie(call, fresh)})
