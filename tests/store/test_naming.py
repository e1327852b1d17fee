"""Which offers name a place: by its id, by a tag of it, in whichever part of whichever document counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.store import geofences, naming
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Connection
from tests.lives import offer_of, offer_row

STORE, FENCE, OTHER = new_id(), new_id(), new_id()


async def offer(db: Connection, number: int, document: Any, *, live: Any = None, status: str = "draft") -> None:
    """An offer with a newest document, and perhaps another one that is live."""
    await offer_row(db, number, document=json.dumps(document))
    versions = [(1, document)] if live is None else [(1, live), (2, document)]
    for version, text in versions:
        await db.execute(
            "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, $2, $3, 'user:x')",
            offer_of(number), version, json.dumps(text),
        )  # fmt: skip
    await db.execute(
        "UPDATE offers SET version = $2, live_version = $3, status = $4 WHERE id = $1",
        offer_of(number), len(versions), None if live is None else 1, status,
    )  # fmt: skip


async def fence(db: Connection) -> None:
    draft = GeofenceDraft("Café", "Europe/Berlin", ("coffee", "store"), 52.5, 13.4, 100, store_id=STORE)
    await geofences.insert(db, fences=[NewGeofence(FENCE, draft)], changed=1)


WAYS: dict[str, tuple[Any, str | None]] = {
    "where it fires, the fence": ({"when": {"places": {"ids": [str(OTHER), str(FENCE)]}}}, "id"),
    "where it fires, the store": ({"when": {"places": {"ids": [str(STORE)]}}}, "id"),
    "in capitals": ({"when": {"places": {"ids": [str(STORE).upper()]}}}, "id"),
    "where it is redeemed": ({"when": {"places": {"any": True}}, "reward": {"places": {"ids": [str(STORE)]}}}, "id"),
    "deep in a condition": ({"if": {"all": [{"any": [{"not": {"place": {"ids": [str(STORE)]}}}]}]}}, "id"),
    "a tag": ({"when": {"places": {"tag": "coffee"}}, "reward": {"places": "triggering_and_nearest_9"}}, "tag"),
    "a tag in a condition": ({"if": {"place": {"tag": "store"}}}, "tag"),
    "both": ({"when": {"places": {"tag": "coffee"}}, "if": {"place": {"ids": [str(STORE)]}}}, "id"),
    "another place": ({"when": {"places": {"ids": [str(OTHER)]}}}, None),
    "another tag": ({"when": {"places": {"tag": "cof"}}, "moment": {"tag": "coffee", "ids": [str(STORE)]}}, None),
    "any place": ({"when": {"places": {"any": True}}}, None),
}


@pytest.mark.parametrize("way", WAYS)
async def test_an_offer_that_names_the_place_is_found(db: Connection, way: str) -> None:
    document, by = WAYS[way]
    await fence(db)
    await offer(db, 1, document)
    found = await naming.page(db, geofence_id=FENCE, after=None, limit=10)
    assert [(each.name, each.status, each.by) for each in found] == ([("offer-1", "draft", by)] if by else [])


async def test_what_is_live_counts_beside_what_was_written_last_and_what_ended_does_not(db: Connection) -> None:
    named, other = {"when": {"places": {"ids": [str(FENCE)]}}}, {"when": {"places": {"any": True}}}
    await fence(db)
    await offer(db, 1, other, live=named, status="live")
    await offer(db, 2, named, live=other, status="paused")
    await offer(db, 3, named, live=named, status="ended")
    found = await naming.page(db, geofence_id=FENCE, after=None, limit=10)
    assert [(each.id, each.status) for each in found] == [(offer_of(1), "live"), (offer_of(2), "paused")]
    assert await naming.page(db, geofence_id=FENCE, after=offer_of(1), limit=10) == found[1:]
    assert await naming.page(db, geofence_id=FENCE, after=None, limit=1) == found[:1]


async def test_nobody_names_what_is_not_there(db: Connection) -> None:
    await offer(db, 1, {"when": {"places": {"ids": [str(FENCE)]}}})
    assert await naming.page(db, geofence_id=FENCE, after=None, limit=10) == []
