"""From a winner to a moment: what the customer reads, what it is worth, where and until when it may be redeemed.

Everything is fixed here, when it is decided: an offer that is edited later changes no moment that was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from server.decision.decide import Chosen
from server.decision.render import render
from server.model.context import Context
from server.model.ids import bucket_of, moment_id
from server.model.offer import Offer, PlaceFilter, Variant
from server.model.place import Place
from server.pipeline.rules import Snapshot
from server.pipeline.validity import span_of, zone_for
from server.store.moments import MomentRow

NEAREST = 9
"""Besides the store where it happened: a pass shows ten places at most (Apple, Pass design and creation)."""

_NEAR_M = 100_000.0


class Reserved(NamedTuple):
    """What a moment takes of its offer's budget: a unit, its liability (minor units), and a share of one place."""

    offer_id: UUID
    liability_minor: int
    place_id: UUID | None = None
    period: str | None = None

    def document(self) -> dict[str, Any]:
        """Give what the moment's row remembers, so that it can be given back."""
        place = str(self.place_id) if self.place_id is not None else None
        return {"units": 1, "liability": self.liability_minor, "place_id": place, "period": self.period}


def moment_of(
    chosen: Chosen, context: Context, *, trigger_id: UUID, snapshot: Snapshot, reserved: Reserved | None
) -> MomentRow:
    """Make the moment of a winner. `trigger_id` is the ping's id: the same cause makes the same moment's id."""
    offer, place, now = chosen.offer, chosen.place, context.received
    customer, programme = context.customer, snapshot.ruleset.programme
    span = None
    if offer.reward is not None:
        span = span_of(offer.reward.valid, now=now, place=place, customer=customer, programme=programme)
    weather = context.weather.get(place.id) if place is not None else None
    until = span.end if span is not None else None
    words = render(offer, customer=customer, place=place, weather=weather, until=until, programme=programme, now=now)
    local = now.astimezone(zone_for("place", place=place, customer=customer, programme=programme))
    return MomentRow(
        bucket=bucket_of(customer.id),
        id=moment_id(customer.id, offer.id, trigger_id),
        customer_id=customer.id,
        held_out=chosen.held_out,
        channel=chosen.channel,
        title=words.title,
        body=words.body,
        image_url=words.image_url,
        valid_from=span.start if span is not None else None,
        valid_until=until,
        redeem_at=redeem_at(offer, place, snapshot),
        created_at=now,
        deliver_by=now + offer.deliver_by,
        local_day=local.date(),
        local_hour=local.hour,
        weekday=local.weekday(),
        weather=weather.now.kind if weather is not None else None,
        reserved=reserved.document() if reserved is not None else None,
        **_of_offer(offer, chosen.variant, snapshot),
        **_of_place(place),
    )


def _of_offer(offer: Offer, variant: Variant | None, snapshot: Snapshot) -> dict[str, Any]:
    """Give what a moment copies from its offer."""
    value = offer.reward.value if offer.reward is not None else None
    return {
        "offer_id": offer.id,
        "offer_version": offer.version,
        "offer_name": offer.name,
        "variant": variant.id if variant is not None else "default",
        "placement": variant.placement if variant is not None else "card",
        "pressure": offer.limits.pressure,
        "action": action_of(offer),
        "reward": snapshot.rewards.get(offer.id),
        "value_minor": value.minor if value is not None else 0,
        "currency": value.currency if value is not None else None,
    }


def _of_place(place: Place | None) -> dict[str, Any]:
    """Give what a moment copies from its place."""
    if place is None:
        return {"place_id": None, "place_kind": None, "place_name": None}
    return {"place_id": place.id, "place_kind": place.kind, "place_name": place.name}


def action_of(offer: Offer) -> Mapping[str, Any]:
    """Tell what a tap does: a pass needs a reward; without one there is only a link to follow."""
    if offer.moment.action.get("type") == "pass" and offer.reward is None:
        return {"type": "link"}
    return offer.moment.action


def redeem_at(offer: Offer, place: Place | None, snapshot: Snapshot) -> Mapping[str, Any]:
    """Tell where the reward may be redeemed: {"any": true}, {"ids": [stores]} or {"tag": …}.

    A fence that is no store has no counter: what it set off is redeemed anywhere, or at the ten nearest stores.
    """
    places = offer.reward.places if offer.reward is not None else "any"
    if isinstance(places, PlaceFilter):
        if places.tag is not None:
            return {"tag": places.tag}
        if places.any:
            return {"any": True}
        known = snapshot.ruleset.places.by_geofence
        return {"ids": sorted(str(known[each].id if each in known else each) for each in places.ids)}
    if places == "any" or place is None:
        return {"any": True}
    if places == "triggering":
        return {"ids": [str(place.id)]} if place.kind == "store" else {"any": True}
    here = [place] if place.kind == "store" else []
    near = nearest_stores(place, snapshot, count=NEAREST if here else NEAREST + 1)
    return {"ids": [str(each.id) for each in (*here, *near)]} if here or near else {"any": True}


def nearest_stores(place: Place, snapshot: Snapshot, *, count: int) -> list[Place]:
    """List the other stores nearest to a place by their centres, nearest first."""
    known = snapshot.ruleset.places.by_geofence
    # By their boundaries, as the index counts; a few more, for a wide fence's centre may be farther than a narrow one's.
    hits = snapshot.stores.nearest(place.point, 2 * count + 1, _NEAR_M)
    others = [(hit.center_m, known[hit.id]) for hit in hits if hit.id in known and hit.id != place.geofence_id]
    return [store for _, store in sorted(others, key=lambda pair: (pair[0], pair[1].id))[:count]]
