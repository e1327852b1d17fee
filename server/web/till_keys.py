"""/v1/redemptions/offline/keys: an admin sees which browsers of tills may sign what they take offline, and revokes them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.errors import NotFound
from server.store import till_keys
from server.web.audit import note
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor


class ListedTillKey(msgspec.Struct, frozen=True):
    """A browser's key: whose, how many records came (`n`), and how many before the last one never did (`missing`)."""

    id: UUID
    till_id: str
    store_id: UUID
    n: int
    missing: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TillKeys(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[ListedTillKey]
    next: str | None


@door(
    "GET",
    "/v1/redemptions/offline/keys",
    query=PageQuery,
    answer=TillKeys,
    summary="The browsers of tills that may sign what they take offline",
    tags=("Counter",),
)
async def list_keys(call: Call) -> TillKeys:
    """List keys, also those that were revoked."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await till_keys.page(db, before=before[0] if before else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda key: (key.id,))
    return TillKeys([_item(key) for key in page], following)


@door(
    "DELETE",
    "/v1/redemptions/offline/keys/{id}",
    status=204,
    summary="Revoke a browser's key: what it recorded is not believed any more",
    errors=(404,),
    tags=("Counter",),
)
async def revoke(call: Call) -> None:
    """Let a key count no more, from the next record on."""
    id_ = call.uuid("id")
    async with call.transaction() as db:
        if not await till_keys.revoke(db, id=id_):
            raise NotFound
        await note(db, call, action="till_key.revoke", object=f"till_key:{id_}")


def _item(key: till_keys.TillKey) -> ListedTillKey:
    return ListedTillKey(
        id=key.id,
        till_id=key.till_id,
        store_id=key.store_id,
        n=key.last_n,
        missing=key.missing,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
