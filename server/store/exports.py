"""Exports: whole tables row by row through a cursor, so that a million rows need no more memory than a thousand.

Rule 1: one read-only snapshot from the first row to the last; who reads slowly holds nothing but a connection.
Rule 2: only so many exports run at once, over all processes: connections belong to the street.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from server.store.pool import Connection, Row

Type = Literal["deliveries", "events", "redemptions", "decisions", "pings"]

AT_ONCE: Final = 2
"""Exports that may run at the same time."""

_LOCK: Final = 0x4B457870
"""The first half of the advisory locks' key ("KExp"); the second is the number of the slot."""
_ROWS: Final = 1000
_JSON: Final = frozenset({"values"})

# By server time: what a phone's clock says of an event does not decide in which export it is found.
EXPORT: Final[Mapping[Type, str]] = {
    "deliveries": """
SELECT id, moment_id, customer_id, offer_id, channel, state, attempts
FROM deliveries WHERE created_at >= $1 AND created_at < $2 ORDER BY created_at, id
""",
    "events": """
SELECT id, moment_id, customer_id, type, at
FROM app_events WHERE received_at >= $1 AND received_at < $2 ORDER BY received_at, id
""",
    "redemptions": """
SELECT r.id, r.serial, p.offer_id, p.customer_id, r.store_id, r.till_id, r.redeemed_at, v.id IS NOT NULL AS reversed
FROM redemptions r
JOIN passes p ON p.bucket = r.bucket AND p.serial = r.serial
LEFT JOIN reversals v ON v.bucket = r.bucket AND v.redemption_id = r.id
WHERE r.redeemed_at >= $1 AND r.redeemed_at < $2 ORDER BY r.redeemed_at, r.id
""",
    "decisions": """
SELECT v->>'offer' AS offer, v->>'gate' AS gate, v->>'truth' AS truth, v->>'reason' AS reason, v->'values' AS values,
       coalesce((v->>'weight')::float8, 1) AS weight,
       r.at, r.moment_id, r.customer_id
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS e (v, place)
WHERE r.at >= $1 AND r.at < $2 ORDER BY r.at, r.id, e.place
""",
    "pings": """
SELECT id, customer_id, at, geofence_ids, reason
FROM pings WHERE received_at >= $1 AND received_at < $2 ORDER BY received_at, id
""",
}
"""By what is exported: its rows of [$1, $2), the oldest first. The columns are the fields."""

COUNT: Final[Mapping[Type, str]] = {
    "deliveries": "SELECT count(*) FROM (SELECT FROM deliveries WHERE created_at >= $1 AND created_at < $2 LIMIT $3) AS f",
    "events": "SELECT count(*) FROM (SELECT FROM app_events WHERE received_at >= $1 AND received_at < $2 LIMIT $3) AS f",
    "redemptions": "SELECT count(*) FROM (SELECT FROM redemptions WHERE redeemed_at >= $1 AND redeemed_at < $2 LIMIT $3) AS f",
    "decisions": "SELECT count(*) FROM (SELECT FROM receipts WHERE at >= $1 AND at < $2 LIMIT $3) AS f",
    "pings": "SELECT count(*) FROM (SELECT FROM pings WHERE received_at >= $1 AND received_at < $2 LIMIT $3) AS f",
}

TAKE_SLOT = "SELECT pg_try_advisory_xact_lock($1, $2)"


async def take_slot(db: Connection) -> bool:
    """Take one of the slots until the transaction ends; False where all are taken."""
    for slot in range(AT_ONCE):
        if await db.fetchval(TAKE_SLOT, _LOCK, slot):
            return True
    return False


async def is_within(db: Connection, *, type_: Type, start: datetime, end: datetime, most: int) -> bool:
    """Tell whether [start, end) holds at most so many rows."""
    return int(await db.fetchval(COUNT[type_], start, end, most + 1)) <= most


READER = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"


async def rows(
    db: Connection, *, type_: Type, start: datetime, end: datetime, patience_s: int
) -> AsyncGenerator[dict[str, Any], None]:
    """Give the rows of [start, end), the oldest first, each as its fields. Needs a read-only transaction.

    The reader may rest `patience_s` seconds between two looks; then PostgreSQL ends the transaction.
    """
    await db.execute(READER, f"{patience_s}s")
    async for row in db.cursor(EXPORT[type_], start, end, prefetch=_ROWS):
        yield _fields(row)


def _fields(row: Row) -> dict[str, Any]:
    fields = dict(row)
    for name in _JSON & fields.keys():
        fields[name] = json.loads(fields[name])
    return fields
