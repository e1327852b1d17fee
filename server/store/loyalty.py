"""Who bought, redeemed or answered on which local day: rows from which a year of loyalty is counted in a moment.

Rule 1: whatever changes what a day should say marks the day, in its own transaction: triggers on `customer_events` do, so that no
        writer can forget it (schema 0250).
Rule 2: a marked day is made anew from the events themselves, in a transaction that sees the marks which it takes away and no
        others.
Rule 3: who reads takes the rows of whole days without marks, and the events themselves for all the rest, at one instant: the
        answer is that of a look at every event, at any time.
Rule 4: a day is one of the programme's zone. While that is being changed, all is read from events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from server.store.pool import Connection, Pool

Part = Literal["active", "orders", "answers"]
PARTS: Final[tuple[Part, ...]] = ("active", "orders", "answers")

_TRIES = 5
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Piece(NamedTuple):
    """A stretch of one local day; `whole` if it is all of it."""

    day: date
    start: datetime
    end: datetime
    whole: bool


class Group(NamedTuple):
    """The people of one part of a piece: `people` are their hashes (64 bits, most significant byte first), each once.

    Beside each of them: of orders the number (32 bits) and the sum in minor units of the currency (64 bits), of answers the
    last score (32 bits).
    """

    piece: int
    part: Part
    currency: str
    people: bytes
    numbers: bytes
    amounts: bytes


class Total(NamedTuple):
    """What was bought in a piece, in one currency: how many people, purchases and minor units."""

    currency: str
    people: int
    number: int
    amount: int


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the instant at which a local day begins; the first, where the clocks show midnight twice."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def pieces_of(start: datetime, end: datetime, *, edges: Iterable[datetime] = (), zone: ZoneInfo) -> list[Piece]:
    """Cut [start, end) up at local midnights and at these edges; pure."""
    at, own = start, sorted(edge for edge in edges if start < edge < end)
    pieces = []
    while at < end:
        day = at.astimezone(zone).date()
        first, last = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        until = min([last, end, *(edge for edge in own if edge > at)])
        pieces.append(Piece(day, at, until, (at, until) == (first, last)))
        at = until
    return pieces


# $1-$2 the pieces, $3 the parts that are wanted. Of people who gave several answers the last one counts. Amounts are minor units
# of their currency.
_GATHER = """
WITH told AS (
    SELECT r.n, e.name, uuid_hash_extended(e.customer_id, 7) AS person, e.amount_minor, e.currency, e.score, e.at, e.id
    FROM unnest($1::timestamptz[], $2::timestamptz[]) WITH ORDINALITY AS r (since, until, n)
    CROSS JOIN LATERAL (
        SELECT * FROM customer_events e WHERE e.at >= r.since AND e.at < r.until
        OFFSET 0  -- by their time, whatever else there is an index of
    ) AS e
    WHERE e.name IN ('purchase', 'redemption') OR e.score IS NOT NULL
), parts AS (
    SELECT n, 'active' AS part, '' AS currency, person, NULL::int AS number, NULL::bigint AS amount
    FROM told WHERE 'active' = ANY ($3::text[]) AND name IN ('purchase', 'redemption') GROUP BY n, person
    UNION ALL
    SELECT n, 'orders', currency, person, count(*)::int, sum(amount_minor)::bigint
    FROM told WHERE 'orders' = ANY ($3) AND name = 'purchase' AND amount_minor IS NOT NULL GROUP BY n, currency, person
    UNION ALL
    (SELECT DISTINCT ON (n, person) n, 'answers', '', person, score, NULL
     FROM told WHERE 'answers' = ANY ($3) AND score IS NOT NULL ORDER BY n, person, at DESC, id DESC)
)
SELECT n, part, currency, string_agg(int8send(person), ''::bytea) AS people,
       coalesce(string_agg(int4send(number), ''::bytea), '') AS numbers,
       coalesce(string_agg(int8send(amount), ''::bytea), '') AS amounts,
       coalesce(sum(number) FILTER (WHERE part = 'orders'), 0) AS number, coalesce(sum(amount), 0)::bigint AS amount
FROM parts GROUP BY n, part, currency
"""
GATHER: Final = f"""
SELECT n, part, currency, people, numbers, amounts FROM ({_GATHER}) AS g
"""  # noqa: S608  a statement of ours
ADD_UP: Final = f"""
SELECT currency, octet_length(people) / 8 AS people, number, amount FROM ({_GATHER}) AS g
"""  # noqa: S608  a statement of ours
TOTALS: Final = """
SELECT currency, octet_length(people) / 8 AS people, number, amount FROM loyalty_days
WHERE day = ANY ($1::date[]) AND part = 'orders'
"""
ZONE: Final = "SELECT zone FROM loyalty_zone"
MARKED: Final = "SELECT DISTINCT slot FROM loyalty_marks WHERE slot >= $1 AND slot < $2"
DAYS: Final = """
SELECT day, part, currency, people, numbers, amounts FROM loyalty_days WHERE day = ANY ($1::date[]) AND part = ANY ($2::text[])
"""


async def read(db: Connection, *, pieces: Sequence[Piece], parts: Collection[Part], zone: ZoneInfo) -> list[Group]:
    """Tell who is in each piece of a stretch of time, in the order of the pieces.

    Needs a transaction in which everything is seen at one instant (repeatable read).
    """
    summed, rest = await _divided(db, pieces, zone)
    rows = await db.fetch(DAYS, list(summed), list(parts))
    found = [Group(summed[day], *values) for day, *values in rows]
    if rest:
        told = await db.fetch(GATHER, *_times([pieces[each] for each in rest]), list(parts))
        found += [Group(rest[n - 1], *values) for n, *values in told]
    return sorted(found, key=lambda each: each.piece)


async def totals(db: Connection, *, pieces: Sequence[Piece], zone: ZoneInfo) -> list[Total]:
    """Tell what was bought in each piece, whoever did; needs such a transaction, too."""
    summed, rest = await _divided(db, pieces, zone)
    rows = await db.fetch(TOTALS, list(summed))
    if rest:
        rows += await db.fetch(ADD_UP, *_times([pieces[each] for each in rest]), ["orders"])
    return [Total(*row) for row in rows]


async def _divided(db: Connection, pieces: Sequence[Piece], zone: ZoneInfo) -> tuple[dict[date, int], list[int]]:
    """Tell which pieces are days that have rows as they should be, and which are not: their places among the pieces."""
    if not pieces:
        return {}, []
    marked = {slot.astimezone(zone).date() for [slot] in await db.fetch(MARKED, pieces[0].start, pieces[-1].end)}
    known = await db.fetchval(ZONE) == zone.key
    summed = {each.day: place for place, each in enumerate(pieces) if each.whole and known and each.day not in marked}
    return summed, [place for place, each in enumerate(pieces) if summed.get(each.day) != place]


def _times(pieces: Iterable[Piece]) -> tuple[list[datetime], list[datetime]]:
    return [each.start for each in pieces], [each.end for each in pieces]


BEGIN = """
WITH turned AS (
    UPDATE loyalty_zone SET zone = $1 WHERE zone <> $1 RETURNING zone
), dropped AS (
    DELETE FROM loyalty_days WHERE EXISTS (SELECT FROM turned)
)
INSERT INTO loyalty_marks (slot)
SELECT date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00')
FROM generate_series((SELECT min(at) FROM customer_events), (SELECT max(at) + interval '12 hours' FROM customer_events),
                     interval '12 hours') AS at
WHERE EXISTS (SELECT FROM turned)
"""
"""Every local day is longer than half a day: each gets a mark."""

NEXT: Final = "SELECT slot FROM loyalty_marks WHERE slot < $1 ORDER BY slot DESC LIMIT 1"
TAKE: Final = "DELETE FROM loyalty_marks WHERE slot >= $1 AND slot < $2"
DROP: Final = "DELETE FROM loyalty_days WHERE day = $1"
MAKE: Final = f"""
INSERT INTO loyalty_days (day, part, currency, people, numbers, amounts, number, amount)
SELECT $4, part, currency, people, numbers, amounts, number, amount FROM ({_GATHER}) AS g
"""  # noqa: S608  a statement of ours


async def roll(pool: Pool, *, zone: str) -> int:
    """Make all marked days anew, the latest first, each once; give how many.

    What marks a day again meanwhile is for the next time: where tills are busy there always is something.
    """
    await pool.attempt(lambda db: db.execute(BEGIN, zone), tries=_TRIES, isolation="repeatable_read")
    count, before = 0, _END
    while made := await pool.attempt(_making(before, ZoneInfo(zone)), tries=_TRIES, isolation="repeatable_read"):
        count, before = count + 1, made
    return count


def _making(before: datetime, zone: ZoneInfo) -> Callable[[Connection], Awaitable[datetime | None]]:
    return lambda db: _roll_day(db, before, zone)


async def _roll_day(db: Connection, before: datetime, zone: ZoneInfo) -> datetime | None:
    """Make the last marked day before an instant anew, and tell when it begins; who does the same at once is Contended.

    For until COMMIT everybody else still sees the marks that are taken here, and would take one of them.
    """
    slot = await db.fetchval(NEXT, before)
    if slot is None or await db.fetchval(ZONE) != zone.key:
        return None
    day = slot.astimezone(zone).date()
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    await db.execute(TAKE, start, end)
    await db.execute(DROP, day)
    await db.execute(MAKE, [start], [end], PARTS, day)
    return start
