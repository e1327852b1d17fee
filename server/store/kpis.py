"""Who was a customer when, and what they did: the counts behind the key figures of loyalty (server.store.headcount)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.store import headcount, loyalty
from server.store.headcount import Lives, Members, Orders, Scores, Visits
from server.store.loyalty import Part, Piece
from server.store.pool import Connection


class Asked(NamedTuple):
    """A range, the zone whose days count, and if they alone are meant some `members`."""

    start: datetime
    end: datetime
    zone: str
    members: Members | None = None


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


async def members(db: Connection, *, segment: str) -> Members:
    """Give a segment's members of today."""
    return Members(await db.fetchval(MEMBERS, segment))


async def count(db: Connection, asked: Asked, *, active: timedelta, least: int) -> Counted:
    """Count who was active when, what they bought, and what they answered.

    Who bought in each currency is counted only where they may be fewer than `least`, or where `members` alone are meant.
    """
    zone, since = ZoneInfo(asked.zone), asked.end - active
    pieces = loyalty.pieces_of(asked.start - active, asked.end, edges=(asked.start, since), zone=zone)
    within = [each for each in pieces if each.start >= asked.start]
    async with db.transaction(isolation="repeatable_read", readonly=True):
        sold = await _sold(db, within, zone) if asked.members is None else []
        whom = asked.members is not None or any(each.buyers < least for each in sold)
        parts: list[Part] = ["active", "answers", "orders"] if whom else ["active", "answers"]
        found = await loyalty.read(db, pieces=pieces, parts=parts, zone=zone)

    def counted() -> Counted:
        told = headcount.told(found, asked.members)
        own = [each for each in told if pieces[each.piece].start >= asked.start]
        return Counted(
            headcount.lives(told, pieces, start=asked.start, since=since),
            headcount.orders(own) if whom else sold,
            headcount.scores(own),
        )

    return await asyncio.to_thread(counted)  # millions of hashes: the loop goes on meanwhile


async def _sold(db: Connection, pieces: Sequence[Piece], zone: ZoneInfo) -> list[Orders]:
    return headcount.sold(await loyalty.totals(db, pieces=pieces, zone=zone))


VISITS = """
SELECT coalesce((SELECT string_agg(int8send(uuid_hash_extended(v.customer_id, 7)), ''::bytea)
                 FROM visits v WHERE v.at >= w.since AND v.at < w.until), '') AS people
FROM unnest($1::timestamptz[], $2::timestamptz[]) AS w (since, until)
"""


async def visits(db: Connection, asked: Asked) -> Visits:
    """Count visits of a range that is whole weeks."""
    zone = ZoneInfo(asked.zone)
    mondays = [asked.start]
    while mondays[-1] < asked.end:
        mondays.append(loyalty.midnight(mondays[-1].astimezone(zone).date() + timedelta(weeks=1), zone))
    weeks = [people for [people] in await db.fetch(VISITS, mondays[:-1], mondays[1:])]
    return await asyncio.to_thread(headcount.visits, weeks, asked.members)
