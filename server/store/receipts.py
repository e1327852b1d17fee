"""Receipts read back: one line per offer that was looked at, newest decisions first.

Receipts are written with the state they were decided on (`arrivals.record`): {offer_id, offer, place_id, gate, truth,
reason, values} for each verdict, the winner first; `weight` with a plain no, of which only a share is kept. For each
verdict a row of `receipt_lines` names its offer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection, Row

Mark = tuple[datetime, UUID, int]
"""Where a page ended: a receipt's time and id, and the place of the verdict in it."""

_END: Final[Mark] = (datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1), 0)


class Line(NamedTuple):
    """One verdict of a receipt; `gate` None: no gate stopped it."""

    at: datetime
    id: UUID
    place: int
    customer_id: UUID
    moment_id: UUID | None
    offer: str
    gate: str | None
    truth: Literal["holds", "fails", "unknown"]
    reason: str
    values: Mapping[str, Any]
    weight: float = 1.0
    """How many such answers it stands for: of plain no's only a share is kept."""


# The first comparison is the index's, the second drops what the page before told of the same receipt.
OF_MOMENT = """
SELECT r.at, r.id, v.place, r.customer_id, r.moment_id, v.verdict
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, place)
WHERE r.bucket = $1 AND r.moment_id = $2
  AND (r.at, r.id) <= ($3::timestamptz, $4::uuid) AND ((r.at, r.id) <> ($3::timestamptz, $4::uuid) OR v.place > $5)
ORDER BY r.at DESC, r.id DESC, v.place LIMIT $6
"""


async def of_moment(db: Connection, *, moment_id: UUID, after: Mark | None, limit: int) -> list[Line]:
    """List what was decided when a moment came out."""
    rows = await db.fetch(OF_MOMENT, bucket_of(moment_id), moment_id, *_mark(after), limit)
    return [_line(row) for row in rows]


# The offer's own lines, in the order of their index; each receipt is one probe of its key, as many as the page has lines.
OF_OFFER = """
SELECT l.at, l.receipt_id AS id, l.place, r.customer_id, r.moment_id, r.verdicts -> (l.place - 1) AS verdict
FROM receipt_lines l
CROSS JOIN LATERAL (
    SELECT customer_id, moment_id, verdicts FROM receipts
    WHERE receipts.bucket = l.bucket AND receipts.id = l.receipt_id LIMIT 1
) AS r
WHERE l.offer_id = $1 AND l.at >= $6::timestamptz AND l.at < $7::timestamptz
  AND (l.at, l.receipt_id) <= ($2::timestamptz, $3::uuid)
  AND ((l.at, l.receipt_id) <> ($2::timestamptz, $3::uuid) OR l.place > $4)
ORDER BY l.at DESC, l.receipt_id DESC, l.place LIMIT $5
"""


async def of_offer(
    db: Connection, *, offer_id: UUID, start: datetime, end: datetime, after: Mark | None, limit: int
) -> list[Line]:
    """List what was decided on an offer in [start, end)."""
    rows = await db.fetch(OF_OFFER, offer_id, *_mark(after), limit, start, end)
    return [_line(row) for row in rows]


OF_CUSTOMER = """
SELECT r.at, r.id, v.place, r.customer_id, r.moment_id, v.verdict
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, place)
WHERE r.bucket = $1 AND r.customer_id = $2 AND r.at >= $7::timestamptz AND r.at < $8::timestamptz
  AND (r.at, r.id) <= ($3::timestamptz, $4::uuid) AND ((r.at, r.id) <> ($3::timestamptz, $4::uuid) OR v.place > $5)
ORDER BY r.at DESC, r.id DESC, v.place LIMIT $6
"""


async def of_customer(
    db: Connection, *, customer_id: UUID, start: datetime, end: datetime, after: Mark | None, limit: int
) -> list[Line]:
    """List what was decided for a customer in [start, end)."""
    bucket = bucket_of(customer_id)
    rows = await db.fetch(OF_CUSTOMER, bucket, customer_id, *_mark(after), limit, start, end)
    return [_line(row) for row in rows]


def _mark(after: Mark | None) -> Mark:
    return after if after is not None else _END


def _line(row: Row) -> Line:
    verdict = json.loads(row["verdict"])
    return Line(
        at=row["at"],
        id=row["id"],
        place=row["place"],
        customer_id=row["customer_id"],
        moment_id=row["moment_id"],
        offer=verdict["offer"],
        gate=verdict["gate"],
        truth=verdict["truth"],
        reason=verdict["reason"],
        values=verdict["values"],
        weight=verdict.get("weight", 1.0),
    )
