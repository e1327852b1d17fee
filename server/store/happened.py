"""What happened since an instant, by when it happened: sums that a consumer keeps, so that nobody counts a day's rows.

Rule 1: pings are told by rows that are only added, in the statement that records them; whoever moves those counts each once.
Rule 2: the other figures come out of the funnel's facts (server.store.funnel), in the statement that rolls them up. A reversal
        counts at its redemption's time.
Rule 3: the time is the database's own, also where a test moves the day on which decisions are made.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from server.store.pool import Connection, Pool


class Happened(NamedTuple):
    """What happened since an instant."""

    pings: int = 0
    moments: int = 0
    opens: int = 0
    passes: int = 0
    redemptions: int = 0


_FACTS = 5000
_TRIES = 5

MOVE = """
WITH taken AS (
    DELETE FROM ping_facts WHERE ctid = ANY (ARRAY(SELECT ctid FROM ping_facts LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING slot, pings
), added AS (
    INSERT INTO happened_cells AS h (slot, what, count)
    SELECT slot, 'pings', sum(pings) FROM taken GROUP BY slot ORDER BY slot
    ON CONFLICT (slot, what) DO UPDATE SET count = h.count + excluded.count
)
SELECT count(*) FROM taken
"""


async def move(pool: Pool, *, facts: int = _FACTS) -> int:
    """Count the groups of pings that nobody else is counting, until there are none left, and tell how many they were."""
    total = 0
    while moved := await pool.attempt(lambda db: db.fetchval(MOVE, facts), tries=_TRIES):
        total += int(moved)
        if moved < facts:
            break
    return total


SINCE = "SELECT what, sum(count)::bigint AS count FROM happened_cells WHERE slot >= $1 AND slot <= $2 GROUP BY what"


async def since(db: Connection, *, start: datetime, end: datetime) -> Happened:
    """Add up what happened from an instant on that is the edge of a quarter of an hour, up to that of `end`."""
    return Happened(**{row["what"]: row["count"] for row in await db.fetch(SINCE, start, end)})
