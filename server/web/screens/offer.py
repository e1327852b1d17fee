"""/dashboard/offers/{id}: one offer in words, its state and who may lead it on, its versions, and the panels that try it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from server.decision.plan import STATES
from server.errors import NotFound
from server.store import approvals, offers, programme, users
from server.store.approvals import Approval
from server.store.offers import OfferRow, may_go_live
from server.store.pool import Connection
from server.web.access import Kind
from server.web.approvals import approval_answer
from server.web.call import Call, Reply
from server.web.door import door
from server.web.languages import Language, say_count
from server.web.pages import HTML
from server.web.screens.authors import actors, signature
from server.web.screens.diff_words import Compared, compare
from server.web.screens.frame import language_for, show
from server.web.screens.offer_words import sections
from server.web.screens.phrases import say_instant

_VERSIONS: Final = 50
"""So many versions are listed on the page, the newest first; GET /v1/offers/{id}/versions has all."""
_BY_FIXES: Final = frozenset({*STATES, "near"})
"""Triggers that a replay can tell of: those of fixes."""
_AUTHORS: Final = frozenset({Kind.MARKETER, Kind.ADMIN})


class OfferQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"first": "from", "second": "to"}):
    """Which two versions to compare, if any."""

    first: int | None = None
    second: int | None = None


class Deeds(NamedTuple):
    """What the person before the page may do with the offer as it stands; `waits`: somebody else must say yes first."""

    change: bool = False
    publish: bool = False
    approve: bool = False
    pause: bool = False
    end: bool = False
    waits: bool = False


@door("GET", "/dashboard/offers/{id}", query=OfferQuery, produces=HTML, summary="One offer, as a page", tags=("Pages",))
async def show_offer(call: Call) -> Reply:
    """Show the page."""
    language, settings = language_for(call), call.parts.settings
    await call.parts.rules.refresh()  # a place that was made a moment ago has its name
    async with call.connection() as db:
        offer = await offers.find(db, offer_id=call.uuid("id"))
        if offer is None:
            raise NotFound
        listed = await offers.versions(db, offer_id=offer.id, limit=_VERSIONS)
        approval = await approvals.find(db, offer_id=offer.id, version=offer.version)
        stopped = (await programme.find(db)).paused
        compared = await _compared(db, call, offer, language)
        wrote = {*(each.author for each in listed), *_asked(approval)}
        people = await users.names(db, ids=actors(wrote))
    names, zone = place_names(call), settings.programme.time_zone
    author = bool(_AUTHORS & call.principal.roles)
    return show(
        call,
        "offer.html",
        words=("decision", "offer"),
        facts={
            "offer": str(offer.id),
            "version": offer.version,
            "least": settings.privacy.min_group,
            "replay_days": settings.privacy.ping_days if offer.document["when"]["trigger"] in _BY_FIXES else 0,
        },
        offer=offer,
        told=sections(offer.document, language, names),
        document=msgspec.json.format(msgspec.json.encode(offer.document)).decode(),
        versions=listed,
        choices=sorted({*(each.version for each in listed), *(compared[:2] if compared else ())}, reverse=True),
        signed={each: signature(each, people, language) for each in wrote},
        when=lambda at: say_instant(at, zone, language),
        say_count=say_count,
        approval=None if approval is None else approval_answer(approval, least=settings.privacy.min_group),
        deeds=deeds_of(offer, approval, actor=call.author.actor) if author else Deeds(),
        author=author,
        stopped=stopped,
        compared=compared,
    )


def deeds_of(offer: OfferRow, approval: Approval | None, *, actor: str) -> Deeds:
    """Tell what an author may do now; the contract decides again when it is done."""
    asked = approval is not None and approval.approved_by is None
    mine = approval is not None and actor in (approval.author, approval.requested_by)
    ahead = may_go_live(offer)
    return Deeds(
        change=offer.status != "ended",
        publish=ahead and not asked,
        approve=ahead and asked and not mine,
        pause=offer.status == "live",
        end=offer.status in ("live", "paused"),
        waits=ahead and asked,
    )


def place_names(call: Call) -> Callable[[str], str]:
    """Give a way to a place's name from its id, or its fence's; an id that nobody knows stays what it is."""
    places = call.parts.rules.current.ruleset.places

    def named(text: str) -> str:
        try:
            identifier = UUID(text)
        except ValueError:
            return text
        found = places.by_id.get(identifier) or places.by_geofence.get(identifier)
        return found.name if found is not None else text

    return named


def _asked(approval: Approval | None) -> list[str]:
    """List who had to do with an approval."""
    if approval is None:
        return []
    return [approval.requested_by, *([approval.approved_by] if approval.approved_by is not None else [])]


async def _compared(db: Connection, call: Call, newest: OfferRow, language: Language) -> Compared | None:
    """Compare the two versions that were asked for; None where none were, or where one does not exist."""
    first, second = call.query.first, call.query.second
    if first is None or second is None or not (0 < first <= newest.version and 0 < second <= newest.version):
        return None
    before = await offers.find(db, offer_id=newest.id, version=first)
    after = await offers.find(db, offer_id=newest.id, version=second)
    if before is None or after is None:
        return None
    return compare(before, after, language, place_names(call))
