"""Conversions: what came of a moment within the time of its offer's goal, put down to that moment, once.

Rule 1: a moment that nobody saw brought nothing. What happened before it did not come of it.
Rule 2: a redemption belongs to the moment whose pass it used; a visit to the offer's places, or the goal's event, to the last
        moment of the offer before it.
Rule 3: it counts once, with the first thing that came; `converted_by` names the goal where that was met, else `visit`.
Rule 4: it is looked for again until the time is over and a day more, since phones and tills tell late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from server.model.offer import GOAL_WITHIN
from server.store import funnel
from server.store.pool import Connection, Pool
from server.store.trials import AT_PLACES, WITHIN

_LATE = timedelta(days=1)
_LOOK = timedelta(days=1)
_MOMENTS = 200
"""Moments looked at by one statement: some tens of milliseconds."""
_TRIES = 5

LOOK = f"""
WITH due AS (
    SELECT m.bucket, m.id, m.customer_id, m.offer_id, m.offer_version, m.created_at, m.converted_at AS was,
           m.delivered_at IS NOT NULL OR m.pass_serial IS NOT NULL AS seen
    FROM moments m WHERE m.attribute_at <= $1 AND NOT m.held_out
    ORDER BY m.attribute_at LIMIT $2 FOR UPDATE SKIP LOCKED
), goals AS (
    SELECT d.*, coalesce(v.document->'goal'->>'event', 'redemption') AS goal, v.document->'when'->'places' AS places,
           d.created_at + {WITHIN} AS goal_until
    FROM due d LEFT JOIN offer_versions v ON v.offer_id = d.offer_id AND v.version = d.offer_version
), mine AS (
    SELECT g.*, least(g.goal_until, (
        SELECT min(n.created_at) FROM moments n
        WHERE n.bucket = g.bucket AND n.customer_id = g.customer_id AND n.offer_id = g.offer_id AND NOT n.held_out
          AND n.created_at > g.created_at)) AS mine_until
    FROM goals g
), found AS (
    SELECT s.*, CASE WHEN NOT s.seen THEN NULL WHEN s.goal = 'redemption' THEN (
        SELECT min(r.redeemed_at) FROM passes p JOIN redemptions r ON r.bucket = p.bucket AND r.serial = p.serial
        WHERE p.bucket = s.bucket AND p.moment_id = s.id AND r.redeemed_at < s.goal_until
          AND NOT EXISTS (SELECT FROM reversals x WHERE x.bucket = r.bucket AND x.redemption_id = r.id)
    ) ELSE (
        SELECT min(e.at) FROM customer_events e
        WHERE e.bucket = s.bucket AND e.customer_id = s.customer_id AND e.name = s.goal
          AND e.at > s.created_at AND e.at < s.mine_until
    ) END AS met, CASE WHEN s.seen THEN (
        SELECT min(w.at) FROM visits w
        WHERE w.bucket = s.bucket AND w.customer_id = s.customer_id AND w.at > s.created_at AND w.at < s.mine_until
          AND {AT_PLACES}
    ) END AS came
    FROM mine s
)
UPDATE moments m SET
    converted_at = coalesce(m.converted_at, least(f.met, f.came)),
    converted_by = CASE WHEN f.met IS NOT NULL THEN f.goal WHEN f.came IS NOT NULL THEN coalesce(m.converted_by, 'visit')
                   ELSE m.converted_by END,
    attribute_at = CASE WHEN f.met IS NULL AND f.customer_id IS NOT NULL AND $1 < f.goal_until + $4::interval
                   THEN least(f.goal_until + $4::interval, $1 + $5::interval) END
FROM found f
WHERE m.bucket = f.bucket AND m.id = f.id
RETURNING m.id, f.was IS NULL AND m.converted_at IS NOT NULL AS converted
"""  # noqa: S608  expressions of ours


async def look(pool: Pool, *, now: datetime, moments: int = _MOMENTS) -> int:
    """Put down to moments what came of them, of all that are to be looked at by `now`; tell how many those were."""
    total = 0
    while looked := await pool.attempt(lambda db: _look_some(db, now, moments), tries=_TRIES):
        total += looked
        if looked < moments:
            break
    return total


async def _look_some(db: Connection, now: datetime, moments: int) -> int:
    rows = await db.fetch(LOOK, now, moments, GOAL_WITHIN, _LATE, _LOOK)
    await funnel.note(db, moments=[row["id"] for row in rows if row["converted"]], step="converted")
    return len(rows)
