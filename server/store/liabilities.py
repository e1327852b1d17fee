"""What offers may still cost: their active passes, and what is left of their budgets.

Rule 1: a pass may cost the value of its uses that are left. One whose value shows only at the till (a percentage) counts nothing.
Rule 2: how many people hold an offer's passes is told with it; whoever shows the figures blanks what is too small.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Open(NamedTuple):
    """What one offer's active passes may still cost in one currency; `holders`: at least so many people have them."""

    offer_id: UUID
    currency: str
    minor: int
    holders: int


# Passes lie in their customers' buckets: those of $2 buckets are those of as many people. Where they are fewer, they are counted;
# those who were erased have none that is active.
OPEN = """
WITH lying AS (
    SELECT offer_id, currency, bucket, sum(uses_left * value_minor)::bigint AS minor FROM passes
    WHERE state = 'active' AND ($1::uuid[] IS NULL OR offer_id = ANY ($1::uuid[]))
    GROUP BY offer_id, currency, bucket
), summed AS (
    SELECT offer_id, currency, sum(minor)::bigint AS minor, count(*) AS buckets FROM lying GROUP BY offer_id, currency
)
SELECT s.offer_id, s.currency, s.minor, CASE WHEN s.buckets >= $2 THEN s.buckets ELSE (
           SELECT count(DISTINCT coalesce(p.customer_id, p.serial)) FROM passes p
           WHERE p.offer_id = s.offer_id AND p.state = 'active' AND p.currency = s.currency
       ) END AS holders
FROM summed s WHERE s.currency IS NOT NULL
"""


async def open_passes(db: Connection, *, offers: Sequence[UUID] | None, least: int) -> list[Open]:
    """Add up what active passes may still cost, by offer and currency."""
    wanted = None if offers is None else list(offers)
    return [Open(**row) for row in await db.fetch(OPEN, wanted, least)]


class Budget(NamedTuple):
    """What an offer may give away in all, by the version that decides, and what it has given so far."""

    units: int | None
    liability_minor: int | None
    currency: str | None
    used_units: int
    used_liability: int


class Offer(NamedTuple):
    """An offer as the report shows it; a budget where one is set."""

    id: UUID
    name: str
    status: str
    budget: Budget | None


BUDGETS = """
SELECT o.id, o.name, o.status, coalesce(v.document, o.document)->'limits'->'total' AS total, b.units, b.liability
FROM offers o
LEFT JOIN offer_versions v ON v.offer_id = o.id AND v.version = o.live_version
LEFT JOIN budgets b ON b.offer_id = o.id
WHERE $1::uuid[] IS NULL OR o.id = ANY ($1::uuid[])
ORDER BY o.name
"""


async def budgets_of(db: Connection, *, offers: Sequence[UUID] | None) -> list[Offer]:
    """List offers, all or those named, with their budgets."""
    rows = await db.fetch(BUDGETS, None if offers is None else list(offers))
    return [
        Offer(row["id"], row["name"], row["status"], _budget(json.loads(row["total"] or "null"), row)) for row in rows
    ]


def _budget(total: Any, row: Any) -> Budget | None:
    """Read a budget from a document that was checked when it was written."""
    if not isinstance(total, dict) or not total:
        return None
    liability = total.get("liability") or {}
    return Budget(
        units=total.get("units"),
        liability_minor=liability.get("minor"),
        currency=liability.get("currency"),
        used_units=row["units"] or 0,
        used_liability=row["liability"] or 0,
    )
