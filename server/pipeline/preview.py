"""An offer as its readers would see it: every content in every placement, by the code that renders live moments.

Rule 1: nothing is decided and nothing written: who would get it is asked by a dry run.
Rule 2: what is pushed is measured by the channel's own payload, so that a cut is seen before a customer sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from server.channels import apns, apple, fcm, webpush
from server.channels.base import Alert, collapse_id
from server.decision.plan import is_meant
from server.decision.render import BODY, TITLE, Words, choose_content, render
from server.model.context import Programme
from server.model.customer import Customer
from server.model.offer import Content, Offer, Placement
from server.model.place import Place, Places
from server.model.weather import Weather
from server.pipeline.telling import action_of
from server.pipeline.validity import span_of


def _for_firebase(alert: Alert) -> bytes:
    """Write what Firebase counts: the message without the token that it is for."""
    message = msgspec.json.decode(fcm.payload_for(alert, "", ttl=fcm.LONGEST))["message"]
    return msgspec.json.encode({key: value for key, value in message.items() if key != "token"})


PAYLOADS: Final[Mapping[str, tuple[Callable[[Alert], bytes], int]]] = {
    "apns": (apns.payload_for, apple.LARGEST),
    "fcm": (_for_firebase, fcm.LARGEST),
    "webpush": (webpush.payload_for, webpush.SIZES[0]),
}
"""By way, what writes the payload, and how many bytes its service takes."""

_NOBODY: Final = UUID(int=0)
_SPACES: Final = 8
Formality = Literal["du", "sie"]


class Reader(NamedTuple):
    """For whom, where and when. `one` renders the content that this customer would read, else every one is rendered."""

    customer: Customer
    at: datetime
    one: bool = False
    place: Place | None = None
    weather: Weather | None = None
    placement: Placement | None = None


class Payload(NamedTuple):
    """What a push service would be given: its bytes, how many are taken, and whether the phone gets all words by it."""

    way: str
    bytes: int
    limit: int
    whole: bool


class Seen(NamedTuple):
    """One content in one placement. `cut`: the words were longer than a moment may be."""

    content: Content
    placement: Placement
    variants: tuple[str, ...]
    words: Words
    cut: bool
    action: Mapping[str, Any]
    pushes: tuple[Payload, ...]


def first_place(offer: Offer, places: Places) -> Place | None:
    """Find a place that the offer means, so that a preview names one: the first by name, stores before other fences."""
    meant = (each for each in places.by_id.values() if is_meant(offer.when.places, each))
    return min(meant, key=lambda each: (each.kind != "store", each.name, each.id), default=None)


def preview(offer: Offer, reader: Reader, programme: Programme) -> list[Seen]:
    """Render what is asked for, content by content. Pure."""
    contents: Iterable[Content] = offer.moment.contents
    if reader.one:
        contents = [choose_content(offer, customer=reader.customer, programme=programme)]
    seen = []
    for content in contents:
        words = _words(offer, content, reader, programme)
        cut = _is_cut(words.title, TITLE) or _is_cut(words.body, BODY)
        pushes = _pushes(offer, words, reader.at) if "push" in offer.moment.surfaces else ()
        for placement, variants in _placements(offer).items():
            if reader.placement in (None, placement):
                seen.append(Seen(content, placement, variants, words, cut, action_of(offer), pushes))
    return seen


def _is_cut(text: str, most: int) -> bool:
    """Tell whether it was shortened to a length (or a little less, where a space stood there)."""
    return text.endswith("…") and len(text) > most - _SPACES


def _words(offer: Offer, content: Content, reader: Reader, programme: Programme) -> Words:
    customer, place, now = reader.customer, reader.place, reader.at
    until = None
    if offer.reward is not None:
        until = span_of(offer.reward.valid, now=now, place=place, customer=customer, programme=programme).end
    return render(
        offer,
        customer=customer,
        place=place,
        weather=reader.weather,
        until=until,
        programme=programme,
        now=now,
        content=content,
    )


def _placements(offer: Offer) -> dict[Placement, tuple[str, ...]]:
    """Give each placement with the variants that use it; what has no weight is shown to nobody."""
    found: dict[Placement, tuple[str, ...]] = {}
    for variant in offer.variants:
        if variant.weight:
            found[variant.placement] = (*found.get(variant.placement, ()), variant.id)
    return found or {"card": ("default",)}


def _pushes(offer: Offer, words: Words, at: datetime) -> tuple[Payload, ...]:
    alert = Alert(
        id=_NOBODY,
        moment_id=_NOBODY,
        title=words.title,
        body=words.body,
        collapse_id=collapse_id(offer.moment.collapse_key, _NOBODY),
        expires_at=at + offer.deliver_by,
        image_url=words.image_url,
        action=action_of(offer),
    )
    return tuple(_payload(way, write(alert), limit, words) for way, (write, limit) in PAYLOADS.items())


def _payload(way: str, written: bytes, limit: int, words: Words) -> Payload:
    """Measure a payload; the words are whole where both stand in it as they are."""
    texts = set(_texts(msgspec.json.decode(written)))
    return Payload(way, len(written), limit, {words.title, words.body} <= texts)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def spoken_to(customer: Customer, *, locale: str | None, formality: Formality | None) -> Customer:
    """Give the customer as if they read this locale and were addressed so."""
    attributes = {**customer.attributes, "formality": formality} if formality is not None else customer.attributes
    return replace(customer, locale=locale or customer.locale, attributes=attributes)
