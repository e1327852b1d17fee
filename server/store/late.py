"""Redemptions that happened while a till had no network: booked late, each once, and kept with what came of it.

Rule 1: the claim is that of `redemptions`, but for when and for whom: at the instant that counts for the record, whether or
        not the pass has expired since, whoever holds it, and however many wrong codes the till gave.
Rule 2: what was given at a counter and cannot be booked is a row too, with what it cost: nothing is dropped silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.money import Money
from server.store import redemptions
from server.store.pool import Connection, Contended, Row
from server.store.redemptions import Purchase, Redeemed

_CHANGES = (
    (
        "WHERE bucket = $1 AND serial = $2 AND state = 'active'",
        "WHERE bucket = $1 AND serial = $2 AND state IN ('active', 'expired')",
    ),
    (
        "AND valid_from <= clock_timestamp() AND (valid_until IS NULL OR valid_until > clock_timestamp())",
        "AND valid_from <= $9::timestamptz AND (valid_until IS NULL OR valid_until > $9)",
    ),
    ("      AND (held_until IS NULL OR held_until <= clock_timestamp() OR held_by = $5::text)\n", ""),
    (
        "      AND NOT EXISTS (SELECT FROM wrong_codes w WHERE w.till_id = $5::text AND w.count >= $9\n"
        "                      AND w.since > clock_timestamp() - interval '1 minute')\n",
        "",
    ),
    (
        "AND m.id = claimed.moment_id AND m.state = 'accepted'",
        "AND m.id = claimed.moment_id AND m.state IN ('accepted', 'expired')",
    ),
)


def _late(sql: str) -> str:
    for old, new in _CHANGES:
        if sql.count(old) != 1:
            raise LookupError(f"the claim has changed: {old}")
        sql = sql.replace(old, new)
    return sql


class Held(NamedTuple):
    """A pass that is about to be booked: its offer, its state before, how often it was used, what one use is worth."""

    offer_id: UUID
    state: str
    uses_made: int
    reward: Mapping[str, Any]
    value_minor: int
    currency: str | None


HOLD = """
SELECT offer_id, state, uses_made, reward, value_minor, currency FROM passes WHERE bucket = $1 AND serial = $2 FOR UPDATE
"""


async def hold(db: Connection, *, serial: UUID) -> Held | None:
    """Lock a pass until the transaction ends, and tell how it stands."""
    row = await db.fetchrow(HOLD, bucket_of(serial), serial)
    return None if row is None else Held(**{**row, "reward": json.loads(row["reward"])})


CLAIM = _late(redemptions.CLAIM)


async def claim(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    serial: UUID,
    store_id: UUID,
    till_id: str,
    purchase: Purchase,
    at: datetime,
    step: int | None,
) -> Redeemed | None:
    """Use a pass once as if it were `at`, under the id of the new redemption; None where it might not be used there then."""
    amount = purchase.amount
    values: list[Any] = [store_id, till_id, purchase.order_id]
    values += [amount.minor if amount else None, amount.currency if amount else None, at, step]
    row = await db.fetchrow(CLAIM, bucket_of(serial), serial, id, *values)
    if row is None:
        return None
    reward = json.loads(row["reward"])
    return Redeemed(row["id"], row["serial"], reward, row["uses_left"], row["redeemed_at"], store_id)


class Record(NamedTuple):
    """A record of a till's browser as it arrived: its place in the chain and its hash, and what the till says of it."""

    id: UUID
    key_id: UUID
    n: int
    digest: bytes
    till_id: str
    store_id: UUID
    serial: UUID | None
    scanned_at: datetime
    judged_at: datetime

    @property
    def bucket(self) -> int:
        """The shard of its row: the pass's, where there is one."""
        return bucket_of(self.serial or self.id)


class Outcome(NamedTuple):
    """What came of a record: `outcome` is redeemed, conflict or refused, `reason` a problem's code."""

    outcome: str
    reason: str | None = None
    redemption_id: UUID | None = None
    uses_left: int | None = None
    reward: Mapping[str, Any] | None = None
    against_at: datetime | None = None
    against_store: UUID | None = None
    cost: Money | None = None


KEEP = """
INSERT INTO offline_redemptions (bucket, id, key_id, n, digest, till_id, store_id, serial, scanned_at, judged_at, outcome,
                                 reason, redemption_id, uses_left, reward, against_at, against_store, cost_minor, currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (bucket, id) DO NOTHING
"""


async def keep(db: Connection, record: Record, outcome: Outcome) -> None:
    """Write down what came of a record; raises Contended where another key's record took its id in this moment."""
    cost = outcome.cost
    reward = None if outcome.reward is None else json.dumps(outcome.reward)
    values: list[Any] = [outcome.outcome, outcome.reason, outcome.redemption_id, outcome.uses_left, reward]
    values += [outcome.against_at, outcome.against_store, cost.minor if cost else None, cost.currency if cost else None]
    if not (await db.execute(KEEP, record.bucket, *record, *values)).endswith(" 1"):
        raise Contended(retry_after_s=1)


KNOWN = """
SELECT digest, outcome, reason, redemption_id, uses_left, reward, against_at, against_store, cost_minor, currency
FROM offline_redemptions WHERE bucket = $1 AND id = $2
"""


async def known(db: Connection, record: Record) -> tuple[bytes, Outcome] | None:
    """Give the hash of a record that came before under this id, and what came of it."""
    row = await db.fetchrow(KNOWN, record.bucket, record.id)
    return None if row is None else (row["digest"], _outcome(row))


def _outcome(row: Row) -> Outcome:
    minor, currency = row["cost_minor"], row["currency"]
    return Outcome(
        outcome=row["outcome"],
        reason=row["reason"],
        redemption_id=row["redemption_id"],
        uses_left=row["uses_left"],
        reward=None if row["reward"] is None else json.loads(row["reward"]),
        against_at=row["against_at"],
        against_store=row["against_store"],
        cost=None if minor is None or currency is None else Money(minor, currency),
    )


class Conflict(NamedTuple):
    """Something that was given at a counter and could not be booked, as lists show it."""

    id: UUID
    serial: UUID | None
    till_id: str
    store_id: UUID
    store: str | None
    scanned_at: datetime
    received_at: datetime
    against: str | None
    outcome: Outcome


CONFLICTS = """
SELECT o.id, o.serial, o.till_id, o.store_id, s.name AS store, o.scanned_at, o.received_at, t.name AS against, o.outcome,
       o.reason, o.redemption_id, o.uses_left, o.reward, o.against_at, o.against_store, o.cost_minor, o.currency
FROM offline_redemptions o
LEFT JOIN stores s ON s.id = o.store_id
LEFT JOIN stores t ON t.id = o.against_store
WHERE o.outcome <> 'redeemed' AND ($1::uuid IS NULL OR o.store_id = $1)
  AND ($2::timestamptz IS NULL OR (o.received_at, o.id) < ($2::timestamptz, $3::uuid))
ORDER BY o.received_at DESC, o.id DESC LIMIT $4
"""


async def conflicts(
    db: Connection, *, store_id: UUID | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Conflict]:
    """List what could not be booked, newest first: of one store, or of all."""
    rows = await db.fetch(CONFLICTS, store_id, *(after or (None, None)), limit)
    return [_conflict(row) for row in rows]


def _conflict(row: Row) -> Conflict:
    return Conflict(
        id=row["id"],
        serial=row["serial"],
        till_id=row["till_id"],
        store_id=row["store_id"],
        store=row["store"],
        scanned_at=row["scanned_at"],
        received_at=row["received_at"],
        against=row["against"],
        outcome=_outcome(row),
    )


class Loss(NamedTuple):
    """What such records come to in one currency (None: what it cost is not known), as far as programs can count."""

    times: int
    minor: int
    currency: str | None


LOSSES = """
SELECT count(*) AS times, least(coalesce(sum(cost_minor), 0), 9007199254740991)::bigint AS minor, currency
FROM offline_redemptions
WHERE outcome <> 'redeemed' AND ($1::uuid IS NULL OR store_id = $1)
GROUP BY currency ORDER BY currency NULLS LAST
"""


async def losses(db: Connection, *, store_id: UUID | None) -> list[Loss]:
    """Add up what could not be booked."""
    return [Loss(*row) for row in await db.fetch(LOSSES, store_id)]
