"""Moments whose time is over: ended, with their way out, what they had reserved, and a word on their receipt."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.context import Used
from server.model.ids import bucket_of
from server.store import budgets, states
from server.store.budgets import PlaceKey
from server.store.pool import Connection
from server.store.states import Unshown


class Held(NamedTuple):
    """What a moment had reserved of an offer's budget."""

    offer_id: UUID
    units: int
    liability_minor: int
    place: PlaceKey | None


# SKIP LOCKED: a moment that is being answered for just now is looked at the next time.
UNDELIVERED = """
SELECT bucket, id FROM moments WHERE state = 'created' AND NOT held_out AND deliver_by <= $1
ORDER BY deliver_by LIMIT $2 FOR UPDATE SKIP LOCKED
"""
UNUSED = """
SELECT bucket, id FROM moments WHERE state IN ('delivered', 'opened', 'clicked') AND NOT held_out AND valid_until <= $1
ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED
"""
END = """
WITH due AS (
    SELECT m.bucket, m.id, m.customer_id, m.created_at, m.offer_id, m.offer_name, m.offer_version, m.reserved
    FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id) JOIN moments m USING (bucket, id)
), ended AS (
    UPDATE moments m SET state = 'expired', expired_at = $3, reserved = NULL
    FROM due WHERE m.bucket = due.bucket AND m.id = due.id
), ways AS (
    UPDATE deliveries d SET state = 'expired', finished_at = $3, leased_until = NULL, reason = $4
    FROM due WHERE d.bucket = due.bucket AND d.moment_id = due.id AND d.state IN ('queued', 'leased')
), said AS (
    UPDATE receipts r SET verdicts = r.verdicts || jsonb_build_array(jsonb_build_object(
               'offer_id', due.offer_id, 'offer', due.offer_name || '@' || due.offer_version, 'place_id', NULL,
               'gate', NULL, 'truth', 'holds', 'reason', $5::text,
               'values', jsonb_build_object('expired_at', $3::timestamptz, 'released', due.reserved)))
    FROM due WHERE r.bucket = due.bucket AND r.moment_id = due.id
    RETURNING r.bucket, r.id, jsonb_array_length(r.verdicts) AS place, due.offer_id, r.at
), lines AS (
    INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at) SELECT * FROM said
)
SELECT customer_id, created_at, offer_id, reserved FROM due
"""

_REASONS = {
    "undelivered": "It was not delivered in time; it counts into no cap, and what it had reserved was given back.",
    "unused": "Its reward ended before it was taken; what it had reserved was given back.",
}


async def end(db: Connection, *, now: datetime, limit: int) -> int:
    """End moments whose time is over at `now`, at most `limit` of each kind, and tell how many. Needs a transaction."""
    count = 0
    held: list[Held] = []
    for kind, sql in (("undelivered", UNDELIVERED), ("unused", UNUSED)):
        due = await db.fetch(sql, now, limit)
        count += len(due)
        if due:
            rows = await db.fetch(
                END, [row["bucket"] for row in due], [row["id"] for row in due], now, kind, _REASONS[kind]
            )
            held += [_held(row["offer_id"], row["reserved"]) for row in rows if row["reserved"] is not None]
            if kind == "undelivered":  # what nobody saw is no pressure on anybody
                unseen = [row for row in rows if row["customer_id"] is not None]
                await states.uncount(
                    db, messages=[Unshown(row["customer_id"], row["offer_id"], row["created_at"]) for row in unseen]
                )
    await give_back(db, held=held)
    return count


RELEASE = """
WITH mine AS (
    SELECT bucket, id, offer_id, reserved FROM moments
    WHERE bucket = $1 AND customer_id = $2 AND reserved IS NOT NULL ORDER BY id FOR UPDATE
), released AS (
    UPDATE moments m SET reserved = NULL FROM mine WHERE m.bucket = mine.bucket AND m.id = mine.id
)
SELECT offer_id, reserved FROM mine
"""


async def release_all(db: Connection, *, customer_id: UUID) -> None:
    """Give back all that a customer's moments have reserved, as an erasure does. Needs a transaction."""
    rows = await db.fetch(RELEASE, bucket_of(customer_id), customer_id)
    await give_back(db, held=[_held(row["offer_id"], row["reserved"]) for row in rows])


async def give_back(db: Connection, *, held: Iterable[Held]) -> None:
    """Count reservations as given back. Needs a transaction."""
    offers: dict[UUID, Used] = {}
    places: dict[PlaceKey, int] = {}
    for each in held:
        before = offers.get(each.offer_id, Used())
        offers[each.offer_id] = Used(before.units - each.units, before.liability_minor - each.liability_minor)
        if each.place is not None:
            places[each.place] = places.get(each.place, 0) - each.units
    if offers:
        await budgets.lock(db, offers=offers, places=places)
        await budgets.add(db, offers=offers, places=places)


def _held(offer_id: UUID, reserved: str) -> Held:
    told = json.loads(reserved)
    place = PlaceKey(offer_id, UUID(told["place_id"]), told["period"]) if told.get("place_id") else None
    return Held(offer_id, told.get("units", 0), told.get("liability", 0), place)
