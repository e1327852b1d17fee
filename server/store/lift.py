"""The sums behind a lift: both arms of the trials that are over, from cells, and from trials where an edge cuts through one.

The ranges and groups are those of the funnel (server.store.reports): a trial counts by when it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from server.store.pool import Connection
from server.store.reports import KEYS, By, slices

PROGRAMME: Final = UUID(int=0)
"""The programme's own trial has no offer."""


class Sums(NamedTuple):
    """One arm of one group in one currency; a trial is one customer's (of one offer)."""

    key: str
    held_out: bool
    currency: str
    customers: int
    reached: int
    visits: int
    visits_squared: int
    value_minor: int
    value_squared: int


_COUNTED: Final = Sums._fields[3:]  # sums of bigint are numeric


def _arms(by: By) -> str:
    """Write the statement of one grouping: $1-$2 whole slots, $3-$4 and $5-$6 the edges, $7 an offer or NULL."""
    own = "=" if by == "programme" else "<>"
    return f"""
WITH edges AS (
    SELECT t.offer_id, coalesce(m.place_id, '00000000-0000-0000-0000-000000000000') AS place_id, m.channel, m.placement,
           m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '') AS weather, t.currency, t.held_out,
           t.reached, t.visits, t.value_minor
    FROM trials t JOIN moments m ON m.bucket = t.bucket AND m.id = t.moment_id
    WHERE t.next_at IS NULL
      AND (t.started_at >= $3::timestamptz AND t.started_at < $4::timestamptz
           OR t.started_at >= $5::timestamptz AND t.started_at < $6::timestamptz)
), facts AS (
    SELECT {KEYS[by][0].format("c")}::text AS key, c.offer_id, c.held_out, c.currency, c.customers, c.reached, c.visits,
           c.visits_squared, c.value_minor, c.value_squared
    FROM lift_cells c WHERE c.slot >= $1::timestamptz AND c.slot < $2::timestamptz
    UNION ALL
    SELECT {KEYS[by][0].format("e")}::text, e.offer_id, e.held_out, e.currency, 1, e.reached::int, e.visits,
           e.visits::numeric * e.visits, e.value_minor, e.value_minor::numeric * e.value_minor
    FROM edges e
)
SELECT key, held_out, currency, sum(customers) AS customers, sum(reached) AS reached, sum(visits) AS visits,
       sum(visits_squared) AS visits_squared, sum(value_minor) AS value_minor, sum(value_squared) AS value_squared
FROM facts
WHERE offer_id {own} '00000000-0000-0000-0000-000000000000' AND ($7::uuid IS NULL OR offer_id = $7::uuid)
GROUP BY key, held_out, currency
"""  # noqa: S608  names of ours, no input


ARMS: Final[Mapping[By, str]] = {by: _arms(by) for by in KEYS}


async def arms(db: Connection, *, start: datetime, end: datetime, by: By, offer_id: UUID | None = None) -> list[Sums]:
    """Add up the trials that began in [start, end) and are over, by group, arm and currency."""
    rows = await db.fetch(ARMS[by], *slices(start, end), offer_id)
    return [Sums(row["key"], row["held_out"], row["currency"], *(int(row[name]) for name in _COUNTED)) for row in rows]
