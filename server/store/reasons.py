"""Receipts as their customer reads them: each offer that was looked at, newest decision first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection


class Mark(NamedTuple):
    """Where a page ended: the receipt's time and id, and the verdict's number in it."""

    at: datetime
    id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Item:
    """One offer on one receipt; `gate` None: it won, or what happened to it afterwards."""

    mark: Mark
    offer: str
    gate: str | None
    truth: str
    reason: str
    values: Mapping[str, Any]
    moment_id: UUID | None


# A control group's moment is not there for its customer: the receipt says why, and names none.
PAGE = """
SELECT r.at, r.id, v.number, v.verdict, CASE WHEN m.held_out THEN NULL ELSE m.id END AS moment_id, m.offer_id
FROM receipts r
CROSS JOIN LATERAL jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, number)
LEFT JOIN moments m ON m.bucket = r.bucket AND m.id = r.moment_id
WHERE r.bucket = $1 AND r.customer_id = $2
  AND ($3::timestamptz IS NULL OR r.at < $3 OR r.at = $3 AND (r.id < $4 OR r.id = $4 AND v.number > $5))
ORDER BY r.at DESC, r.id DESC, v.number
LIMIT $6
"""


async def page(db: Connection, *, customer_id: UUID, after: Mark | None, limit: int) -> list[Item]:
    """List the verdicts on a customer's receipts, newest first."""
    mark = after or (None, None, None)
    rows = await db.fetch(PAGE, bucket_of(customer_id), customer_id, *mark, limit)
    items = []
    for row in rows:
        verdict = json.loads(row["verdict"])
        mine = row["moment_id"] is not None and verdict.get("offer_id") == str(row["offer_id"])
        items.append(
            Item(
                mark=Mark(row["at"], row["id"], row["number"]),
                offer=verdict["offer"],
                gate=verdict["gate"],
                truth=verdict["truth"],
                reason=verdict["reason"],
                values=verdict["values"],
                moment_id=row["moment_id"] if mine else None,
            )
        )
    return items
