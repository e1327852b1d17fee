"""Who was a customer when, and what they did: the counts behind the key figures of loyalty.

Rule 1: active at an instant is who bought or redeemed something within so many days before it.
Rule 2: how often somebody bought is on how many days: a purchase and its coupon are two events, and one visit to the till.
Rule 3: of several answers of one customer to the same question the last one in the range counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from server.store.pool import Connection


class Asked(NamedTuple):
    """A range, the zone whose days count, and a segment if its members alone are meant."""

    start: datetime
    end: datetime
    zone: str
    segment: str | None = None


class Lives(NamedTuple):
    """Customers active at the start and at the end, those of the end who were not at the start; of the range: who bought,
    who did so on more days than one, and all those days."""

    start: int
    end: int
    new: int
    buyers: int
    repeating: int
    days: int


# Saved segments have rows of members; of those that other systems tell the customer's own row tells.
_MEMBERS = """($5::text IS NULL OR EXISTS (
               SELECT FROM segment_members m WHERE m.bucket = e.bucket AND m.customer_id = e.customer_id AND m.segment = $5
           ) OR EXISTS (
               SELECT FROM customers c
               WHERE c.bucket = e.bucket AND c.id = e.customer_id AND c.profiling AND $5 = ANY (c.segments)))"""

IS_SEGMENT = "SELECT EXISTS (SELECT FROM segments WHERE name = $1)"


async def is_segment(db: Connection, *, name: str) -> bool:
    """Tell whether there is a segment of that name."""
    return bool(await db.fetchval(IS_SEGMENT, name))


LIVES = f"""
WITH days AS (
    SELECT e.bucket, e.customer_id, (e.at AT TIME ZONE $4::text)::date AS day, bool_or(e.at < $1) AS before,
           bool_or(e.at >= $1) AS within, bool_or(e.at >= $2::timestamptz - $3::interval) AS after
    FROM customer_events e
    WHERE e.name IN ('purchase', 'redemption') AND e.at >= $1::timestamptz - $3::interval AND e.at < $2::timestamptz
      AND {_MEMBERS}
    GROUP BY 1, 2, 3
), lived AS (
    SELECT bool_or(before) AS before, bool_or(after) AS after, count(*) FILTER (WHERE within) AS days
    FROM days GROUP BY bucket, customer_id
)
SELECT count(*) FILTER (WHERE before) AS start, count(*) FILTER (WHERE after) AS end,
       count(*) FILTER (WHERE after AND NOT before) AS new, count(*) FILTER (WHERE days > 0) AS buyers,
       count(*) FILTER (WHERE days > 1) AS repeating, coalesce(sum(days), 0)::bigint AS days
FROM lived
"""  # noqa: S608  an expression of ours


async def lives(db: Connection, asked: Asked, *, active: timedelta) -> Lives:
    """Count who was active when, and who bought how often."""
    [row] = await db.fetch(LIVES, asked.start, asked.end, active, asked.zone, asked.segment)
    return Lives(**row)


class Orders(NamedTuple):
    """Purchases with an amount, in one currency."""

    currency: str
    orders: int
    revenue_minor: int
    buyers: int = 0


_OWN = _MEMBERS.replace("$5", "$3")

ORDERS = f"""
SELECT e.currency, count(*) AS orders, sum(e.amount_minor)::bigint AS revenue_minor,
       count(DISTINCT e.customer_id) AS buyers
FROM customer_events e
WHERE e.name = 'purchase' AND e.amount_minor IS NOT NULL AND e.at >= $1::timestamptz AND e.at < $2::timestamptz AND {_OWN}
GROUP BY e.currency ORDER BY count(*) DESC, e.currency
"""  # noqa: S608  an expression of ours


async def orders(db: Connection, asked: Asked) -> list[Orders]:
    """Add up what was bought, the currency of most purchases first."""
    return [Orders(**row) for row in await db.fetch(ORDERS, asked.start, asked.end, asked.segment)]


class Scores(NamedTuple):
    """Answers from 0 to 10, one of each customer: 9 and 10 promote, 0 to 6 detract."""

    answers: int
    promoters: int
    detractors: int


SCORES = f"""
WITH last AS (
    SELECT DISTINCT ON (e.bucket, e.customer_id) e.score FROM customer_events e
    WHERE e.score IS NOT NULL AND e.at >= $1::timestamptz AND e.at < $2::timestamptz AND {_OWN}
    ORDER BY e.bucket, e.customer_id, e.at DESC, e.id DESC
)
SELECT count(*) AS answers, count(*) FILTER (WHERE score >= 9) AS promoters, count(*) FILTER (WHERE score <= 6) AS detractors
FROM last
"""  # noqa: S608  an expression of ours


async def scores(db: Connection, asked: Asked) -> Scores:
    """Count the answers."""
    [row] = await db.fetch(SCORES, asked.start, asked.end, asked.segment)
    return Scores(**row)


class Visits(NamedTuple):
    """Over whole weeks: visits, who came, each once for every week in which they did, and how many people that were."""

    visits: int
    visitors: int
    people: int


VISITS = f"""
WITH weeks AS (
    SELECT date_trunc('week', e.at AT TIME ZONE $4::text) AS week, e.bucket, e.customer_id, count(*) AS visits
    FROM visits e
    WHERE e.at >= $1::timestamptz AND e.at < $2::timestamptz AND {_OWN}
    GROUP BY 1, 2, 3
)
SELECT coalesce(sum(visits), 0)::bigint AS visits, count(*) AS visitors, count(DISTINCT customer_id) AS people FROM weeks
"""  # noqa: S608  an expression of ours


async def visits(db: Connection, asked: Asked) -> Visits:
    """Count visits of a range that is whole weeks."""
    [row] = await db.fetch(VISITS, asked.start, asked.end, asked.segment, asked.zone)
    return Visits(**row)
