"""Receipts as the street writes them, for tests that read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from server.model.ids import bucket_of
from server.store.ids import new_id
from server.store.pool import Connection

LINES = """
INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at)
SELECT r.bucket, r.id, v.place, (v.verdict->>'offer_id')::uuid, r.at
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, place) WHERE r.bucket = $1 AND r.id = $2
"""


async def write_receipt(
    db: Connection, of: UUID, verdicts: Sequence[Mapping[str, Any]], *, at: datetime, moment: UUID | None = None
) -> UUID:
    """Write a customer's receipt with its lines, and give its id."""
    bucket, identifier = bucket_of(of), new_id(bucket=bucket_of(of), now=at)
    await db.execute(
        "INSERT INTO receipts (bucket, id, customer_id, at, moment_id, verdicts) VALUES ($1, $2, $3, $4, $5, $6)",
        *(bucket, identifier, of, at, moment, json.dumps(verdicts)),
    )
    await db.execute(LINES, bucket, identifier)
    return identifier
