"""Trials: what customers do after the first moment of an offer that holds somebody out, in either arm.

Rule 1: a customer belongs to the arm in which the first moment put them, whatever became of it (intention to treat).
Rule 2: a trial is over when its goal's time is, and some more, so that what other systems tell late is in it. Only then it
        counts, once: its sums go into a cell in the statement that ends it.
Rule 3: what follows comes after: the visit or the purchase that brought the first moment is none that came of it.
Rule 4: both arms are counted by the same facts: events of the customer's life, visits, purchases. None of them needs a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.offer import GOAL_WITHIN
from server.store import cuts
from server.store.pool import Connection, Pool

_LATE = timedelta(days=1)
"""Fixes up to a day old are taken, so visits of the last day may still be told."""

_LOOK = timedelta(days=1)
"""Visits are counted in once a day: facts about them do not live as long as the longest goal."""

_TRIALS = 200
"""Trials looked at by one statement: some tens of milliseconds."""
_TRIES = 5


class Terms(NamedTuple):
    """How trials are followed.

    `programme`: whether the programme holds anybody out; `within`: how long its own trial lasts; `wait`: how long after
    the end of a trial other systems may still tell what happened in it.
    """

    programme: bool = False
    within: timedelta = timedelta(days=28)
    wait: timedelta = timedelta(days=1)


# A duration was checked when its document was written; what could not be read all the same must not hold up the funnel.
WITHIN = """CASE WHEN v.document->'goal'->>'within' ~
    '^P(?=.)(\\d{1,6}W)?(\\d{1,6}D)?(T(?=.)(\\d{1,6}H)?(\\d{1,7}M)?(\\d{1,9}(\\.\\d{1,6})?S)?)?$'
    THEN (v.document->'goal'->>'within')::interval ELSE $3::interval END"""
_SHARE = "(v.document->'holdout'->>'share')::double precision"

AT_PLACES = """(s.places IS NULL OR s.places ? 'any' OR EXISTS (
               SELECT FROM geofences g LEFT JOIN stores o ON o.id = g.store_id
               WHERE g.id = w.geofence_id AND CASE WHEN s.places ? 'tag'
                   THEN s.places->>'tag' = ANY (coalesce(o.tags, g.tags))
                   ELSE lower((s.places->'ids')::text)::jsonb ?| ARRAY[g.id::text, o.id::text] END))"""
"""Whether a visit `w` was to the places that the offer of `s` is about."""

# The moments are held, so that an erasure that goes on meanwhile finds the trial. Rows go in in the order of their key: two
# who begin trials never wait for each other in a ring.
BEGIN = f"""
WITH shown AS (
    SELECT m.bucket, m.customer_id, m.offer_id, m.id, m.held_out, m.created_at, {_SHARE} AS share, {WITHIN} AS within
    FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id)
    JOIN moments m ON m.bucket = k.bucket AND m.id = k.id
    JOIN offer_versions v ON v.offer_id = m.offer_id AND v.version = m.offer_version
    WHERE m.customer_id IS NOT NULL
    FOR SHARE OF m
), owed AS (
    SELECT bucket, customer_id, offer_id, id, held_out, created_at, within FROM shown WHERE coalesce(share > 0, $4)
    UNION ALL
    SELECT bucket, customer_id, '00000000-0000-0000-0000-000000000000', id, held_out, created_at, $5::interval
    FROM shown WHERE share IS NULL AND $4
), first AS (
    SELECT DISTINCT ON (bucket, customer_id, offer_id) * FROM owed
    ORDER BY bucket, customer_id, offer_id, created_at, id
)
INSERT INTO trials (bucket, customer_id, offer_id, moment_id, held_out, started_at, goal_until, due_at, next_at, followed_until)
SELECT bucket, customer_id, offer_id, id, held_out, created_at, created_at + within, created_at + within + $6::interval,
       created_at + least(within + $6::interval, $7::interval), created_at
FROM first
ON CONFLICT (bucket, customer_id, offer_id) DO NOTHING
"""  # noqa: S608  expressions of ours


async def begin(db: Connection, *, moments: Sequence[UUID], terms: Terms) -> None:
    """Begin the trials that some moments are the first of; a customer who is in one stays in it."""
    if moments:
        buckets, wait = [bucket_of(each) for each in moments], max(terms.wait, _LATE)
        await db.execute(BEGIN, buckets, list(moments), GOAL_WITHIN, terms.programme, terms.within, wait, _LOOK)


_MEASURED = ("customers", "reached", "visits", "visits_squared", "value_minor", "value_squared")
_SUMS = ", ".join(_MEASURED)
_MERGED = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in _MEASURED)
_KEY = ", ".join(cuts.KEYS)

# Of customers without a reward's currency the purchases in that of most offers count: it is the one that reports are told in.
FOLLOW = f"""
WITH usual AS (
    SELECT document->'reward'->'value'->>'currency' AS currency FROM offers
    WHERE jsonb_typeof(document->'reward'->'value'->'currency') = 'string'
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
), due AS (
    SELECT t.* FROM trials t WHERE t.next_at <= $1 ORDER BY t.next_at LIMIT $2 FOR UPDATE SKIP LOCKED
), seen AS (
    SELECT d.*, d.due_at <= $1 AS over, greatest(d.followed_until, least(d.goal_until, $1 - $3::interval)) AS upto,
           m.id IS NOT NULL AS known, coalesce(m.place_id, '00000000-0000-0000-0000-000000000000') AS place_id, m.channel,
           m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '') AS weather,
           coalesce(m.currency, (SELECT currency FROM usual), '') AS money,
           coalesce(v.document->'goal'->>'event', 'redemption') AS goal, v.document->'when'->'places' AS places
    FROM due d
    LEFT JOIN LATERAL (SELECT * FROM moments WHERE bucket = d.bucket AND id = d.moment_id LIMIT 1) AS m ON true
    LEFT JOIN LATERAL (
        SELECT document FROM offer_versions WHERE offer_id = d.offer_id AND version = m.offer_version LIMIT 1
    ) AS v ON true
), outcome AS (
    SELECT s.*, s.visits + (
        SELECT count(*) FROM visits w
        WHERE w.bucket = s.bucket AND w.customer_id = s.customer_id AND w.at > s.started_at
          AND w.at >= s.followed_until AND w.at < s.upto
          AND {AT_PLACES}
    ) AS came, s.over AND EXISTS (
        SELECT FROM customer_events e
        WHERE e.bucket = s.bucket AND e.customer_id = s.customer_id AND e.name = s.goal
          AND e.at > s.started_at AND e.at < s.goal_until
    ) AS met, CASE WHEN s.over THEN (
        SELECT coalesce(sum(e.amount_minor), 0) FROM customer_events e
        WHERE e.bucket = s.bucket AND e.customer_id = s.customer_id AND e.name = 'purchase' AND e.currency = s.money
          AND e.at > s.started_at AND e.at < s.goal_until
    ) ELSE 0 END AS spent
    FROM seen s
), followed AS (
    UPDATE trials t SET visits = o.came, followed_until = o.upto, reached = o.met, value_minor = o.spent, currency = o.money,
           next_at = CASE WHEN NOT o.over THEN least(o.due_at, $1 + $4::interval) END
    FROM outcome o
    WHERE t.bucket = o.bucket AND t.customer_id = o.customer_id AND t.offer_id = o.offer_id
), ended AS (
    SELECT date_bin('15 minutes', started_at, timestamptz '2000-01-01 00:00:00+00') AS slot, offer_id, place_id, channel,
           placement, variant, local_day, local_hour, weekday, weather, money AS currency, held_out, count(*) AS customers,
           count(*) FILTER (WHERE met) AS reached, sum(came) AS visits, sum(came::numeric * came) AS visits_squared,
           sum(spent) AS value_minor, sum(spent::numeric * spent) AS value_squared
    FROM outcome WHERE over AND known
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
), summed AS (
    INSERT INTO lift_cells AS c (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday,
                                 weather, currency, held_out, {_SUMS}, in_sums, in_place_sums)
    SELECT *, true, true FROM ended ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
    ON CONFLICT (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency,
                 held_out)
    DO UPDATE SET {_MERGED.replace("old.", "c.")}
), cut AS (
    INSERT INTO lift_sums AS s ({_KEY}, held_out, {_SUMS})
    SELECT {cuts.keyed("e", "slot")}, e.currency, e.held_out,
           sum(e.customers), sum(e.reached), sum(e.visits), sum(e.visits_squared), sum(e.value_minor), sum(e.value_squared)
    FROM ended e CROSS JOIN {cuts.MASKS}
    WHERE k.offer OR e.offer_id <> '00000000-0000-0000-0000-000000000000'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    ON CONFLICT ({_KEY}, held_out)
    DO UPDATE SET {_MERGED.replace("old.", "s.")}
)
SELECT count(*) FROM due
"""  # noqa: S608  expressions of ours


async def follow(pool: Pool, *, now: datetime, trials: int = _TRIALS) -> int:
    """Count in what happened in the trials that are to be looked at by `now`, end those that are over; tell how many."""
    total = 0
    while looked := await pool.attempt(lambda db: _follow_some(db, now, trials), tries=_TRIES):
        total += looked
        if looked < trials:
            break
    return total


async def _follow_some(db: Connection, now: datetime, trials: int) -> int:
    return int(await db.fetchval(FOLLOW, now, trials, _LATE, _LOOK))
