"""Saved segments: a name that offers ask for, with a condition of its own or filled from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.store.ids import new_id
from server.store.pool import Connection, Row


class SegmentRow(NamedTuple):
    """A segment; `document` is its `if`, None where membership is told from outside."""

    id: UUID
    name: str
    document: Mapping[str, Any] | None
    created_at: datetime


INSERT = """
INSERT INTO segments (name, id, document) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
RETURNING id, name, document, created_at
"""


async def insert(db: Connection, *, name: str, document: Mapping[str, Any] | None) -> SegmentRow | None:
    """Add a segment; None when the name is taken."""
    row = await db.fetchrow(INSERT, name, new_id(), None if document is None else json.dumps(document))
    return _segment(row) if row else None


PAGE = """
SELECT id, name, document, created_at FROM segments
WHERE $1::text IS NULL OR name > $1::text ORDER BY name LIMIT $2
"""


async def page(db: Connection, *, after: str | None, limit: int) -> list[SegmentRow]:
    """List segments by name."""
    return [_segment(row) for row in await db.fetch(PAGE, after, limit)]


def _segment(row: Row) -> SegmentRow:
    document = row["document"]
    return SegmentRow(row["id"], row["name"], json.loads(document) if document else None, row["created_at"])
