"""The ledger of redemptions: exactly once is a matter of one conditional update and of constraints.

Rule 1: a use is claimed by one statement that takes it only if the pass is active, within its time (the database's),
        at its place and not held by another till; the ledger's row, the moment's step, the customer's event (with the
        occasion that it is) and the funnel's fact are written by the same statement.
Rule 2: nothing decides on what it read before: whoever loses looks again (`counter.look`), only to say why.
Rule 3: the ledger is append-only; a reversal is a row of its own, at most one per redemption.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from server.model.ids import bucket_of
from server.model.money import Money
from server.store.pool import Connection, Contended, Row


class Till(NamedTuple):
    """Who redeems: the store, the principal's id, and after how many wrong codes within a minute it must wait."""

    store_id: UUID
    id: str
    wrong_codes: int


class Purchase(NamedTuple):
    """What the customer buys with it."""

    amount: Money | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """One use, as the till is told; `reward` is the document."""

    id: UUID
    serial: UUID
    reward: Mapping[str, Any]
    uses_left: int
    redeemed_at: datetime
    store_id: UUID


# The percentage of a purchase has its value only now. A use that was given back is not made again under its number.
CLAIM = """
WITH claimed AS (
    UPDATE passes SET uses_left = uses_left - 1, uses_made = uses_made + 1, held_by = NULL, held_until = NULL, tag = -1,
           state = CASE WHEN uses_left = 1 THEN 'redeemed' ELSE state END,
           modified_at = greatest(clock_timestamp(), modified_at + interval '1 second')
    WHERE bucket = $1 AND serial = $2 AND state = 'active' AND uses_left > 0
      AND valid_from <= clock_timestamp() AND (valid_until IS NULL OR valid_until > clock_timestamp())
      AND (places IS NULL OR $4::uuid = ANY (places))
      AND (place_tag IS NULL OR EXISTS (SELECT FROM stores s WHERE s.id = $4::uuid AND place_tag = ANY (s.tags)))
      AND (held_until IS NULL OR held_until <= clock_timestamp() OR held_by = $5::text)
      AND (minimum_minor IS NULL OR ($7::bigint >= minimum_minor AND $8::text = minimum_currency))
      AND NOT EXISTS (SELECT FROM wrong_codes w WHERE w.till_id = $5::text AND w.count >= $9
                      AND w.since > clock_timestamp() - interval '1 minute')
      AND ($10::bigint IS NULL OR NOT EXISTS (SELECT FROM redemptions r WHERE r.bucket = $1 AND r.serial = $2
                                              AND r.totp_step = $10))
    RETURNING bucket, serial, customer_id, moment_id, state, reward, uses_left, uses_made,
              CASE WHEN value_minor = 0 AND reward ? 'percent' AND $7::bigint IS NOT NULL
                   THEN round($7::bigint * (reward->>'percent')::numeric / 100)::bigint ELSE value_minor END AS value_minor,
              CASE WHEN value_minor = 0 AND reward ? 'percent' THEN $8::text ELSE currency END AS currency
), entry AS (
    INSERT INTO redemptions (bucket, id, serial, use_no, uses_left, store_id, till_id, order_id, amount_minor, value_minor,
                             currency, totp_step)
    SELECT bucket, $3::uuid, serial, uses_made, uses_left, $4::uuid, $5::text, $6::text, $7::bigint, value_minor, currency,
           $10::bigint
    FROM claimed
    RETURNING id, redeemed_at
), stepped AS (
    UPDATE moments m SET state = 'redeemed', redeemed_at = entry.redeemed_at
    FROM claimed, entry
    WHERE claimed.state = 'redeemed' AND m.bucket = claimed.bucket AND m.id = claimed.moment_id AND m.state = 'accepted'
), known AS (
    INSERT INTO customer_events (bucket, id, customer_id, name, offer, at, amount_minor, currency, order_id, store_id)
    SELECT claimed.bucket, entry.id, claimed.customer_id, 'redemption', m.offer_name, entry.redeemed_at, $7::bigint,
           $8::text, $6::text, $4::uuid
    FROM claimed, entry, moments m
    WHERE m.bucket = claimed.bucket AND m.id = claimed.moment_id AND claimed.customer_id IS NOT NULL
), occurred AS (
    INSERT INTO occasions (bucket, id, customer_id, kind, name, geofence_id, at)
    SELECT claimed.bucket, entry.id, claimed.customer_id, 'event', 'redemption',
           (SELECT s.geofence_id FROM stores s WHERE s.id = $4::uuid), entry.redeemed_at
    FROM claimed, entry
    WHERE claimed.customer_id IS NOT NULL
), fact AS (
    INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, value_minor, currency, slot, offer_id, place_id,
                              channel, placement, variant, local_day, local_hour, weekday, weather, subject_id)
    SELECT m.bucket, m.id, ('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint,
           'redeemed', 1, claimed.value_minor, coalesce(claimed.currency, ''),
           date_bin('15 minutes', m.created_at, timestamptz '2000-01-01 00:00:00+00'), m.offer_id, m.place_id, m.channel,
           m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, ''), $3::uuid
    FROM claimed JOIN moments m ON m.bucket = claimed.bucket AND m.id = claimed.moment_id
    WHERE m.customer_id IS NOT NULL
)
SELECT entry.id, claimed.serial, claimed.reward, claimed.uses_left, entry.redeemed_at FROM claimed, entry
"""


async def claim(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    serial: UUID,
    till: Till,
    purchase: Purchase,
    step: int | None = None,
) -> Redeemed | None:
    """Use a pass once, under the id of the new redemption; None where it may not be used there now.

    `step` is the half minute of a changing barcode, good for one redemption: of two that come with it at the same instant
    the constraint lets one through, and the other is Contended.
    """
    amount = purchase.amount
    values = [till.store_id, till.id, purchase.order_id]
    values += [amount.minor if amount else None, amount.currency if amount else None, till.wrong_codes, step]
    try:
        row = await db.fetchrow(CLAIM, bucket_of(serial), serial, id, *values)
    except asyncpg.UniqueViolationError as error:
        if step is None or error.constraint_name != "redemptions_step":
            raise
        raise Contended(retry_after_s=1) from error
    if row is None:
        return None
    return Redeemed(
        id=row["id"],
        serial=row["serial"],
        reward=json.loads(row["reward"]),
        uses_left=row["uses_left"],
        redeemed_at=row["redeemed_at"],
        store_id=till.store_id,
    )


class Given(NamedTuple):
    """What a reversal found: the redemption's store and time, whether it was reversed before, and what was done now.

    `in_time` tells whether a till might still do it; `id` is the reversal's own, None where nothing was done.
    """

    serial: UUID
    store_id: UUID
    redeemed_at: datetime
    reversed_at: datetime | None
    in_time: bool
    id: UUID | None
    uses_left: int | None
    at: datetime


# A concurrent reversal holds the pass's row: who waits for it finds the unique key taken, and gives nothing back. The
# ledger's row never changes, so it needs no lock.
REVERSE = """
WITH target AS (
    SELECT r.bucket, r.id, r.serial, r.store_id, r.redeemed_at, r.value_minor, r.currency,
           r.redeemed_at > clock_timestamp() - $5::interval AS in_time
    FROM redemptions r WHERE r.bucket = $1 AND r.id = $2
), entry AS (
    INSERT INTO reversals (bucket, id, redemption_id, serial, reversed_by, reason)
    SELECT bucket, $3::uuid, id, serial, $6::text, $7::text FROM target
    WHERE $4::uuid IS NULL OR (store_id = $4::uuid AND in_time)
    ON CONFLICT (bucket, redemption_id) DO NOTHING
    RETURNING bucket, id, serial, reversed_at
), given AS (
    UPDATE passes p SET uses_left = p.uses_left + 1, tag = -1,
           state = CASE WHEN p.state = 'redeemed' THEN 'active' ELSE p.state END,
           modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
    FROM entry WHERE p.bucket = entry.bucket AND p.serial = entry.serial
    RETURNING p.bucket, p.moment_id, p.uses_left, p.state
), stepped AS (
    UPDATE moments m SET state = 'accepted', redeemed_at = NULL
    FROM given WHERE m.bucket = given.bucket AND m.id = given.moment_id AND m.state = 'redeemed' AND given.state = 'active'
), forgotten AS (
    DELETE FROM customer_events e USING target, entry WHERE e.bucket = target.bucket AND e.id = target.id
), undone AS (
    DELETE FROM occasions o USING target, entry WHERE o.bucket = target.bucket AND o.id = target.id
), fact AS (
    INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, value_minor, currency, slot, offer_id, place_id,
                              channel, placement, variant, local_day, local_hour, weekday, weather, subject_id)
    SELECT m.bucket, m.id, ('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint,
           'redeemed', -1, target.value_minor, coalesce(target.currency, ''),
           date_bin('15 minutes', m.created_at, timestamptz '2000-01-01 00:00:00+00'), m.offer_id, m.place_id, m.channel,
           m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, ''), $3::uuid
    FROM target, given JOIN moments m ON m.bucket = given.bucket AND m.id = given.moment_id
    WHERE m.customer_id IS NOT NULL
)
SELECT target.serial, target.store_id, target.redeemed_at, target.in_time, before.reversed_at, entry.id, given.uses_left,
       coalesce(entry.reversed_at, clock_timestamp()) AS at
FROM target LEFT JOIN entry ON true LEFT JOIN given ON true
LEFT JOIN reversals before ON before.bucket = target.bucket AND before.redemption_id = target.id
"""


async def reverse(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    redemption_id: UUID,
    store_id: UUID | None,
    window: timedelta,
    by: str,
    reason: str,
) -> Given | None:
    """Give a use back under the id of the new reversal, and tell what was found; None where there is no redemption.

    `store_id` None is an admin, who may always; a till only its own store's, within the window of the database's time.
    """
    row = await db.fetchrow(REVERSE, bucket_of(redemption_id), redemption_id, id, store_id, window, by, reason)
    return None if row is None else Given(**row)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger, as lists show it."""

    id: UUID
    serial: UUID
    offer_id: UUID
    reward: Mapping[str, Any]
    uses_left: int
    value_minor: int
    currency: str | None
    store_id: UUID
    till_id: str
    redeemed_at: datetime
    reversed_at: datetime | None


def _entry(row: Row) -> Entry:
    return Entry(**{**row, "reward": json.loads(row["reward"])})


PAGE = """
SELECT r.id, r.serial, p.offer_id, p.reward, r.uses_left, r.value_minor, r.currency, r.store_id, r.till_id,
       r.redeemed_at, v.reversed_at
FROM redemptions r
JOIN passes p ON p.bucket = r.bucket AND p.serial = r.serial
LEFT JOIN reversals v ON v.bucket = r.bucket AND v.redemption_id = r.id
WHERE ($1::uuid IS NULL OR r.store_id = $1) AND ($2::timestamptz IS NULL OR r.redeemed_at >= $2)
  AND ($3::timestamptz IS NULL OR (r.redeemed_at, r.id) < ($3::timestamptz, $4::uuid))
ORDER BY r.redeemed_at DESC, r.id DESC LIMIT $5
"""


async def page(
    db: Connection,
    *,
    store_id: UUID | None = None,
    since: datetime | None = None,
    limit: int,
    after: tuple[datetime, UUID] | None,
) -> list[Entry]:
    """List the ledger, newest first: all of it, or one store's, or what came since an instant."""
    at, last = after or (None, None)
    return [_entry(row) for row in await db.fetch(PAGE, store_id, since, at, last, limit)]


OWN = """
SELECT r.id, r.serial, p.offer_id, p.reward, r.uses_left, r.value_minor, r.currency, r.store_id, r.till_id,
       r.redeemed_at, v.reversed_at
FROM passes p
JOIN redemptions r ON r.bucket = p.bucket AND r.serial = p.serial
LEFT JOIN reversals v ON v.bucket = r.bucket AND v.redemption_id = r.id
WHERE p.bucket = $1 AND p.customer_id = $2
  AND ($3::timestamptz IS NULL OR (r.redeemed_at, r.id) < ($3::timestamptz, $4::uuid))
ORDER BY r.redeemed_at DESC, r.id DESC LIMIT $5
"""


async def own(db: Connection, *, customer_id: UUID, limit: int, after: tuple[datetime, UUID] | None) -> list[Entry]:
    """List the redemptions of a customer's passes, newest first."""
    at, last = after or (None, None)
    return [_entry(row) for row in await db.fetch(OWN, bucket_of(customer_id), customer_id, at, last, limit)]


ZONE = "SELECT time_zone FROM stores WHERE id = $1"


async def zone_of(db: Connection, *, store_id: UUID) -> str | None:
    """Tell a store's time zone."""
    zone: str | None = await db.fetchval(ZONE, store_id)
    return zone
