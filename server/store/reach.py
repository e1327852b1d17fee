"""Where customers were, and what they were sent, by day: read from a share of the shards that is large enough.

A customer's shard is the lowest ten bits of a random id, so the customers of the first shards are a fair sample of all.
What is read ends where it would cost more than its bound: one shard at least, all of them in a house of usual size.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import BUCKETS
from server.store.pool import Connection


class Person(NamedTuple):
    """One customer who agreed to the use of locations, with the other things agreed to and the segments they are in."""

    id: UUID
    push: bool
    profiling: bool
    segments: frozenset[str]


class Visit(NamedTuple):
    """That a customer was in a fence: bit n of `days` for the day n days before the last one read."""

    customer_id: UUID
    fence_id: UUID
    days: int


class Message(NamedTuple):
    """So many messages of other systems in one class on the day that lies so many days before the last one read."""

    customer_id: UUID
    pressure: str
    ago: int
    number: int


class Sample(NamedTuple):
    """What was read of the first `shards` of all shards; `judged` names the segments of which it is known who is in them."""

    shards: int
    judged: frozenset[str]
    people: Sequence[Person]
    visits: Sequence[Visit]
    messages: Sequence[Message]


# Who is in a segment with a condition is written down by the job that judges everybody: not yet, where it is new, and
# never, where it asks for the place.
JUDGED = "SELECT name FROM segments WHERE document IS NULL OR size IS NOT NULL"
PEOPLE = """
SELECT c.id, c.push, c.profiling,
       c.segments || ARRAY(SELECT m.segment FROM segment_members m WHERE m.bucket = c.bucket AND m.customer_id = c.id) AS segments
FROM customers c WHERE c.bucket >= $1 AND c.bucket < $2 AND c.location
"""
# The PK leads to each shard's rows; days are those of the programme's zone.
VISITS = """
SELECT p.customer_id, f.id, count(*) AS read,
       bit_or(1::bigint << least($5::date - (p.at AT TIME ZONE $4::text)::date, 62)) AS days
FROM pings p CROSS JOIN LATERAL unnest(p.geofence_ids) AS f (id)
WHERE p.bucket >= $1 AND p.bucket < $2 AND p.at >= $3::timestamptz AND (p.at AT TIME ZONE $4::text)::date <= $5::date
GROUP BY 1, 2
"""
MESSAGES = """
SELECT customer_id, pressure, $5::date - (at AT TIME ZONE $4::text)::date AS ago, count(*) AS number
FROM external_sends
WHERE bucket >= $1 AND bucket < $2 AND at >= $3::timestamptz AND (at AT TIME ZONE $4::text)::date <= $5::date
GROUP BY 1, 2, 3
"""


async def sample(db: Connection, *, since: datetime, zone: str, last: date, most: int) -> Sample:
    """Read what was recorded from an instant to the end of a day; of more than about `most` rows a share of the shards."""
    judged = frozenset(row["name"] for row in await db.fetch(JUDGED))
    people: list[Person] = []
    visits: list[Visit] = []
    messages: list[Message] = []
    shards, read = 0, 0
    while shards < BUCKETS:
        portion = min(max(1, shards), BUCKETS - shards)
        if shards and read + read * portion / shards > most:
            break
        span = (shards, shards + portion)
        for row in await db.fetch(PEOPLE, *span):
            people.append(Person(row["id"], row["push"], row["profiling"], frozenset(row["segments"])))
            read += 1
        for row in await db.fetch(VISITS, *span, since, zone, last):
            visits.append(Visit(row["customer_id"], row["id"], row["days"]))
            read += row["read"]
        messages += [Message(*row) for row in await db.fetch(MESSAGES, *span, since, zone, last)]
        shards += portion
    return Sample(shards, judged, people, visits, messages)
