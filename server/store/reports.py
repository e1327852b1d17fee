"""Reports: the funnel out of the cells that the roll-up keeps, and out of the moments where an edge cuts through a cell.

Rule 1: a moment counts by when it was decided, and everything that came of it counts with it (a cohort).
Rule 2: a cell is a whole quarter of an hour; the rest of a range that begins or ends within one is counted from moments.
Rule 3: how many people a group has is told with it. Whoever shows the figures blanks what is too small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.store.funnel import SLOT_MINUTES
from server.store.pool import Connection, Row

By = Literal["offer", "store", "channel", "variant", "placement", "hour", "weekday", "weather", "day", "programme"]

_SLOT: Final = timedelta(minutes=SLOT_MINUTES)
_SUMS: Final = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control", "converted")
_ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Counts(NamedTuple):
    """One group: its key, for offers and places its name, how many distinct people (64 may stand for more), the steps.

    `value` (minor units) and `redemptions` are by currency, of what was redeemed and not taken back.
    """

    key: str
    name: str | None
    customers: int
    decided: int
    delivered: int
    opened: int
    clicked: int
    passes: int
    redeemed: int
    control: int
    value: Mapping[str, int]
    redemptions: Mapping[str, int]
    converted: int = 0


_OFFER = "(SELECT o.name FROM offers o WHERE o.id = c.key::uuid)"
_PLACE = """coalesce((SELECT s.name FROM stores s WHERE s.id = c.key::uuid),
                (SELECT g.name FROM geofences g WHERE g.id = c.key::uuid))"""
KEYS: Final[Mapping[By, tuple[str, str]]] = {
    "offer": ("{0}.offer_id", _OFFER),
    "store": ("{0}.place_id", _PLACE),
    "channel": ("{0}.channel", "NULL"),
    "variant": ("{0}.variant", "NULL"),
    "placement": ("{0}.placement", "NULL"),
    "hour": ("{0}.local_hour", "NULL"),
    "weekday": ("{0}.weekday", "NULL"),
    "weather": ("{0}.weather", "NULL"),
    "day": ("{0}.local_day", "NULL"),
    "programme": ("'programme'", "NULL"),
}
"""By what a report may group: the key, of a row of that name, and where what it is called is found."""


def _facts(key: str) -> str:
    """Write what is counted: $1–$2 whole slots, $3–$4 and $5–$6 the edges, $7 an offer or NULL."""
    return f"""
WITH edges AS (
    SELECT m.bucket, m.id, m.offer_id, coalesce(m.place_id, '00000000-0000-0000-0000-000000000000') AS place_id, m.channel,
           m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '') AS weather, m.held_out,
           m.delivered_at, m.opened_at, m.clicked_at, m.converted_at, m.pass_serial,
           array_remove(ARRAY[('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint], NULL)
               AS customers
    FROM moments m
    WHERE (m.created_at >= $3::timestamptz AND m.created_at < $4::timestamptz
           OR m.created_at >= $5::timestamptz AND m.created_at < $6::timestamptz)
      AND ($7::uuid IS NULL OR m.offer_id = $7::uuid)
), facts AS (
    SELECT {key.format("f")}::text AS key, f.currency, f.decided, f.delivered, f.opened, f.clicked, f.passes, f.redeemed,
           f.control, f.converted, f.value_minor, f.customers
    FROM funnel_cells f
    WHERE f.slot >= $1::timestamptz AND f.slot < $2::timestamptz AND ($7::uuid IS NULL OR f.offer_id = $7::uuid)
    UNION ALL
    SELECT {key.format("e")}::text, '', (NOT e.held_out)::int, (e.delivered_at IS NOT NULL)::int, (e.opened_at IS NOT NULL)::int,
           (e.clicked_at IS NOT NULL)::int, (e.pass_serial IS NOT NULL)::int, 0, e.held_out::int,
           (e.converted_at IS NOT NULL)::int, 0, e.customers
    FROM edges e
    UNION ALL
    SELECT {key.format("e")}::text, coalesce(r.currency, ''), 0, 0, 0, 0, 0, 1, 0, 0, r.value_minor, e.customers
    FROM edges e
    JOIN passes p ON p.bucket = e.bucket AND p.moment_id = e.id
    JOIN redemptions r ON r.bucket = p.bucket AND r.serial = p.serial
    WHERE NOT EXISTS (SELECT FROM reversals v WHERE v.bucket = r.bucket AND v.redemption_id = r.id)
)"""  # noqa: S608  names of ours, no input


def _funnel(key: str, name: str) -> str:
    """Write the statement of one grouping."""
    return f"""{_facts(key)}, counts AS (
    SELECT key, sum(decided) AS decided, sum(delivered) AS delivered, sum(opened) AS opened, sum(clicked) AS clicked,
           sum(passes) AS passes, sum(redeemed) AS redeemed, sum(control) AS control, sum(converted) AS converted
    FROM facts GROUP BY key
), people AS (
    SELECT key, count(DISTINCT customer) AS customers FROM facts, unnest(customers) AS customer GROUP BY key
), money AS (
    SELECT key, json_object_agg(currency, value_minor) AS value, json_object_agg(currency, redeemed) AS redemptions
    FROM (SELECT key, currency, sum(value_minor) AS value_minor, sum(redeemed) AS redeemed FROM facts
          WHERE currency <> '' GROUP BY key, currency HAVING sum(redeemed) <> 0 OR sum(value_minor) <> 0) AS each
    GROUP BY key
)
SELECT c.key, {name} AS name, coalesce(people.customers, 0) AS customers, c.decided, c.delivered, c.opened, c.clicked,
       c.passes, c.redeemed, c.control, c.converted, money.value, money.redemptions
FROM counts c LEFT JOIN people USING (key) LEFT JOIN money USING (key)
ORDER BY c.key
"""  # noqa: S608  names of ours, no input


FUNNEL: Final[Mapping[By, str]] = {by: _funnel(*parts) for by, parts in KEYS.items()}


async def funnel(
    db: Connection, *, start: datetime, end: datetime, by: By, offer_id: UUID | None = None
) -> list[Counts]:
    """Count the moments decided in [start, end), and what came of them, by group; of one offer alone if named."""
    rows = await db.fetch(FUNNEL[by], *slices(start, end), offer_id)
    return [_counts(row) for row in rows]


def _counts(row: Row) -> Counts:
    values = dict(row)
    for column in ("value", "redemptions"):
        values[column] = json.loads(values[column] or "{}")
    for column in _SUMS:
        values[column] = int(values[column])  # sums of bigint are numeric
    return Counts(**values)


def slices(start: datetime, end: datetime) -> tuple[datetime, datetime, datetime, datetime, datetime, datetime]:
    """Cut [start, end) into its whole slots, what is before them, and what is behind: six edges, some parts empty."""
    first = start + (_ORIGIN - start) % _SLOT
    last = end - (end - _ORIGIN) % _SLOT
    if first >= last:
        return start, start, start, end, end, end
    return first, last, start, first, last, end


CURRENCY = """
SELECT document->'reward'->'value'->>'currency' AS currency FROM offers
WHERE jsonb_typeof(document->'reward'->'value'->'currency') = 'string'
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""


async def usual_currency(db: Connection) -> str | None:
    """Tell the currency of most offers' rewards; None where no offer names one."""
    found: str | None = await db.fetchval(CURRENCY)
    return found
