"""What happens in customers' lives: an event for rules to ask for, and the occasion that it is, in one statement.

Rule 1: ids are derived from what is told, so that telling it twice makes one event and sets off one decision.
Rule 2: a shop's order counts once for its customer, whatever else is told of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.money import Money
from server.store.pool import Connection
from server.store.states import by_bucket


class Happening(NamedTuple):
    """Something that happened: `store_id` where, `after` how long a spell of absence has lasted; a purchase has the rest,
    an answer its `score`."""

    id: UUID
    customer_id: UUID
    name: str
    at: datetime
    store_id: UUID | None = None
    after: timedelta | None = None
    amount: Money | None = None
    order_id: str | None = None
    items: Sequence[dict[str, Any]] | None = None
    score: int | None = None


TELL = """
WITH given AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::uuid[], $7::bigint[],
                         $8::bigint[], $9::text[], $10::text[], $11::jsonb[], $12::smallint[])
           AS g (bucket, id, customer_id, name, at, store_id, after_s, amount_minor, currency, order_id, items, score)
), told AS (
    INSERT INTO customer_events (bucket, id, customer_id, name, at, store_id, amount_minor, currency, order_id, items, score)
    SELECT bucket, id, customer_id, name, at, store_id, amount_minor, currency, order_id, items, score FROM given
    ORDER BY bucket, id
    ON CONFLICT DO NOTHING
    RETURNING bucket, id
), occurred AS (
    INSERT INTO occasions (bucket, id, customer_id, kind, name, geofence_id, after_s, at)
    SELECT bucket, id, customer_id, 'event', name, (SELECT s.geofence_id FROM stores s WHERE s.id = given.store_id), after_s, at
    FROM told JOIN given USING (bucket, id) ORDER BY bucket, id
    ON CONFLICT DO NOTHING
)
SELECT id FROM told
"""


async def tell(db: Connection, *, happenings: Sequence[Happening]) -> set[UUID]:
    """Write what happened, and tell the ids of what was new. Needs the transaction of the deed itself."""
    ordered = sorted(happenings, key=lambda each: (by_bucket(each.customer_id), each.id.int))
    rows = await db.fetch(
        TELL,
        [bucket_of(each.customer_id) for each in ordered],
        [each.id for each in ordered],
        [each.customer_id for each in ordered],
        [each.name for each in ordered],
        [each.at for each in ordered],
        [each.store_id for each in ordered],
        [None if each.after is None else int(each.after.total_seconds()) for each in ordered],
        [each.amount.minor if each.amount is not None else None for each in ordered],
        [each.amount.currency if each.amount is not None else None for each in ordered],
        [each.order_id for each in ordered],
        [json.dumps(list(each.items)) if each.items is not None else None for each in ordered],
        [each.score for each in ordered],
    )
    return {row["id"] for row in rows}
