"""Customers and what they agreed to. The consent ledger only grows; the row says what is in force now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from server.model.customer import Consents
from server.model.ids import bucket_of, bucket_of_text
from server.store.ids import new_id, new_token, token_hash
from server.store.keys import CUSTOMER_PREFIX
from server.store.pool import Connection

Purpose = Literal["location", "push", "profiling"]
PURPOSES: tuple[Purpose, ...] = ("location", "push", "profiling")


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer as they may see themselves."""

    id: UUID
    external_id: str | None
    locale: str | None
    time_zone: str | None
    attributes: Mapping[str, Any]
    segments: tuple[str, ...]
    consents: Consents
    created_at: datetime
    topics: Mapping[str, bool] = field(default_factory=dict)


KNOWN = "SELECT customer_id FROM external_ids WHERE bucket = $1 AND external_id = $2"


async def by_external_id(db: Connection, *, external_id: str) -> UUID | None:
    """Find the customer whom the brand knows by this number."""
    found: UUID | None = await db.fetchval(KNOWN, bucket_of_text(external_id), external_id)
    return found


TAKE = "INSERT INTO external_ids (bucket, external_id, customer_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
INSERT = """
WITH made AS (
    INSERT INTO customers (bucket, id, external_id, locale, time_zone, attributes) VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING bucket, id
)
INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM made
"""


async def insert(
    db: Connection,
    *,
    external_id: str | None,
    locale: str | None,
    time_zone: str | None,
    attributes: Mapping[str, Any],
) -> UUID | None:
    """Make a customer, who has agreed to nothing yet; None where the external id belongs to somebody."""
    identifier = new_id()
    if external_id is not None:
        done = await db.execute(TAKE, bucket_of_text(external_id), external_id, identifier)
        if done.endswith(" 0"):
            return None
    await db.execute(
        INSERT, bucket_of(identifier), identifier, external_id, locale, time_zone, json.dumps(dict(attributes))
    )
    return identifier


GIVE = "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)"


async def give_token(db: Connection, *, customer_id: UUID) -> str:
    """Make a token for the customer; only its hash is kept."""
    bucket = bucket_of(customer_id)
    token = new_token(CUSTOMER_PREFIX, bucket=bucket)
    await db.execute(GIVE, bucket, token_hash(token), customer_id)
    return token


FIND = """
SELECT id, external_id, locale, time_zone, attributes, location, push, profiling, created_at, topics,
       segments || ARRAY(SELECT m.segment FROM segment_members m WHERE m.bucket = c.bucket AND m.customer_id = c.id) AS segments
FROM customers c WHERE bucket = $1 AND id = $2
"""


async def find(db: Connection, *, customer_id: UUID) -> Profile | None:
    """Read a customer; None when there is none (any more)."""
    row = await db.fetchrow(FIND, bucket_of(customer_id), customer_id)
    if row is None:
        return None
    return Profile(
        id=row["id"],
        external_id=row["external_id"],
        locale=row["locale"],
        time_zone=row["time_zone"],
        attributes=json.loads(row["attributes"]),
        segments=tuple(dict.fromkeys(row["segments"])),
        consents=Consents(row["location"], row["push"], row["profiling"]),
        created_at=row["created_at"],
        topics=json.loads(row["topics"]),
    )


LOCK = "SELECT location, push, profiling FROM customers WHERE bucket = $1 AND id = $2 FOR UPDATE"


async def lock(db: Connection, *, customer_id: UUID) -> Consents | None:
    """Hold the customer's row until the transaction ends, and tell what they agreed to."""
    row = await db.fetchrow(LOCK, bucket_of(customer_id), customer_id)
    return Consents(row["location"], row["push"], row["profiling"]) if row is not None else None


# A given null removes an attribute or a topic; those that are not named stay.
PATCH = """
UPDATE customers SET locale = CASE WHEN $3 THEN $4 ELSE locale END,
       time_zone = CASE WHEN $5 THEN $6 ELSE time_zone END,
       attributes = CASE WHEN $7::jsonb IS NULL THEN attributes ELSE jsonb_strip_nulls(attributes || $7::jsonb) END,
       topics = CASE WHEN $8::jsonb IS NULL THEN topics ELSE jsonb_strip_nulls(topics || $8::jsonb) END,
       updated_at = clock_timestamp()
WHERE bucket = $1 AND id = $2
"""


class Change(NamedTuple):
    """What to change: the fields named in `given`; attributes and topics are merged."""

    given: frozenset[str]
    locale: str | None = None
    time_zone: str | None = None
    attributes: Mapping[str, Any] | None = None
    topics: Mapping[str, bool | None] | None = None


async def patch(db: Connection, *, customer_id: UUID, change: Change) -> None:
    """Change a customer's profile."""
    attributes = json.dumps(dict(change.attributes)) if change.attributes is not None else None
    topics = json.dumps(dict(change.topics)) if change.topics is not None else None
    await db.execute(
        PATCH,
        bucket_of(customer_id),
        customer_id,
        "locale" in change.given,
        change.locale,
        "time_zone" in change.given,
        change.time_zone,
        attributes,
        topics,
    )


AGREE = """
UPDATE customers SET location = $3, push = $4, profiling = $5, updated_at = clock_timestamp()
WHERE bucket = $1 AND id = $2
"""
LEDGER = """
INSERT INTO consents (bucket, id, customer_id, purpose, granted, terms, source, at)
SELECT $1, e.id, $2, e.purpose, e.granted, $6, $7, clock_timestamp()
FROM unnest($3::uuid[], $4::text[], $5::boolean[]) AS e (id, purpose, granted)
"""


async def agree(
    db: Connection,
    *,
    customer_id: UUID,
    consents: Consents,
    changed: Sequence[Purpose],
    terms: str,
    source: str,
) -> None:
    """Write what the customer agrees to from now on, and an entry in the ledger for each purpose that was said."""
    bucket = bucket_of(customer_id)
    await db.execute(AGREE, bucket, customer_id, consents.location, consents.push, consents.profiling)
    ids = [new_id(bucket=bucket) for _ in changed]
    said = [bool(getattr(consents, purpose)) for purpose in changed]
    await db.execute(LEDGER, bucket, customer_id, ids, list(changed), said, terms, source)
