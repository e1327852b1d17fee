"""A made-up country to measure in: fences one every 1.5 km each way, offers by tag, customers near the fences.

The density stays the same however many fences there are, so that only the size of the index differs. Each fence is
meant by four offers (two on entering with time and weather, one on dwelling, one for whoever is inside).
"""

from __future__ import annotations

import json
import math
import random
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.place import Circle, Geofence, Point
from server.store import epoch, geofences, stores
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id, new_token, token_hash
from server.store.keys import CUSTOMER_PREFIX
from server.store.pool import Connection
from server.store.stores import NewStore, StoreDraft

MIDDLE = Point(50.5, 10.5)
SPACING_M = 1_500.0
PER_FENCE = 4
STORES = 1_000
"""So many of the fences are stores' own; the others are fences without one."""

ROWS = 5_000
"""So many rows are written by one statement."""

_DEGREE_M = 111_195.0


class Caller(NamedTuple):
    """A customer with a token, and where they are."""

    id: UUID
    token: str
    at: Point


def fences(count: int, *, offers: int = 20, seed: int = 7) -> list[Geofence]:
    """Make circles of 80 to 160 m on a jittered lattice around the middle; tag `t3` is on every n-th of them."""
    chance, side = random.Random(seed), math.ceil(math.sqrt(count))
    tags = max(1, offers // PER_FENCE)
    made = []
    for number in range(count):
        row, column = divmod(number, side)
        north = (row - side / 2 + chance.uniform(-0.3, 0.3)) * SPACING_M
        east = (column - side / 2 + chance.uniform(-0.3, 0.3)) * SPACING_M
        shape = Circle(moved(MIDDLE, north, east), chance.uniform(80, 160))
        made.append(Geofence(new_id(), f"Fence {number}", shape, frozenset({f"t{number % tags}"}), None))
    return made


def moved(point: Point, north_m: float, east_m: float) -> Point:
    """Give the point about so many metres away; near enough to lay things out, not to judge by."""
    lat = point.lat + north_m / _DEGREE_M
    return Point(lat, point.lon + east_m / (_DEGREE_M * math.cos(math.radians(lat))))


def documents(count: int) -> list[dict[str, Any]]:
    """Write offers, four for each tag."""
    return [document(number, tag=f"t{number // PER_FENCE}") for number in range(count)]


def document(number: int, *, tag: str) -> dict[str, Any]:
    """Write one offer for the fences with a tag."""
    kind, places = number % PER_FENCE, {"tag": tag}
    when: dict[str, Any] = {"trigger": ("enter", "enter", "dwell", "inside")[kind], "places": places}
    if kind == 2:
        when["dwell"] = "PT2M"
    weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    clock = {"local_time": {"tz": "place", "days": weekdays, "from": "00:00", "to": "23:59"}}
    sky = {"any": [{"weather": {"temperature_c": {"lte": 12}}}, {"weather": {"kind": ["rain"]}}]}
    past = {"not": {"event": {"name": "redemption", "within": "P7D"}}}
    return {
        "name": f"offer-{number}",
        "priority": number % 50,
        "when": when,
        "if": {"all": [clock, sky, past]} if kind < 2 else clock,
        "limits": {"per_customer": [{"max": 1, "period": {"calendar": "day", "tz": "customer_home"}}]},
        "moment": {
            "surfaces": ["in_app"],
            "content": {"en-US": {"title": "Coffee on us", "body": "At {{ place.name }}."}},
            "fallback_locale": "en-US",
        },
        "reward": {"type": "free_item", "sku": "coffee", "value": {"minor": 250, "currency": "EUR"}},
    }


async def settle(db: Connection, *, made: list[Geofence], offers: int, customers: int) -> list[Caller]:
    """Write the country into a database, in one transaction."""
    async with db.transaction():
        changed = await epoch.bump(db)
        for start in range(0, len(made), ROWS):
            await _write_fences(db, made[start : start + ROWS], own=max(0, STORES - start), changed=changed)
        await _publish(db, documents(offers))
        return await _sign_up(db, made, customers)


async def _write_fences(db: Connection, made: list[Geofence], *, own: int, changed: int) -> None:
    rows, owners = [], []
    for number, fence in enumerate(made):
        assert isinstance(fence.shape, Circle)
        (lat, lon), radius, tags = fence.shape.center, fence.shape.radius_m, sorted(fence.tags)
        store = new_id() if number < own else None
        if store is not None:
            draft = StoreDraft(fence.name, lat, lon, radius, "Europe/Berlin", tags=tags)
            owners.append(NewStore(store, fence.id, draft))
        rows.append(
            NewGeofence(fence.id, GeofenceDraft(fence.name, "Europe/Berlin", tags, lat, lon, radius, None, store))
        )
    await stores.insert(db, stores=owners)
    await geofences.insert(db, fences=rows, changed=changed)


async def _publish(db: Connection, written: list[dict[str, Any]]) -> None:
    rows = [(new_id(), each["name"], json.dumps(each)) for each in written]
    await db.executemany(
        "INSERT INTO offers (id, name, status, version, live_version, document, author, published_at)"
        " VALUES ($1, $2, 'live', 1, 1, $3, 'bench', now())",
        rows,
    )
    await db.executemany(
        "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, $2, 'bench')",
        [(identifier, text) for identifier, _, text in rows],
    )
    await db.executemany("INSERT INTO budgets (offer_id) VALUES ($1)", [(identifier,) for identifier, _, _ in rows])


async def _sign_up(db: Connection, made: list[Geofence], count: int) -> list[Caller]:
    """Sign customers up, each somewhere within 200 m north, east, south and west of a fence's middle: a third inside."""
    chance, callers = random.Random(11), []
    for _ in range(count):
        shape, identifier = chance.choice(made).shape, new_id()
        assert isinstance(shape, Circle)
        at = moved(shape.center, chance.uniform(-200, 200), chance.uniform(-200, 200))
        callers.append(Caller(identifier, new_token(CUSTOMER_PREFIX, bucket=bucket_of(identifier)), at))
    await db.executemany(
        "INSERT INTO customers (bucket, id, locale, time_zone, location, push, profiling)"
        " VALUES ($1, $2, 'en-US', 'Europe/Berlin', true, true, true)",
        [(bucket_of(each.id), each.id) for each in callers],
    )
    await db.executemany(
        "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)",
        [(bucket_of(each.id), token_hash(each.token), each.id) for each in callers],
    )
    await db.executemany(
        "INSERT INTO customer_state (bucket, customer_id) VALUES ($1, $2)",
        [(bucket_of(each.id), each.id) for each in callers],
    )
    return callers
