"""Two pairs of eyes for what reaches many: a version above a size is published once a second person has said yes to it.

    publish → too many? → requested → approve (by somebody else) → publish

Rule 1: what is approved is one version. A later edit is another version and needs its own yes.
Rule 2: whoever wrote a version or asked for it never approves it: the table refuses it, not only this code.
Rule 3: all of this happens while the offer's row is held, so nobody edits between a look and its deed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from server.errors import Conflict, Forbidden, NotFound
from server.model.offer import Offer
from server.pipeline.audience import Reach
from server.pipeline.author import Author
from server.store import approvals, offers
from server.store.approvals import Approval
from server.store.offers import OfferRow
from server.store.pool import Connection


class ApprovalRequired(Conflict):
    """This version may reach more customers than one person may decide on; a second person must approve it first."""

    code, title = "approval_required", "Approval required"


class NotRequested(Conflict):
    """Nobody has asked to publish this version yet."""

    code, title = "not_requested", "Not requested"


class AlreadyApproved(Conflict):
    """Somebody has approved this version already."""

    code, title = "already_approved", "Already approved"


class OtherVersion(Conflict):
    """The offer's newest version is another one by now."""

    code, title = "version_changed", "Version changed"


class SamePerson(Forbidden):
    """Whoever wrote a version or asked to publish it cannot approve it."""

    code, title = "same_person", "Same person"


class Sizing(NamedTuple):
    """Above how many expected customers a second person is asked, and how an offer's customers are counted."""

    above: int
    expect: Callable[[Connection, Offer], Awaitable[Reach]]


async def too_many(db: Connection, *, offer: OfferRow, parsed: Offer, sizing: Sizing | None) -> int | None:
    """Tell how many customers are expected where they are too many for one person and nobody has said yes; else None."""
    if sizing is None or not sizing.above:
        return None
    found = await approvals.find(db, offer_id=offer.id, version=offer.version)
    if found is not None and found.approved_by is not None:
        return None
    expected = (await sizing.expect(db, parsed)).customers
    return expected if expected > sizing.above else None


async def ask(db: Connection, *, offer: OfferRow, expected: int, by: Author) -> Approval:
    """Ask for a second person's yes to an offer's newest version; who asked first stays the one who asked."""
    made = await approvals.request(db, offer_id=offer.id, version=offer.version, expected=expected, by=by.actor)
    if made is not None:
        await by.record(db, "offer.request", f"offer:{offer.id}", after=said(made))
        return made
    found = await approvals.find(db, offer_id=offer.id, version=offer.version)
    if found is None:
        raise NotFound
    return found


async def approve(db: Connection, *, offer_id: UUID, version: int | None, by: Author) -> Approval:
    """Say yes to an offer's newest version, which must be `version` where one is named.

    Raises NotFound, OtherVersion, NotRequested, AlreadyApproved, SamePerson.
    """
    offer = await offers.lock(db, offer_id=offer_id)
    if offer is None:
        raise NotFound
    if version is not None and version != offer.version:
        raise OtherVersion(extra={"version": offer.version})
    before = await approvals.find(db, offer_id=offer_id, version=offer.version)
    if before is None:
        raise NotRequested(extra={"version": offer.version})
    if before.approved_by is not None:
        raise AlreadyApproved(extra={"version": offer.version})
    after = await approvals.approve(db, offer_id=offer_id, version=offer.version, by=by.actor)
    if after is None:
        raise SamePerson
    await by.record(db, "offer.approve", f"offer:{offer_id}", before=said(before), after=said(after))
    return after


def said(approval: Approval) -> dict[str, Any]:
    """Write an approval as the audit hashes it."""
    return {
        "version": approval.version,
        "expected": approval.expected,
        "requested_by": approval.requested_by,
        "approved_by": approval.approved_by,
    }
