"""What is asked of a report: a range, what alone is to be counted, and as what it is to be answered."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.store.cube import Filters
from server.web.codec import clean

MOST_OFFERS: Final = 50
"""So many offers may be asked for together: a page of them."""

NOWHERE: Final = "none"
UNKNOWN: Final = "unknown"
"""As reports call moments at no place, and those of which no weather was known."""

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class RangeQuery(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """The range: dates in the programme's zone, or instants. `format=csv` gives a file instead of JSON."""

    start: str | None = None
    end: str | None = None
    format: Literal["json", "csv"] = "json"


class FilteredQuery(
    RangeQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """A range, and what alone is to be counted in it; `offer_id` several, by commas; keys are those that reports show."""

    offer_id: str | None = None
    channel: Literal["in_app", "push"] | None = None
    placement: Literal["banner", "card", "interstitial", "inbox"] | None = None
    variant: _Word | None = None
    weather: _Word | None = None


class PlacedQuery(
    FilteredQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """As above; `store_id` may also be a fence of no store, or "none"."""

    store_id: str | None = None


def filters_of(query: FilteredQuery) -> Filters:
    """Read what alone is to be counted; raises Invalid."""
    store = query.store_id if isinstance(query, PlacedQuery) else None
    return Filters(
        offer_id=offers_of(query.offer_id),
        place_id=None if store is None else UUID(int=0) if store == NOWHERE else _uuid("store_id", store),
        channel=query.channel,
        placement=query.placement,
        variant=None if query.variant is None else clean(query.variant),
        weather=None if query.weather is None else "" if query.weather == UNKNOWN else clean(query.weather),
    )


def offers_of(text: str | None) -> tuple[UUID, ...] | None:
    """Read the ids of some offers with commas between them; None: all are meant. Raises Invalid."""
    if text is None:
        return None
    found = tuple(
        dict.fromkeys(_uuid("offer_id", each) for each in text.split(",", MOST_OFFERS + 1)[: MOST_OFFERS + 1])
    )
    if len(found) > MOST_OFFERS:
        raise Invalid(errors=[FieldError("offer_id", f"must be 1 to {MOST_OFFERS} ids with commas between them")])
    return found


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(errors=[FieldError(field, "must be a UUID")]) from None
