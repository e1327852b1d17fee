"""Who wins, who is held out, which variant, and by which way it is told. No lots are drawn: everything is a hash.

Rule 1: the same customer and the same salt give the same draw, today and on any machine.
Rule 2: holdout comes after arbitration, so that treated and held-out customers passed the same gates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from server.model.context import Programme
from server.model.customer import Consents, Shown
from server.model.offer import Holdout, Offer, Variant

Channel = Literal["in_app", "push"]

PROGRAMME_SALT = "programme"
"""The salt of the programme's own holdout: the same customers are held out of everything."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def draw(salt: str, customer_id: UUID) -> float:
    """Give the customer's number in [0, 1) for a salt: the first 53 bits of SHA-256, all that a float can hold."""
    digest = hashlib.sha256(f"{salt}:{customer_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def is_held_out(offer: Offer, customer_id: UUID, programme: Programme) -> bool:
    """Tell whether the customer belongs to the offer's control group; an offer without one has the programme's."""
    if offer.holdout is None and programme.holdout_share <= 0:
        return False
    holdout = offer.holdout or Holdout(programme.holdout_share, PROGRAMME_SALT)
    return holdout.share > 0 and draw(holdout.salt, customer_id) < holdout.share


def variant_for(offer: Offer, customer_id: UUID) -> Variant | None:
    """Pick the customer's variant by weight; None where the offer has none.

    The salt is the offer's, not the holdout's: whoever is not held out must still be spread over all variants.
    """
    if len(offer.variants) == 1:
        return offer.variants[0]
    whole = sum(variant.weight for variant in offer.variants)
    if whole <= 0:
        return offer.variants[0] if offer.variants else None
    mark = draw(f"variant/{offer.id}", customer_id) * whole
    for variant in offer.variants:
        mark -= variant.weight
        if mark < 0:
            return variant
    return next(variant for variant in reversed(offer.variants) if variant.weight > 0)


def channel_for(offer: Offer, consents: Consents, *, foreground: bool) -> Channel | None:
    """Choose the way it is told; None where only a push would reach and the customer did not agree to pushes."""
    surfaces = offer.moment.surfaces
    if foreground:
        return "in_app"
    if "push" in surfaces:
        if consents.push:
            return "push"
        return "in_app" if "in_app" in surfaces else None
    return "in_app"


def last_shown(shown: Sequence[Shown]) -> dict[UUID, datetime]:
    """Tell when each offer was last shown to the customer."""
    last: dict[UUID, datetime] = {}
    for each in shown:
        if each.offer_id is not None:
            last[each.offer_id] = max(each.at, last.get(each.offer_id, _NEVER))
    return last


def rank(offer: Offer, last: dict[UUID, datetime]) -> tuple[int, datetime, datetime, int]:
    """Sort offers that all hold: the most important, then the least recently shown, then the oldest; the id at last."""
    return (-offer.priority, last.get(offer.id, _NEVER), offer.created_at, offer.id.int)
