"""The sums behind a lift: both arms of the trials that are over, from cells, and from trials where an edge cuts through one.

The ranges, groups and filters are those of the funnel (server.store.cube): a trial counts by when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from server.store import cube
from server.store.cube import ALL, APART, EDGES, FIRST, RANGES, SUMMED, WITHIN, Filters, keys_of, wanted_of
from server.store.pool import Connection
from server.store.reports import KEYS, By, text_of

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


def comparing(by: By, filters: Sequence[str]) -> str:
    """Write the statement of one grouping: $1-$3 whole slots, $4-$5 edges, $6-$11 sums, from $12 on the filters."""
    own = "=" if by == "programme" else "<>"
    keys = KEYS[by]
    sums = ", ".join(f"sum({name}) AS {name}" for name in _COUNTED)
    group = "".join(f"{key}, " for key in keys)
    return f"""
WITH edges AS (
    SELECT e.* FROM {EDGES}
    JOIN (SELECT t.started_at, t.offer_id, coalesce(m.place_id, '00000000-0000-0000-0000-000000000000') AS place_id, m.channel,
                 m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '') AS weather, t.currency,
                 t.held_out, t.reached, t.visits, t.value_minor
          FROM trials t JOIN moments m ON m.bucket = t.bucket AND m.id = t.moment_id
          WHERE t.next_at IS NULL) AS e ON e.started_at >= r.since AND e.started_at < r.until{wanted_of("e", filters, FIRST)}
), facts AS (
    SELECT {keys_of("c", "slot", keys)}c.offer_id AS own, c.held_out, c.currency, c.customers, c.reached, c.visits,
           c.visits_squared, c.value_minor, c.value_squared
    FROM {RANGES} CROSS JOIN LATERAL (
        SELECT * FROM lift_cells c WHERE c.slot >= r.since AND c.slot < r.until{wanted_of("c", filters, FIRST)} {APART}
    ) AS c
    UNION ALL
    SELECT {keys_of("s", "at", keys)}s.offer_id, s.held_out, s.currency, s.customers, s.reached, s.visits,
           s.visits_squared, s.value_minor, s.value_squared
    FROM {SUMMED} CROSS JOIN LATERAL (
        SELECT * FROM lift_sums s WHERE {WITHIN}{wanted_of("s", filters, FIRST)} {APART}
    ) AS s
    UNION ALL
    SELECT {keys_of("e", "started_at", keys)}e.offer_id, e.held_out, e.currency, 1, e.reached::int, e.visits,
           e.visits::numeric * e.visits, e.value_minor, e.value_minor::numeric * e.value_minor
    FROM edges e
)
SELECT {group}held_out, currency, {sums} FROM facts
WHERE own {own} '00000000-0000-0000-0000-000000000000'
GROUP BY {group}held_out, currency
"""  # noqa: S608  names of ours, no input


async def arms(db: Connection, *, start: datetime, end: datetime, by: By, filters: Filters = ALL) -> list[Sums]:
    """Add up the trials that began in [start, end) and are over, by group, arm and currency."""
    keys = KEYS[by]
    needs = keys if by != "programme" else ("offer_id",)  # its own trial is told from the offers'
    slices = cube.cut(start, end, needs=needs, filters=filters)
    async with db.transaction(readonly=True):
        await db.execute(cube.ROOM)
        rows = await db.fetch(comparing(by, filters.named), *slices.parameters(filters))
    return [
        Sums(
            text_of([row[key] for key in keys]),
            row["held_out"],
            row["currency"],
            *(int(row[name]) for name in _COUNTED),
        )
        for row in rows
    ]
