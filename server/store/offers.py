"""Offers and their versions: every write of a document is a version that stays, one of them may be live.

    draft → live ⇄ paused → ended          (live → ended too; nothing comes back from there)

Rule 1: a state changes by one conditional update, so that of two who publish at once one is told no.
Rule 2: a document is never changed: receipts cite `name@version`, and dwell timers finish under the version they began by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from server.store.pool import Connection, Row

Status = Literal["draft", "live", "paused", "ended"]

# A live offer may have a newer version that waits to be approved; publishing it leads from live to live.
NEXT: Mapping[Status, tuple[Status, ...]] = {
    "live": ("draft", "paused"),
    "paused": ("live",),
    "ended": ("live", "paused"),
}
"""From which states a state may be entered."""


MOST_VERSIONS = 2**31 - 1
"""The greatest number that a version may have: that of its column."""


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer with the document of one version: the newest, unless another was asked for."""

    id: UUID
    name: str
    status: Status
    version: int
    live_version: int | None
    document: Mapping[str, Any]
    author: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    ended_at: datetime | None


class VersionRow(NamedTuple):
    """A version without its document."""

    version: int
    author: str
    created_at: datetime


# The name is looked at first: a broken constraint would end the caller's transaction.
INSERT = """
WITH made AS (
    INSERT INTO offers (id, name, version, document, author) VALUES ($1, $2, 1, $3, $4) ON CONFLICT (name) DO NOTHING
    RETURNING id, name, status, version, live_version, document, author, created_at, updated_at, published_at, ended_at
)
SELECT * FROM made
"""
KEEP = """
INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, $2, $3, $4)
"""


async def insert(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    name: str,
    document: Mapping[str, Any],
    author: str,
) -> OfferRow | None:
    """Add a draft as version 1; None when the name is taken."""
    text = json.dumps(document)
    row = await db.fetchrow(INSERT, id, name, text, author)
    if row is None:
        return None
    await db.execute(KEEP, id, 1, text, author)
    return _offer(row)


LOCK = """
SELECT id, name, status, version, live_version, document, author, created_at, updated_at, published_at, ended_at
FROM offers WHERE id = $1 FOR UPDATE
"""


async def lock(db: Connection, *, offer_id: UUID) -> OfferRow | None:
    """Find an offer and keep its row until the transaction ends."""
    row = await db.fetchrow(LOCK, offer_id)
    return _offer(row) if row else None


NAME_TAKEN = "SELECT EXISTS (SELECT FROM offers WHERE name = $1 AND id <> $2)"


async def name_taken(db: Connection, *, name: str, offer_id: UUID) -> bool:
    """Tell whether another offer has this name; who holds the rules' number may rely on it until the COMMIT."""
    return bool(await db.fetchval(NAME_TAKEN, name, offer_id))


CHANGE = """
UPDATE offers SET version = version + 1, name = $2, document = $3, author = $4, updated_at = clock_timestamp()
WHERE id = $1 AND status <> 'ended'
RETURNING id, name, status, version, live_version, document, author, created_at, updated_at, published_at, ended_at
"""


async def change(
    db: Connection, *, offer_id: UUID, name: str, document: Mapping[str, Any], author: str
) -> OfferRow | None:
    """Write the next version, which is not live yet; None when there is none that has not ended."""
    text = json.dumps(document)
    row = await db.fetchrow(CHANGE, offer_id, name, text, author)
    if row is None:
        return None
    await db.execute(KEEP, offer_id, row["version"], text, author)
    return _offer(row)


ENTER = """
UPDATE offers SET status = $2::text, updated_at = clock_timestamp(),
       live_version = CASE WHEN $2::text = 'live' THEN version ELSE live_version END,
       published_at = CASE WHEN $2::text = 'live' AND status <> 'live' THEN clock_timestamp() ELSE published_at END,
       ended_at = CASE WHEN $2::text = 'ended' THEN clock_timestamp() END
WHERE id = $1 AND (status = ANY ($3::text[]) OR $2::text = 'live' AND status = 'live' AND live_version < version)
RETURNING id, name, status, version, live_version, document, author, created_at, updated_at, published_at, ended_at
"""


def may_go_live(offer: OfferRow) -> bool:
    """Tell whether an offer's newest version could become the live one."""
    waits = offer.status == "live" and (offer.live_version or 0) < offer.version
    return waits or offer.status in NEXT["live"]


async def enter(db: Connection, *, offer_id: UUID, status: Status) -> OfferRow | None:
    """Lead an offer into a state, its newest version into being live; None where it cannot come from its own."""
    row = await db.fetchrow(ENTER, offer_id, status, list(NEXT[status]))
    return _offer(row) if row else None


OPEN_BUDGET = "INSERT INTO budgets (offer_id) VALUES ($1) ON CONFLICT DO NOTHING"


async def open_budget(db: Connection, *, offer_id: UUID) -> None:
    """Give an offer the row that its claims are made on; what it has given away before stays counted."""
    await db.execute(OPEN_BUDGET, offer_id)


LIVE_SINCE = "SELECT id, published_at FROM offers WHERE status = 'live' AND published_at IS NOT NULL"


async def live_since(db: Connection) -> dict[UUID, datetime]:
    """Tell since when each live offer has been so."""
    return {row["id"]: row["published_at"] for row in await db.fetch(LIVE_SINCE)}


FIND = """
SELECT o.id, o.name, o.status, v.version, o.live_version, v.document, v.author, o.created_at, o.updated_at,
       o.published_at, o.ended_at
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = coalesce($2::integer, o.version)
WHERE o.id = $1
"""


async def find(db: Connection, *, offer_id: UUID, version: int | None = None) -> OfferRow | None:
    """Find an offer, in its newest version or in the one asked for."""
    row = await db.fetchrow(FIND, offer_id, version)
    return _offer(row) if row else None


NAMED = "SELECT id FROM offers WHERE name = $1"


async def named(db: Connection, *, name: str) -> UUID | None:
    """Find the offer of a name."""
    found: UUID | None = await db.fetchval(NAMED, name)
    return found


VERSIONS = """
SELECT version, author, created_at FROM offer_versions
WHERE offer_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3
"""


async def versions(db: Connection, *, offer_id: UUID, limit: int, before: int = MOST_VERSIONS) -> list[VersionRow]:
    """List an offer's newest versions, of those before one."""
    return [VersionRow(**row) for row in await db.fetch(VERSIONS, offer_id, before, limit)]


PAGE = """
SELECT id, name, status, version, live_version, document, author, created_at, updated_at, published_at, ended_at
FROM offers
WHERE ($1::uuid IS NULL OR CASE WHEN $5::boolean THEN id < $1::uuid ELSE id > $1::uuid END)
  AND ($2::text IS NULL OR status = $2::text) AND ($4::text IS NULL OR strpos(lower(name), lower($4::text)) > 0)
ORDER BY CASE WHEN $5::boolean THEN id END DESC, id LIMIT $3
"""


async def page(
    db: Connection,
    *,
    after: UUID | None,
    status: Status | None,
    limit: int,
    search: str | None = None,
    newest: bool = False,
) -> Sequence[OfferRow]:
    """List offers in the order in which they were made, or the newest first; of one state, or with a text in their name."""
    return [_offer(row) for row in await db.fetch(PAGE, after, status, limit, search, newest)]


def _offer(row: Row) -> OfferRow:
    return OfferRow(**{**row, "document": json.loads(row["document"])})
