"""POST /v1/offers/{id}/approve: a second person's yes to a version that reaches many, and what publishing asks for it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from server.model.offer import Offer
from server.pipeline.approving import ApprovalRequired, Sizing, approve
from server.pipeline.audience import Reach, crowd, reach_of
from server.store.approvals import Approval
from server.store.pool import Connection
from server.web.call import Call, Reply
from server.web.door import door
from server.web.problems import MEDIA, body_of


class ApprovalBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which version was looked at: another one by now is not approved unseen. Without it the newest is meant."""

    version: int | None = None


class ApprovalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a version's approval. `expected_customers` null: fewer than `privacy.min_group`."""

    offer_id: UUID
    version: int
    state: Literal["requested", "approved"]
    expected_customers: int | None
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None


@door(
    "POST",
    "/v1/offers/{id}/approve",
    body=ApprovalBody,
    answer=ApprovalAnswer,
    idempotency="optional",
    summary="Say yes to a version that somebody else wrote and asked to publish",
    example={"version": 3},
    errors=(403, 409),
    tags=("Marketing",),
)
async def approve_offer(call: Call) -> ApprovalAnswer:
    """Approve exactly one version; publishing it is another step."""
    async with call.transaction() as db:
        done = await approve(db, offer_id=call.uuid("id"), version=call.body.version, by=call.author)
    return approval_answer(done, least=call.parts.settings.privacy.min_group)


async def sizing_of(call: Call) -> Sizing:
    """Give the size from which on a second person is asked, and the way to count an offer's customers now.

    By the places that there are now: who visited one that this process does not know yet would not be counted.
    """
    await call.parts.rules.refresh()

    async def expect(db: Connection, offer: Offer) -> Reach:
        parts = call.parts
        ruleset = parts.rules.current.ruleset
        of = await crowd(db, settings=parts.settings, now=parts.clock.now())
        return reach_of(offer, of, ruleset.places)

    return Sizing(call.parts.settings.publish.approval_above, expect)


def approval_answer(approval: Approval, *, least: int) -> ApprovalAnswer:
    """Show an approval; a figure of fewer than `least` people would name them."""
    return ApprovalAnswer(
        offer_id=approval.offer_id,
        version=approval.version,
        state="requested" if approval.approved_by is None else "approved",
        expected_customers=approval.expected if approval.expected >= least else None,
        requested_by=approval.requested_by,
        requested_at=approval.requested_at,
        approved_by=approval.approved_by,
        approved_at=approval.approved_at,
    )


def refused(call: Call, approval: Approval) -> Reply:
    """Answer that a second person is needed. Not raised: what was asked for must not be undone with the request."""
    settings = call.parts.settings
    told = approval_answer(approval, least=settings.privacy.min_group)
    expected = f"about {told.expected_customers}" if told.expected_customers is not None else "a few"
    refusal = ApprovalRequired(
        f"Version {told.version} may reach {expected} customers. Somebody who neither wrote it nor asked for it must"
        f" approve it: POST /v1/offers/{told.offer_id}/approve. Then publish again.",
        extra={
            "version": told.version,
            "expected_customers": told.expected_customers,
            "approval_above": settings.publish.approval_above,
            "requested_by": told.requested_by,
        },
    )
    return Reply(refusal.status, body_of(refusal, request_id=call.request_id), media=MEDIA)
