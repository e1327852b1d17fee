"""Many customers, made by the database itself: a million in well under a minute, and callers drawn from among them.

They are rows as sign-up makes them (profile, state, token), spread over all buckets; only those who are drawn get a token
that somebody knows.
"""

from __future__ import annotations

import random

from bench import town
from server.model.ids import bucket_of
from server.model.place import Circle, Geofence
from server.store.ids import new_token, token_hash
from server.store.keys import CUSTOMER_PREFIX
from server.store.pool import Connection

ROWS = 100_000
"""So many customers are made by one statement."""

# The hash of a number is an id as good as any; its last ten bits are the bucket, as in every customer's id.
MAKE = """
WITH made AS (
    SELECT (('x' || substr(text, 30, 3))::bit(12)::int & 1023)::smallint AS bucket, text::uuid AS id
    FROM generate_series($1::bigint, $2::bigint) AS number, md5(number::text) AS text
), profiles AS (
    INSERT INTO customers (bucket, id, locale, time_zone, location, push, profiling)
    SELECT bucket, id, 'en-US', 'Europe/Berlin', true, true, true FROM made
), states AS (
    INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM made
)
INSERT INTO customer_tokens (bucket, hash, customer_id) SELECT bucket, sha256(id::text::bytea), id FROM made
"""
DRAW = "SELECT id FROM customers ORDER BY md5(id::text) LIMIT $1"
TOKENS = "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)"


async def fill(db: Connection, *, have: int, want: int) -> None:
    """Make customers until there are so many."""
    for start in range(have + 1, want + 1, ROWS):
        await db.execute(MAKE, start, min(start + ROWS - 1, want))
    await db.execute("VACUUM ANALYZE customers, customer_state, customer_tokens")


async def draw(db: Connection, made: list[Geofence], count: int) -> list[town.Caller]:
    """Draw callers from among all customers, and put each near some fence."""
    chance, callers = random.Random(13), []
    for row in await db.fetch(DRAW, count):
        shape = chance.choice(made).shape
        assert isinstance(shape, Circle)
        at = town.moved(shape.center, chance.uniform(-200, 200), chance.uniform(-200, 200))
        callers.append(town.Caller(row["id"], new_token(CUSTOMER_PREFIX, bucket=bucket_of(row["id"])), at))
    await db.executemany(TOKENS, [(bucket_of(each.id), token_hash(each.token), each.id) for each in callers])
    return callers
