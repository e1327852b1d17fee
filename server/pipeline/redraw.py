"""Passes follow their offer: what stands on them is written anew when a version of it goes live.

Rule 1: words, look and terms follow; type, value, uses, validity and where it is taken stay as they were promised.
Rule 2: a pass is compared with the version that it bears, so a run may be cut off and repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.pipeline.cards import Subject, Wording, recard, wording_from
from server.store import cards, offers
from server.store.cards import NewCard
from server.store.pool import Connection


async def redraw(db: Connection, offer_id: UUID, serials: Sequence[UUID]) -> list[UUID]:
    """Write the cards of some of an offer's passes as its live version has them; tell which passes show something else now.

    Needs a transaction, in which the caller marks those (server.pipeline.pass_jobs); of all of them it is looked at again
    where they come up, since the offer's window may be another one. What changes is told by no banner: no figure of the
    holder's own changes by an edit.
    """
    held = await cards.hold(db, serials=serials)
    offer = await offers.find(db, offer_id=offer_id)
    if offer is None or offer.live_version is None or not held:
        return []
    versions: dict[int, Wording | None] = {}
    changed: list[NewCard] = []
    for each in held:
        base = each.card.version or each.offer_version
        before, after = [await _wording(db, offer_id, version, versions) for version in (base, offer.live_version)]
        if before is None or after is None or base == offer.live_version:
            continue
        subject = Subject(each.benefit, each.valid_until, each.card.told, each.created_at)
        card = recard(each.card, subject, before, after, version=offer.live_version)
        if card is not None:
            changed.append(NewCard(each.serial, card))
    if changed:
        await cards.rewrite(db, cards=changed)
    await cards.look_again(db, serials=[each.serial for each in held])
    return [each.serial for each in changed]


async def _wording(db: Connection, offer_id: UUID, version: int, known: dict[int, Wording | None]) -> Wording | None:
    """Read what a version says, once; None where it is gone."""
    if version not in known:
        found = await offers.find(db, offer_id=offer_id, version=version)
        known[version] = wording_from(found.document) if found is not None else None
    return known[version]
