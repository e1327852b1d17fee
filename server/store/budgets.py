"""What offers have given away: exact, because a row is locked from the look at it until the transaction ends.

Rule 1: rows are locked in the order of their keys, offers before places, and after the customers' states: no two groups
        can wait for each other.
Rule 2: nobody reads a figure here, waits for something else, and writes it back without the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.context import Used
from server.store.pool import Connection

ROLLING = "rolling"
"""The period of a share that has no calendar: its row is the lock alone, what is counted are the moments."""


class PlaceKey(NamedTuple):
    """One place's share of an offer in one period: the first instant of a calendar period, "all", or "rolling"."""

    offer_id: UUID
    place_id: UUID
    period: str


class Spent(NamedTuple):
    """What was given away: per offer, and per place and period."""

    offers: dict[UUID, Used]
    places: dict[PlaceKey, int]


NO_ROLLING: Mapping[PlaceKey, datetime] = {}

READ = "SELECT offer_id, units, liability FROM budgets WHERE offer_id = ANY ($1::uuid[])"
READ_PLACES = """
SELECT offer_id, place_id, period, b.units
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (offer_id, place_id, period)
JOIN place_budgets b USING (offer_id, place_id, period)
"""


async def read(
    db: Connection,
    *,
    offers: Iterable[UUID],
    places: Iterable[PlaceKey],
    rolling: Mapping[PlaceKey, datetime] = NO_ROLLING,
) -> Spent:
    """Look at what was given away, without a promise that it stays so; `rolling` tells since when such shares count."""
    ids, keys = sorted(set(offers)), sorted(set(places))
    used = await db.fetch(READ, ids) if ids else []
    here = await db.fetch(READ_PLACES, *_split(keys)) if keys else []
    units = {PlaceKey(row["offer_id"], row["place_id"], row["period"]): row["units"] for row in here}
    spent = {row["offer_id"]: Used(row["units"], row["liability"]) for row in used}
    return Spent(spent, units | await _rolling(db, rolling))


# The row is made at publication; this is for an offer that got a budget row in no other way.
MAKE = """
INSERT INTO budgets (offer_id) SELECT o.id FROM offers o WHERE o.id = ANY ($1::uuid[]) ORDER BY o.id
ON CONFLICT DO NOTHING
"""
LOCK = "SELECT offer_id, units, liability FROM budgets WHERE offer_id = ANY ($1::uuid[]) ORDER BY offer_id FOR UPDATE"
MAKE_PLACES = """
INSERT INTO place_budgets (offer_id, place_id, period)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) ON CONFLICT DO NOTHING
"""
LOCK_PLACES = """
SELECT b.offer_id, b.place_id, b.period, b.units
FROM place_budgets b JOIN unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (offer_id, place_id, period)
  ON b.offer_id = k.offer_id AND b.place_id = k.place_id AND b.period = k.period
ORDER BY b.offer_id, b.place_id, b.period
FOR UPDATE OF b
"""


async def lock(
    db: Connection,
    *,
    offers: Iterable[UUID],
    places: Iterable[PlaceKey],
    rolling: Mapping[PlaceKey, datetime] = NO_ROLLING,
) -> Spent:
    """Lock the rows until the transaction ends, and tell what was given away so far."""
    ids, keys = sorted(set(offers)), sorted(set(places))
    rows = await db.fetch(LOCK, ids) if ids else []
    if len(rows) < len(ids):
        await db.execute(MAKE, ids)
        rows = await db.fetch(LOCK, ids)
    used = {row["offer_id"]: Used(row["units"], row["liability"]) for row in rows}
    if not keys:
        return Spent(used, {})
    await db.execute(MAKE_PLACES, *_split(keys))
    here = await db.fetch(LOCK_PLACES, *_split(keys))
    units = {PlaceKey(row["offer_id"], row["place_id"], row["period"]): row["units"] for row in here}
    return Spent(used, units | await _rolling(db, rolling))


COUNT_ROLLING = """
SELECT k.offer_id, k.place_id, count(m.id) AS units
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS k (offer_id, place_id, since)
LEFT JOIN moments m ON m.offer_id = k.offer_id AND m.place_id = k.place_id AND m.created_at >= k.since
                   AND m.reserved IS NOT NULL
GROUP BY k.offer_id, k.place_id
"""


async def _rolling(db: Connection, rolling: Mapping[PlaceKey, datetime]) -> dict[PlaceKey, int]:
    if not rolling:
        return {}
    rows = await db.fetch(
        COUNT_ROLLING, [key.offer_id for key in rolling], [key.place_id for key in rolling], list(rolling.values())
    )
    return {PlaceKey(row["offer_id"], row["place_id"], ROLLING): row["units"] for row in rows}


# greatest: a figure that somebody reset by hand must not make every return of a reservation fail.
ADD = """
UPDATE budgets b SET units = greatest(0, b.units + n.units), liability = greatest(0, b.liability + n.liability)
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (offer_id, units, liability) WHERE b.offer_id = n.offer_id
"""
ADD_PLACES = """
UPDATE place_budgets b SET units = greatest(0, b.units + n.units)
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) AS n (offer_id, place_id, period, units)
WHERE b.offer_id = n.offer_id AND b.place_id = n.place_id AND b.period = n.period
"""


async def add(db: Connection, *, offers: Mapping[UUID, Used], places: Mapping[PlaceKey, int]) -> None:
    """Count what is given away now (negative: what comes back); the rows are locked by this transaction."""
    ids, keys = sorted(offers), sorted(key for key in places if key.period != ROLLING)
    if ids:
        await db.execute(ADD, ids, [offers[each].units for each in ids], [offers[each].liability_minor for each in ids])
    if keys:
        await db.execute(ADD_PLACES, *_split(keys), [places[each] for each in keys])


def _split(keys: list[PlaceKey]) -> tuple[list[UUID], list[UUID], list[str]]:
    return [key.offer_id for key in keys], [key.place_id for key in keys], [key.period for key in keys]
