"""Moments as their customers see them: the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from server.model.moment import ACTIVE
from server.store import moments
from server.store.moments import Shown
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor


class MomentPlace(msgspec.Struct, frozen=True):
    """Where it happened: a store, or a fence that is none."""

    id: UUID
    kind: str
    name: str


class MomentAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A moment; `expires_at` is `deliver_by` until it was delivered, then its reward's end (None: it has no end)."""

    id: UUID
    offer_id: UUID
    variant: str
    placement: str
    channel: str
    title: str
    body: str
    action: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime | None
    state: str
    image_url: str | None = None
    snoozed_until: datetime | None = None
    place: MomentPlace | None = None


class MomentPage(msgspec.Struct, frozen=True):
    """A page of moments, newest first."""

    items: list[MomentAnswer]
    next: str | None


class MomentQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`state` is a state's name, or `active`: all but dismissed, accepted, redeemed, expired, and put off."""

    state: (
        Literal["active", "created", "delivered", "opened", "clicked", "dismissed", "accepted", "redeemed", "expired"]
        | None
    ) = None


def told(shown: Shown, now: datetime) -> MomentAnswer:
    """Write a moment as it stands at `now`."""
    place = None
    if shown.place_id is not None:
        place = MomentPlace(shown.place_id, shown.place_kind or "store", shown.place_name or "")
    return MomentAnswer(
        id=shown.id,
        offer_id=shown.offer_id,
        variant=shown.variant,
        placement=shown.placement,
        channel=shown.channel,
        title=shown.title,
        body=shown.body,
        action=shown.action,
        created_at=shown.created_at,
        expires_at=shown.expires_at,
        state=shown.state_at(now).value,
        image_url=shown.image_url,
        snoozed_until=shown.snoozed_until if shown.snoozed_until is not None and shown.snoozed_until > now else None,
        place=place,
    )


@door("GET", "/v1/moments", query=MomentQuery, answer=MomentPage, summary="List one's own moments", tags=("App",))
async def inbox(call: Call) -> MomentPage:
    """List the caller's moments, newest first."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[datetime, UUID])
    state = call.query.state
    states = sorted(ACTIVE) if state == "active" else [state] if state is not None else None
    now = call.parts.clock.now()
    async with call.connection() as db:
        found = await moments.inbox(
            db,
            customer_id=call.customer_id,
            states=states,
            before=before,
            now=now,
            limit=size + 1,
            awake=state == "active",
        )
    page, following = cut(found, size=size, keys=lambda each: (each.created_at, each.id))
    return MomentPage([told(each, now) for each in page], following)
