"""Whom a firing reaches: customers of some buckets, read through by the key, a bounded number of buckets at a time.

All agreed to the use of locations; what looks at attributes or the past also needs the consent to profiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.model.customer import State
from server.store.pool import Connection
from server.store.states import decode_state


class Buckets(NamedTuple):
    """Buckets [first, after)."""

    first: int
    after: int


class Seen(NamedTuple):
    """A customer whose last trusted fix is young, with their state."""

    id: UUID
    state: State


AT_HOME = """
SELECT c.id FROM customers c
WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location AND ($3::text IS NULL OR coalesce(c.time_zone, $4) = $3)
"""


async def at_home(db: Connection, *, buckets: Buckets, zone: str | None, otherwise: str) -> list[UUID]:
    """List customers at home in a zone (None: in any); who has not said where counts as at home in `otherwise`."""
    return [row["id"] for row in await db.fetch(AT_HOME, *buckets, zone, otherwise)]


IN_ZONE = """
SELECT c.id FROM customers c LEFT JOIN customer_state s ON s.bucket = c.bucket AND s.customer_id = c.id
WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location
  AND coalesce(CASE WHEN (s.state->'last_fix'->>'at')::timestamptz > $5 THEN s.state->'last_fix'->>'zone' END,
               c.time_zone, $4) = $3
"""


async def in_zone(db: Connection, *, buckets: Buckets, zone: str, otherwise: str, since: datetime) -> list[UUID]:
    """List customers who are in a zone: by their last trusted fix since then, else where they are at home."""
    return [row["id"] for row in await db.fetch(IN_ZONE, *buckets, zone, otherwise, since)]


SEEN = """
SELECT c.id, s.state FROM customers c JOIN customer_state s ON s.bucket = c.bucket AND s.customer_id = c.id
WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location AND ($3::text IS NULL OR coalesce(c.time_zone, $4) = $3)
  AND (s.state->'last_fix'->>'at')::timestamptz > $5
"""


async def seen(
    db: Connection, *, buckets: Buckets, since: datetime, zone: str | None = None, otherwise: str = ""
) -> list[Seen]:
    """List customers with a trusted fix since then, of those at home in a zone (None: in any)."""
    rows = await db.fetch(SEEN, *buckets, zone, otherwise, since)
    return [Seen(row["id"], decode_state(row["state"])) for row in rows]


# The rows stay held until their events are written: nobody who is being erased gets one.
BORN = """
SELECT c.id FROM customers c
WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location AND c.profiling AND coalesce(c.time_zone, $4) = $3
  AND c.attributes->>'birthday' ~ '^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$' AND right(c.attributes->>'birthday', 5) = ANY ($5::text[])
ORDER BY c.bucket, c.id
FOR KEY SHARE OF c
"""


async def born(db: Connection, *, buckets: Buckets, zone: str, otherwise: str, days: Sequence[str]) -> list[UUID]:
    """List customers at home in a zone whose attribute `birthday` is one of these days (MM-DD)."""
    return [row["id"] for row in await db.fetch(BORN, *buckets, zone, otherwise, list(days))]


class Absent(NamedTuple):
    """A customer of whom nothing was heard since then."""

    id: UUID
    since: datetime


ABSENT = """
SELECT c.id, heard.last AS since
FROM customers c
LEFT JOIN customer_state s ON s.bucket = c.bucket AND s.customer_id = c.id
LEFT JOIN LATERAL (
    SELECT at FROM customer_events e
    WHERE e.bucket = c.bucket AND e.customer_id = c.id AND e.name IN ('purchase', 'redemption') ORDER BY at DESC LIMIT 1
) AS bought ON true
CROSS JOIN LATERAL (
    SELECT greatest(c.created_at, (s.state->'last_fix'->>'at')::timestamptz, bought.at) AS last
) AS heard
WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location AND c.profiling AND heard.last <= $3
ORDER BY c.bucket, c.id
FOR KEY SHARE OF c
"""


async def absent(db: Connection, *, buckets: Buckets, now: datetime, after: timedelta) -> list[Absent]:
    """List customers of whom neither ping, purchase nor redemption was heard for so long; signing up counts as heard."""
    rows = await db.fetch(ABSENT, *buckets, now - after)
    return [Absent(row["id"], row["since"]) for row in rows]
