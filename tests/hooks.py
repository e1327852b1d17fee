"""Endpoints for tests that tell other systems, and what was written for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from server.store import webhooks
from server.store.pool import Connection
from server.store.webhooks import Endpoint

URL = "https://hooks.example.com/kairos"


async def endpoint(db: Connection, *events: str, url: str = URL, most: int = 99, sealed: bytes = b"sealed") -> Endpoint:
    """Put an endpoint there that listens to these types (all of them unless said)."""
    made = await webhooks.insert(
        db,
        id=webhooks.fresh_id(),
        url=url,
        description=None,
        events=list(events) or ["*"],
        secret_sealed=sealed,
        most=most,
    )
    assert made is not None
    return made


async def written(db: Connection) -> list[dict[str, Any]]:
    """Every event, the oldest first."""
    rows = await db.fetch("SELECT * FROM webhook_events ORDER BY at, type")
    return [{**row, "data": json.loads(row["data"])} for row in rows]


async def types(db: Connection) -> Sequence[str]:
    """The types of every event, the oldest first, without what they have in common."""
    return [row["type"].removeprefix("kairos.") for row in await written(db)]


async def calls(db: Connection, webhook_id: UUID) -> set[UUID]:
    """The events that an endpoint is to be told."""
    rows = await db.fetch("SELECT event_id FROM webhook_calls WHERE webhook_id = $1", webhook_id)
    return {row["event_id"] for row in rows}
