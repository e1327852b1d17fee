"""Firings: what reaches many customers at once, made once, and carried through chunk of buckets by chunk of buckets.

Rule 1: a firing's id is derived from what it is, so its primary key makes it once, whoever is quicker.
Rule 2: how far it came is compared and swapped in the transaction that writes its occasions: who is killed in the middle
        leaves a firing that another process goes on with, and nobody is reached twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.store.pool import Connection

FiringKind = Literal["schedule", "birthday", "inactivity", "weather_change"]


class Firing(NamedTuple):
    """One firing: of a scheduled offer or a birthday in a `zone`, of spells `after` so long, of weather over `cells`.

    `moved_at` is when it last came on, None where it has not begun.
    """

    id: UUID
    kind: FiringKind
    at: datetime
    offer_id: UUID | None = None
    offer_version: int | None = None
    zone: str | None = None
    after: timedelta | None = None
    cells: tuple[str, ...] = ()
    next_chunk: int = 0
    moved_at: datetime | None = None


SINCE = """
SELECT o.id, greatest(o.published_at, v.created_at) AS since
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = o.live_version
WHERE o.id = ANY ($1::uuid[]) AND o.status = 'live'
"""


async def live_since(db: Connection, *, offers: Iterable[UUID]) -> Mapping[UUID, datetime]:
    """Tell since when offers are live in the version that is; what is not live is missing."""
    return {row["id"]: row["since"] for row in await db.fetch(SINCE, list(offers))}


# An instant before the version was live is not meant by it; the offer's row is looked at in the statement that fires.
FIRE_OFFER = """
INSERT INTO firings (id, kind, offer_id, offer_version, zone, at)
SELECT $1, 'schedule', o.id, v.version, $4, $5::timestamptz
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = o.live_version
WHERE o.id = $2 AND o.status = 'live' AND o.live_version = $3 AND greatest(o.published_at, v.created_at) < $5::timestamptz
ON CONFLICT DO NOTHING
"""


async def fire_offer(db: Connection, *, firing: Firing) -> bool:
    """Fire a scheduled offer, and tell whether this did it: not again, and not where the offer has changed meanwhile."""
    done = await db.execute(FIRE_OFFER, firing.id, firing.offer_id, firing.offer_version, firing.zone, firing.at)
    return str(done).endswith(" 1")


FIRE = """
INSERT INTO firings (id, kind, zone, after_s, cells, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""


async def fire(db: Connection, *, firing: Firing) -> bool:
    """Fire what is no offer's own, and tell whether this did it."""
    seconds = None if firing.after is None else int(firing.after.total_seconds())
    cells = list(firing.cells) or None
    done = await db.execute(FIRE, firing.id, firing.kind, firing.zone, seconds, cells, firing.at)
    return str(done).endswith(" 1")


OPEN = """
SELECT id, kind, at, offer_id, offer_version, zone, after_s, cells, next_chunk, moved_at FROM firings
WHERE next_chunk < 1024 ORDER BY at LIMIT $1
"""


async def unfinished(db: Connection, *, limit: int) -> list[Firing]:
    """List firings that have not reached everybody yet, the oldest first."""
    found = []
    for row in await db.fetch(OPEN, limit):
        values = dict(row)
        seconds, cells = values.pop("after_s"), values.pop("cells")
        after = None if seconds is None else timedelta(seconds=seconds)
        found.append(Firing(after=after, cells=tuple(cells or ()), **values))
    return found


ADVANCE = "UPDATE firings SET next_chunk = $3, moved_at = $4 WHERE id = $1 AND next_chunk = $2"


async def advance(db: Connection, *, firing: Firing, to: int, now: datetime) -> bool:
    """Take the buckets from where a firing stands up to `to`; False where somebody else took them (rule 2)."""
    return str(await db.execute(ADVANCE, firing.id, firing.next_chunk, to, now)).endswith(" 1")


# From one zone to the next by the index: as many looks as there are zones, however many customers.
HOMES = """
WITH RECURSIVE zones AS (
    (SELECT time_zone FROM customers WHERE time_zone IS NOT NULL ORDER BY time_zone LIMIT 1)
    UNION ALL
    SELECT (SELECT c.time_zone FROM customers c WHERE c.time_zone > zones.time_zone ORDER BY c.time_zone LIMIT 1)
    FROM zones WHERE zones.time_zone IS NOT NULL
)
SELECT time_zone FROM zones WHERE time_zone IS NOT NULL
"""


async def homes(db: Connection) -> frozenset[str]:
    """Tell in which zones customers are at home."""
    return frozenset(row["time_zone"] for row in await db.fetch(HOMES))
