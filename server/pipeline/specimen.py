"""The pass that an offer's reader would take, before anybody takes it: for previews. Nothing is issued or written.

Rule 1: the words, the look and the stores are put together by what makes real passes (server.pipeline.accept).
Rule 2: its code is nobody's: no till takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.model.context import Programme
from server.model.moment import Step
from server.model.offer import Offer
from server.model.pass_ import Pass, PassState, Spot, benefit_from
from server.model.place import Place
from server.pipeline.accept import card_of, stores_of
from server.pipeline.preview import Reader, Seen
from server.pipeline.rules import Snapshot
from server.pipeline.telling import redeem_at
from server.pipeline.validity import span_of
from server.store.acceptances import Offered, Where
from server.store.pool import Connection
from server.store.spots import Redeemable
from server.wallet.codes import LENGTH

CODE: Final = "0" * LENGTH
"""Reads like a code and is none: its version is one that was never made."""

_NOBODY: Final = UUID(int=0)


class Stores(NamedTuple):
    """The stores that the pass shows, and whether every store takes it."""

    shown: tuple[Spot, ...]
    anywhere: bool


async def stores_for(db: Connection, offer: Offer, place: Place | None, snapshot: Snapshot) -> Stores:
    """Find the stores of a reward whose moment begins at this place."""
    asked = redeem_at(offer, place, snapshot)
    where, shown = await stores_of(db, asked, place_id=None if place is None else place.id)
    return Stores(shown, where == Redeemable())


def specimen(
    offer: Offer,
    document: Mapping[str, Any],
    seen: Seen,
    reader: Reader,
    programme: Programme,
    *,
    stores: Stores,
) -> Pass | None:
    """Make the pass that this reader of this content would get; None where the offer has no reward. Pure."""
    reward = document.get("reward")
    if reward is None or offer.reward is None:
        return None
    span = span_of(offer.reward.valid, now=reader.at, place=reader.place, customer=reader.customer, programme=programme)
    offered = _offered(offer, document, seen, reader, until=span.end)
    benefit = benefit_from(reward)
    card = card_of(offered, reward, benefit, formality=programme.formality)
    return Pass(
        serial=_NOBODY,
        customer_id=None,
        moment_id=_NOBODY,
        offer_id=offer.id,
        offer_version=offer.version,
        state=PassState.ACTIVE,
        card=replace(card, spots=stores.shown, anywhere=stores.anywhere),
        benefit=benefit,
        uses_total=benefit.uses,
        uses_left=benefit.uses,
        valid_from=span.start,
        valid_until=span.end,
        places=None,
        place_tag=None,
        key_id=0,
        token_sealed=b"",
        modified_at=reader.at,
        created_at=reader.at,
    )


def _offered(
    offer: Offer, document: Mapping[str, Any], seen: Seen, reader: Reader, *, until: datetime | None
) -> Offered:
    """Put the reader's moment as its acceptance would find it."""
    place, customer = reader.place, reader.customer
    first_name, formality = customer.attributes.get("first_name"), customer.attributes.get("formality")
    return Offered(
        id=_NOBODY,
        customer_id=_NOBODY,
        offer_id=offer.id,
        offer_version=offer.version,
        offer_name=offer.name,
        held_out=False,
        title=seen.words.title,
        contents=document["moment"]["content"],
        fallback_locale=offer.moment.fallback_locale,
        reward=document["reward"],
        redeem_at={},
        place_id=None if place is None else place.id,
        place=Where() if place is None else Where(place.name, place.address, place.zone or customer.zone),
        valid_from=None,
        valid_until=until,
        deliver_by=reader.at + offer.deliver_by,
        step=Step.DELIVERED,
        locale=seen.content.locale,
        formality=seen.content.formality or ("sie" if formality == "sie" else "du" if formality == "du" else None),
        first_name=first_name if isinstance(first_name, str) else None,
        now=reader.at,
    )
