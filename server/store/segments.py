"""Saved segments: a name that offers ask for, with a condition of its own or filled from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.store.ids import new_id
from server.store.pool import Connection, Row


class SegmentRow(NamedTuple):
    """A segment; `document` is its `if`, None where membership is told from outside.

    `size` is how many were in it at `refreshed_at`; None: it was never counted.
    """

    id: UUID
    name: str
    document: Mapping[str, Any] | None
    created_at: datetime
    size: int | None = None
    refreshed_at: datetime | None = None


INSERT = """
INSERT INTO segments (name, id, document) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
RETURNING id, name, document, created_at, size, refreshed_at
"""


async def insert(db: Connection, *, name: str, document: Mapping[str, Any] | None) -> SegmentRow | None:
    """Add a segment; None when the name is taken."""
    row = await db.fetchrow(INSERT, name, new_id(), None if document is None else json.dumps(document))
    return _segment(row) if row else None


TOLD = "SELECT name FROM segments WHERE document IS NULL AND name = ANY ($1::text[])"


async def told(db: Connection, *, names: Sequence[str]) -> set[str]:
    """Tell which of these are segments whose members are told from outside."""
    return {row["name"] for row in await db.fetch(TOLD, list(names))}


PAGE = """
SELECT id, name, document, created_at, size, refreshed_at FROM segments
WHERE $1::text IS NULL OR name > $1::text ORDER BY name LIMIT $2
"""


async def page(db: Connection, *, after: str | None, limit: int) -> list[SegmentRow]:
    """List segments by name."""
    return [_segment(row) for row in await db.fetch(PAGE, after, limit)]


def _segment(row: Row) -> SegmentRow:
    return SegmentRow(
        id=row["id"],
        name=row["name"],
        document=json.loads(row["document"]) if row["document"] else None,
        created_at=row["created_at"],
        size=row["size"],
        refreshed_at=row["refreshed_at"],
    )
