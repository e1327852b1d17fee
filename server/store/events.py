"""What the app says happened to a moment: stored once by its id, and carried over to the moment's own row.

Rule 1: an event counts once, whoever repeats it; a step counts once, however many events tell it.
Rule 2: being opened, clicked or dismissed implies having been delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.moment import Step
from server.store.pool import Connection

EventType = Literal["delivered", "opened", "clicked", "dismissed"]


class AppEvent(NamedTuple):
    """One event, by the client's id; `at` by the phone's clock."""

    id: UUID
    moment_id: UUID
    type: EventType
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a moment stands, its row held until the transaction ends; times are those of its steps."""

    id: UUID
    state: Step
    created_at: datetime
    deliver_by: datetime
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    dismissed_at: datetime | None


HOLD = """
SELECT m.id, m.state, m.created_at, m.deliver_by, m.delivered_at, m.opened_at, m.clicked_at, m.dismissed_at
FROM moments m JOIN unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id) ON m.bucket = asked.bucket AND m.id = asked.id
WHERE m.customer_id = $3 AND NOT m.held_out
ORDER BY m.bucket, m.id
FOR UPDATE OF m
"""


async def hold(db: Connection, *, customer_id: UUID, moments: Sequence[UUID]) -> dict[UUID, Standing]:
    """Hold a customer's own moments until the transaction ends; foreign and held-out ones are not there."""
    ids = sorted(set(moments))
    rows = await db.fetch(HOLD, [bucket_of(each) for each in ids], ids, customer_id)
    return {row["id"]: Standing(**{**dict(row), "state": Step(row["state"])}) for row in rows}


INSERT = """
INSERT INTO app_events (bucket, customer_id, id, moment_id, type, at, received_at)
SELECT $1, $2, e.id, e.moment_id, e.type, e.at, clock_timestamp()
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[]) AS e (id, moment_id, type, at)
ON CONFLICT DO NOTHING
RETURNING id
"""


async def insert(db: Connection, *, customer_id: UUID, events: Sequence[AppEvent]) -> set[UUID]:
    """Store events, and tell the ids of those that were new."""
    rows = await db.fetch(
        INSERT,
        bucket_of(customer_id),
        customer_id,
        [event.id for event in events],
        [event.moment_id for event in events],
        [event.type for event in events],
        [event.at for event in events],
    )
    return {row["id"] for row in rows}


STEP = """
WITH told AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
                         $7::timestamptz[])
           AS t (bucket, id, state, delivered_at, opened_at, clicked_at, dismissed_at)
), stepped AS (
    UPDATE moments m SET state = t.state, delivered_at = t.delivered_at, opened_at = t.opened_at,
           clicked_at = t.clicked_at, dismissed_at = t.dismissed_at, snoozed_until = NULL
    FROM told t WHERE m.bucket = t.bucket AND m.id = t.id
)
UPDATE deliveries d SET state = 'delivered', finished_at = clock_timestamp(), leased_until = NULL
FROM told t WHERE d.bucket = t.bucket AND d.moment_id = t.id AND d.state IN ('queued', 'leased')
"""


async def step(db: Connection, *, standings: Sequence[Standing]) -> None:
    """Write where moments stand now; what had not been sent yet need not be: it was seen."""
    await db.execute(
        STEP,
        [bucket_of(each.id) for each in standings],
        [each.id for each in standings],
        [each.state.value for each in standings],
        [each.delivered_at for each in standings],
        [each.opened_at for each in standings],
        [each.clicked_at for each in standings],
        [each.dismissed_at for each in standings],
    )
