"""POST /v1/places/names: what the circles that a phone watches are called, where they are stores."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from server.web.call import Call
from server.web.door import door

_MOST = 100


class NamesBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Ids of circles, as an answer to pings listed them under `watch`."""

    ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=_MOST)]


class NameItem(msgspec.Struct, frozen=True):
    """A circle and what is in it."""

    id: UUID
    name: str


class NamesAnswer(msgspec.Struct, frozen=True):
    """The names that are public; an id that is not there has none."""

    items: list[NameItem]


@door(
    "POST",
    "/v1/places/names",
    body=NamesBody,
    answer=NamesAnswer,
    summary="Name the circles that one watches: the stores among them",
    example={"ids": ["018f3f2e-7c4a-7b1e-9a57-3f3f2e7c4a7b"]},
    tags=("App",),
)
async def names(call: Call) -> NamesAnswer:
    """Look the names up in memory. A fence that is no store is the marketers' own business, as is where it is."""
    known = call.parts.rules.current.ruleset.places.by_geofence
    found = (known.get(each) for each in dict.fromkeys(call.body.ids))
    return NamesAnswer(
        [NameItem(each.geofence_id, each.name) for each in found if each is not None and each.kind == "store"]
    )
