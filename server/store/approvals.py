"""Versions that wait for a second person's yes, or have it: one row for each that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Approval:
    """What was asked for, with the customers that were expected then; `approved_by` None: nobody said yes yet."""

    offer_id: UUID
    version: int
    author: str
    expected: int
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None


class Requested(NamedTuple):
    """A version that waits for somebody's yes."""

    offer_id: UUID
    name: str
    version: int
    requested_by: str
    requested_at: datetime


FIND = """
SELECT offer_id, version, author, expected, requested_by, requested_at, approved_by, approved_at
FROM offer_approvals WHERE offer_id = $1 AND version = $2
"""


async def find(db: Connection, *, offer_id: UUID, version: int) -> Approval | None:
    """Find what is known of a version's approval; None where nobody ever asked."""
    row = await db.fetchrow(FIND, offer_id, version)
    return Approval(**row) if row is not None else None


REQUEST = """
INSERT INTO offer_approvals (offer_id, version, author, expected, requested_by)
SELECT offer_id, version, author, $3, $4 FROM offer_versions WHERE offer_id = $1 AND version = $2
ON CONFLICT DO NOTHING
RETURNING offer_id, version, author, expected, requested_by, requested_at, approved_by, approved_at
"""


async def request(db: Connection, *, offer_id: UUID, version: int, expected: int, by: str) -> Approval | None:
    """Ask for a version's approval; None where somebody asked before: it is theirs."""
    row = await db.fetchrow(REQUEST, offer_id, version, expected, by)
    return Approval(**row) if row is not None else None


APPROVE = """
UPDATE offer_approvals SET approved_by = $3, approved_at = clock_timestamp()
WHERE offer_id = $1 AND version = $2 AND approved_by IS NULL AND author <> $3 AND requested_by <> $3
RETURNING offer_id, version, author, expected, requested_by, requested_at, approved_by, approved_at
"""


async def approve(db: Connection, *, offer_id: UUID, version: int, by: str) -> Approval | None:
    """Say yes to a version; None where it was said already, or where it is not theirs to say."""
    row = await db.fetchrow(APPROVE, offer_id, version, by)
    return Approval(**row) if row is not None else None


REQUESTED = """
SELECT a.offer_id, o.name, a.version, a.requested_by, a.requested_at
FROM offer_approvals a JOIN offers o ON o.id = a.offer_id AND o.version = a.version
WHERE a.approved_by IS NULL AND o.status <> 'ended' ORDER BY a.requested_at, a.offer_id LIMIT $1
"""


async def requested(db: Connection, *, limit: int) -> list[Requested]:
    """List the newest versions that wait for a yes, who waits longest first."""
    return [Requested(**row) for row in await db.fetch(REQUESTED, limit)]


WAITING = """
SELECT a.offer_id, a.version, a.author, a.expected, a.requested_by, a.requested_at, a.approved_by, a.approved_at
FROM offer_approvals a JOIN offers o ON o.id = a.offer_id AND o.version = a.version
WHERE a.approved_by IS NOT NULL AND o.status <> 'ended' AND (o.status <> 'live' OR o.live_version < o.version)
ORDER BY a.offer_id
"""


async def unpublished(db: Connection) -> list[Approval]:
    """List the newest versions that have their yes and are not live."""
    return [Approval(**row) for row in await db.fetch(WAITING)]
