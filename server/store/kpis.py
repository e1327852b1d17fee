"""Who was a customer when, and what they did: the counts behind the key figures of loyalty (server.store.headcount)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.store import headcount, loyalty
from server.store.headcount import Lives, Members, Orders, Scores, Visits
from server.store.pool import Connection


class Asked(NamedTuple):
    """A range, the zone whose days count, and if they alone are meant the hashes of some `members`."""

    start: datetime
    end: datetime
    zone: str
    members: bytes | None = None


class Counted(NamedTuple):
    """All of a range; orders by currency, that of most purchases first."""

    lives: Lives
    orders: list[Orders]
    scores: Scores


IS_SEGMENT = "SELECT EXISTS (SELECT FROM segments WHERE name = $1)"


async def is_segment(db: Connection, *, name: str) -> bool:
    """Tell whether there is a segment of that name."""
    return bool(await db.fetchval(IS_SEGMENT, name))


# Saved segments have rows of members; of those that other systems tell the customer's own row tells.
MEMBERS = """
SELECT coalesce(string_agg(int8send(uuid_hash_extended(id, 7)), ''::bytea), '') FROM (
    SELECT customer_id AS id FROM segment_members WHERE segment = $1
    UNION ALL
    SELECT id FROM customers WHERE profiling AND segments @> ARRAY[$1::text]
) AS m
"""


async def members(db: Connection, *, segment: str) -> bytes:
    """Give the hashes of a segment's members of today."""
    found: bytes = await db.fetchval(MEMBERS, segment)
    return found


async def count(db: Connection, asked: Asked, *, active: timedelta, least: int) -> Counted:
    """Count who was active when, what they bought, and what they answered.

    Who bought in each currency is counted only where they may be fewer than `least`, or where `members` alone are meant.
    """
    zone, since = ZoneInfo(asked.zone), asked.end - active
    pieces = loyalty.pieces_of(asked.start - active, asked.end, edges=(asked.start, since), zone=zone)
    within = [each for each in pieces if each.start >= asked.start]
    async with db.transaction(isolation="repeatable_read", readonly=True):
        lived = await loyalty.read(db, pieces=pieces, parts=["active"], zone=zone)
        sold = headcount.sold(await loyalty.totals(db, pieces=within, zone=zone))
        whom = asked.members is not None or any(each.buyers < least for each in sold)
        told = await loyalty.read(db, pieces=within, parts=["orders", "answers"] if whom else ["answers"], zone=zone)

    def counted() -> Counted:
        members = None if asked.members is None else Members(asked.members)
        active, others = headcount.told(lived, members), headcount.told(told, members)
        return Counted(
            headcount.lives(active, pieces, start=asked.start, since=since),
            headcount.orders(others) if whom else sold,
            headcount.scores(others),
        )

    return await asyncio.to_thread(counted)  # millions of hashes: the loop goes on meanwhile


VISITS = """
SELECT string_agg(int8send(uuid_hash_extended(v.customer_id, 7)), ''::bytea) AS people
FROM unnest($1::timestamptz[], $2::timestamptz[]) AS w (since, until) JOIN visits v ON v.at >= w.since AND v.at < w.until
GROUP BY w.since
"""


async def visits(db: Connection, asked: Asked) -> Visits:
    """Count visits of a range that is whole weeks."""
    zone = ZoneInfo(asked.zone)
    mondays = [asked.start]
    while mondays[-1] < asked.end:
        mondays.append(loyalty.midnight(mondays[-1].astimezone(zone).date() + timedelta(weeks=1), zone))
    weeks = [people for [people] in await db.fetch(VISITS, mondays[:-1], mondays[1:])]

    def counted() -> Visits:
        return headcount.visits(weeks, None if asked.members is None else Members(asked.members))

    return await asyncio.to_thread(counted)
