"""/v1/users: an admin adds, changes and removes people. A first password is told once and must be changed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import Conflict, FieldError, Invalid, NotFound
from server.store import second_factors, sessions, users
from server.store.pool import Connection
from server.web.audit import note
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.passwords import one_time_password

Role = Literal["marketer", "analyst", "admin", "counter"]
Roles = Annotated[list[Role], msgspec.Meta(min_length=1, max_length=4)]
LONGEST_NAME: Final = 100
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]

# Not a grammar of addresses, only what no address can be without.
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,189}")


def is_address(text: str) -> bool:
    """Tell whether somebody could log in with it."""
    return _EMAIL.fullmatch(text) is not None


# Control characters, breaks of lines, and what turns the words around a name: "Delete …?" must read as it was written.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def is_name(text: str) -> bool:
    """Tell whether somebody can be called so."""
    return 0 < len(text.strip()) <= LONGEST_NAME and _UNSEEN.search(text) is None


class LastAdmin(Conflict):
    """Somebody must be left who can manage the others."""

    code, title = "last_admin", "Last admin"


class NewUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who it is; `counter` needs the store they stand in."""

    email: Annotated[str, msgspec.Meta(max_length=254)]
    name: Name
    roles: Roles
    store_id: UUID | None = None


class UserChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to change. `disabled` ends every log-in, `reset_password` gives a new one-time password.

    `reset_second_factor` takes it away, with its recovery codes: for whoever has lost phone and codes.
    """

    name: Name | msgspec.UnsetType = msgspec.UNSET
    roles: Roles | msgspec.UnsetType = msgspec.UNSET
    store_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET
    reset_password: bool = False
    reset_second_factor: bool = False


class ListedUser(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person; `password` only where one was just made."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    store_id: UUID | None
    one_time: bool
    created_at: datetime
    disabled_at: datetime | None
    second_factor: bool
    password: str | msgspec.UnsetType = msgspec.UNSET


class Users(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[ListedUser]
    next: str | None


@door("GET", "/v1/users", query=PageQuery, answer=Users, summary="The people who log in", tags=("House",))
async def list_users(call: Call) -> Users:
    """List people."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await users.page(db, before=before[0] if before else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda user: (user.id,))
    return Users([_listed(user) for user in page], following)


@door(
    "POST",
    "/v1/users",
    body=NewUser,
    answer=ListedUser,
    status=201,
    idempotency="optional",
    errors=(409,),
    summary="Add a person; the one-time password is told once",
    example={"email": "kim@example.com", "name": "Kim", "roles": ["marketer"]},
    tags=("House",),
)
async def add(call: Call) -> ListedUser:
    """Add a person."""
    wanted: NewUser = call.body
    wrong = [] if is_address(wanted.email) else [FieldError("email", "is not an e-mail address")]
    if wrong := wrong + _wrong_name(wanted.name) + _wrong_store(wanted.roles, wanted.store_id):
        raise Invalid(errors=wrong)
    password = one_time_password()
    password_hash = await call.gate.hasher.hash(password)
    async with call.transaction() as db:
        added = await users.create(
            db,
            email=wanted.email,
            name=wanted.name,
            roles=_once_each(wanted.roles),
            store_id=wanted.store_id,
            password_hash=password_hash,
        )
        if added is None:
            if await users.email_taken(db, email=wanted.email):
                raise Conflict("Somebody has this e-mail address.", code="email_taken")
            raise Invalid(errors=[FieldError("store_id", "is not a known store")])
        await note(db, call, action="user.create", object=f"user:{added.id}", after=wanted)
    return _listed(added, password=password)


@door(
    "PATCH",
    "/v1/users/{id}",
    body=UserChange,
    answer=ListedUser,
    errors=(409,),
    summary="Change a person; any change ends their log-ins",
    example={"roles": ["analyst"], "disabled": False},
    tags=("House",),
)
async def change(call: Call) -> ListedUser:
    """Change what is given, and end the person's log-ins: rights count from now on."""
    wanted: UserChange = call.body
    id_ = call.uuid("id")
    password = one_time_password() if wanted.reset_password else msgspec.UNSET
    password_hash = await call.gate.hasher.hash(password) if isinstance(password, str) else None
    async with call.transaction() as db:
        admins = await users.count_admins(db)
        before = await users.find(db, id_=id_)
        if before is None:
            raise NotFound
        after = await _change(db, before, wanted, admins=admins)
        if password_hash is not None:
            await users.set_password(db, id_=id_, password_hash=password_hash, one_time=True)
            after = after._replace(one_time=True)
        if wanted.reset_second_factor:
            await second_factors.remove(db, user_id=id_)
            after = after._replace(second_factor=False)
        await sessions.end_all(db, user_id=id_)
        await note(db, call, action="user.change", object=f"user:{id_}", before=before, after=after)
    call.gate.credentials.forget_user(id_)
    return _listed(after, password=password)


async def _change(db: Connection, before: users.User, wanted: UserChange, *, admins: int) -> users.User:
    roles = before.roles if wanted.roles is msgspec.UNSET else _once_each(wanted.roles)
    store_id = before.store_id if wanted.store_id is msgspec.UNSET else wanted.store_id
    disabled = before.disabled_at is not None if wanted.disabled is msgspec.UNSET else wanted.disabled
    if wanted.roles is not msgspec.UNSET and "counter" not in roles and wanted.store_id is msgspec.UNSET:
        store_id = None
    name = before.name if wanted.name is msgspec.UNSET else wanted.name
    named = [] if name == before.name else _wrong_name(name)
    if wrong := named + _wrong_store(roles, store_id):
        raise Invalid(errors=wrong)
    if disabled or "admin" not in roles:
        _leave_an_admin(before, admins=admins)
    after = await users.change(
        db,
        id_=before.id,
        name=name,
        roles=roles,
        store_id=store_id,
        disabled=disabled,
    )
    if after is None:
        raise Invalid(errors=[FieldError("store_id", "is not a known store")])
    return after


@door("DELETE", "/v1/users/{id}", status=204, errors=(409,), summary="Remove a person", tags=("House",))
async def remove(call: Call) -> None:
    """Remove a person and end their log-ins."""
    id_ = call.uuid("id")
    async with call.transaction() as db:
        admins = await users.count_admins(db)
        before = await users.find(db, id_=id_)
        if before is None:
            raise NotFound
        _leave_an_admin(before, admins=admins)
        await users.remove(db, id_=id_)
        await note(db, call, action="user.remove", object=f"user:{id_}", before=before)
    call.gate.credentials.forget_user(id_)


def _leave_an_admin(leaving: users.User, *, admins: int) -> None:
    if "admin" in leaving.roles and leaving.disabled_at is None and admins == 1:
        raise LastAdmin


def _wrong_name(name: str) -> list[FieldError]:
    return [] if is_name(name) else [FieldError("name", "must be of characters that can be seen")]


def _wrong_store(roles: list[Role] | tuple[str, ...], store_id: UUID | None) -> list[FieldError]:
    right = ("counter" in roles) == (store_id is not None)
    return [] if right else [FieldError("store_id", "is required for the counter, and for nothing else")]


def _once_each(roles: list[Role]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(roles))


def _listed(user: users.User, *, password: str | msgspec.UnsetType = msgspec.UNSET) -> ListedUser:
    return ListedUser(**user._asdict(), password=password)
