"""/v1/keys: an admin makes, lists and revokes the credentials of machines. Token and secret are told once, when they are made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, NotFound
from server.pipeline import keys as pipeline
from server.pipeline.keys import SIGNED, Sealing
from server.store import keys
from server.web.audit import note
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor

_YEARS: Final = 1980, 2100


class NewKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What kind of key; a till's is bound to its store, and with `signed` a crm's requests are signed with a secret.

    It counts until `not_after`, which is still to come, or until it is revoked.
    """

    kind: Literal["app", "till", "crm", "marketer", "analyst", "admin"]
    store_id: UUID | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    not_after: Instant | None = None
    signed: bool = False


class KeyMade(msgspec.Struct, frozen=True, omit_defaults=True):
    """The key and its token, which is never told again; `secret` (Standard Webhooks) where requests are signed."""

    id: UUID
    kind: str
    store_id: UUID | None
    token: str
    secret: str | msgspec.UnsetType = msgspec.UNSET


class ListedKey(msgspec.Struct, frozen=True):
    """A key without its token; `hint` is how the token ends, `signed` says that its requests are."""

    id: UUID
    kind: str
    hint: str
    store_id: UUID | None
    name: str | None
    created_at: datetime
    not_after: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    signed: bool


class Keys(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[ListedKey]
    next: str | None


@door("GET", "/v1/keys", query=PageQuery, answer=Keys, summary="The keys of machines", tags=("House",))
async def list_keys(call: Call) -> Keys:
    """List keys, also those that count no more."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await keys.page(db, before=before[0] if before else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda key: (key.id,))
    return Keys([ListedKey(*key) for key in page], following)


@door(
    "POST",
    "/v1/keys",
    body=NewKey,
    answer=KeyMade,
    status=201,
    idempotency="optional",
    summary="Make a key; its token is told once",
    example={"kind": "crm", "name": "loyalty backend", "signed": True},
    tags=("House",),
)
async def make(call: Call) -> KeyMade:
    """Make a key."""
    wanted: NewKey = call.body
    if (wanted.kind == "till") != (wanted.store_id is not None):
        raise Invalid(errors=[FieldError("store_id", "is required for a till, and for nothing else")])
    if wanted.signed and wanted.kind != SIGNED:
        raise Invalid(errors=[FieldError("signed", f"is for keys of the kind {SIGNED} alone")])
    if wanted.not_after is not None and not _YEARS[0] <= wanted.not_after.year <= _YEARS[1]:
        raise Invalid(errors=[FieldError("not_after", "must be between the years {} and {}".format(*_YEARS))])
    if wanted.not_after is not None and wanted.not_after <= call.parts.clock.now() - call.parts.ahead:
        raise Invalid(errors=[FieldError("not_after", "must be in the future")])  # of the world's day: keys end by it
    sealing = Sealing(call.parts.secrets, call.parts.clock.now()) if wanted.signed else None
    async with call.transaction() as db:
        made = await pipeline.create(
            db,
            kind=wanted.kind,
            store_id=wanted.store_id,
            name=wanted.name,
            not_after=wanted.not_after,
            sealing=sealing,
        )
        if made is None:
            raise Invalid(errors=[FieldError("store_id", "is not a known store")])
        await note(db, call, action="key.create", object=f"key:{made.id}", after=wanted)
    return KeyMade(made.id, wanted.kind, wanted.store_id, made.token, made.secret or msgspec.UNSET)


@door("DELETE", "/v1/keys/{id}", status=204, summary="Revoke a key", tags=("House",))
async def revoke(call: Call) -> None:
    """Let a key count no more: here at once, in other processes within a second."""
    id_ = call.uuid("id")
    async with call.transaction() as db:
        revoked = await keys.revoke(db, id_=id_)
        if revoked is None:
            raise NotFound
        await note(db, call, action="key.revoke", object=f"key:{id_}", before=revoked._replace(revoked_at=None))
    call.gate.credentials.forget(f"key:{id_}")
