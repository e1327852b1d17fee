"""Pushes of moments: a row for each device of the customer, and what must be known of each just before it goes.

Rule 1: to which devices a push goes is found when it is taken out, not when it was decided: phones are changed and sold.
Rule 2: a device's address is read with each try, and goes no further than its channel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from server.model.customer import Consents, State
from server.model.ids import event_id
from server.store.outbox import Leased
from server.store.pool import Connection, Row
from server.store.states import decode_state

WAYS: Final[Mapping[str, str]] = {"ios": "apns", "android": "fcm", "web": "webpush"}
"""By platform, which service takes its pushes."""

PLATFORMS: Final[Mapping[str, str]] = {way: platform for platform, way in WAYS.items()}

MOST_DEVICES: Final = 20
"""So many devices of one customer are told, the newest: more phones has nobody, but a script."""

UNADDRESSED = """
WITH due AS (
    SELECT bucket, id, customer_id, not_before FROM deliveries
    WHERE channel = 'push' AND way IS NULL AND state IN ('queued', 'leased') AND channel <> 'in_app' AND not_before <= $1
    ORDER BY not_before LIMIT $2 FOR UPDATE SKIP LOCKED
)
SELECT due.bucket, due.id, v.device_id, v.platform
FROM due LEFT JOIN LATERAL (
    SELECT device_id, platform, registered_at FROM devices
    WHERE bucket = due.bucket AND customer_id = due.customer_id AND disabled_at IS NULL
      AND (push_token IS NOT NULL OR subscription IS NOT NULL)
    ORDER BY registered_at DESC, device_id LIMIT $3
) v ON true
ORDER BY due.bucket, due.id, v.registered_at DESC, v.device_id
"""
# The row itself goes to the first device, a copy of it to each other one; its id is derived, so that it stays the same.
ADDRESS = """
WITH told AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS t (bucket, id, own_id, way, device_id)
), kept AS (
    UPDATE deliveries d SET way = t.way, device_id = t.device_id,
           state = CASE WHEN t.way IS NULL THEN 'suppressed' ELSE d.state END,
           reason = CASE WHEN t.way IS NULL THEN 'no_device' END,
           finished_at = CASE WHEN t.way IS NULL THEN $6::timestamptz END
    FROM told t WHERE d.bucket = t.bucket AND d.id = t.id AND t.own_id = t.id
)
INSERT INTO deliveries (bucket, id, moment_id, customer_id, offer_id, channel, way, device_id, not_before, deliver_by, created_at)
SELECT d.bucket, t.own_id, d.moment_id, d.customer_id, d.offer_id, d.channel, t.way, t.device_id, d.not_before, d.deliver_by,
       d.created_at
FROM told t JOIN deliveries d ON d.bucket = t.bucket AND d.id = t.id
WHERE t.own_id <> t.id
ON CONFLICT DO NOTHING
"""


async def address(db: Connection, *, limit: int, now: datetime) -> dict[str, int]:
    """Give pushes that are due a row for each of the customer's devices; tell how many rows each way got.

    Who has no device gets none: the push ends as `suppressed`, `no_device`. Needs a transaction.
    """
    rows = await db.fetch(UNADDRESSED, now, limit, MOST_DEVICES)
    if not rows:
        return {}
    seen, own, ways = set[UUID](), list[UUID](), list[str | None]()
    for row in rows:
        own.append(row["id"] if row["id"] not in seen else event_id(row["id"], "device", row["device_id"]))
        ways.append(WAYS.get(row["platform"]))
        seen.add(row["id"])
    await db.execute(
        ADDRESS,
        [row["bucket"] for row in rows],
        [row["id"] for row in rows],
        own,
        ways,
        [row["device_id"] for row in rows],
        now,
    )
    return {way: ways.count(way) for way in set(ways) if way is not None}


class Target(msgspec.Struct, frozen=True):
    """Where a device's pushes go, since when; in no repr."""

    platform: str
    registered_at: datetime
    push_token: str | None = None
    subscription: dict[str, Any] | None = None

    def __repr__(self) -> str:
        """Tell nothing."""
        return "Target()"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored about a push that is about to go; None stands for what is not there any more."""

    consents: Consents | None
    zone: str | None
    topics: Mapping[str, bool]
    state: State
    listening: bool
    moment_state: str | None
    title: str
    body: str
    image_url: str | None
    action: Mapping[str, Any]
    place_id: UUID | None
    pressure: str
    made_at: datetime | None
    seen: bool
    collapse_key: str
    offer_status: str | None
    paused: bool
    target: Target | None = field(repr=False)


FACTS = """
SELECT d.id, c.id IS NOT NULL AS known, c.location, c.push, c.profiling, c.time_zone, c.topics, s.state AS remembered,
       coalesce(s.stream_until > clock_timestamp(), false) AS listening, m.state, m.title, m.body, m.image_url, m.action,
       m.place_id, m.pressure, m.created_at AS made_at,
       m.opened_at IS NOT NULL OR m.clicked_at IS NOT NULL OR m.dismissed_at IS NOT NULL
         OR m.snoozed_until IS NOT NULL AS seen,
       coalesce(w.document #>> '{moment,collapse_key}', m.offer_name) AS collapse_key, o.status,
       (SELECT paused FROM programme) AS paused,
       v.platform, v.registered_at, v.push_token, v.subscription
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id)
JOIN deliveries d ON d.bucket = asked.bucket AND d.id = asked.id
LEFT JOIN customers c ON c.bucket = d.bucket AND c.id = d.customer_id
LEFT JOIN customer_state s ON s.bucket = d.bucket AND s.customer_id = d.customer_id
LEFT JOIN moments m ON m.bucket = d.bucket AND m.id = d.moment_id
LEFT JOIN devices v ON v.bucket = d.bucket AND v.customer_id = d.customer_id AND v.device_id = d.device_id
                   AND v.disabled_at IS NULL AND (v.push_token IS NOT NULL OR v.subscription IS NOT NULL)
LEFT JOIN offers o ON o.id = d.offer_id
LEFT JOIN offer_versions w ON w.offer_id = d.offer_id AND w.version = m.offer_version
"""


async def facts(db: Connection, *, leased: Sequence[Leased]) -> dict[UUID, Facts]:
    """Read what is known of pushes now, in one look."""
    rows = await db.fetch(FACTS, [each.bucket for each in leased], [each.id for each in leased])
    return {row["id"]: _facts(row) for row in rows}


def _facts(row: Row) -> Facts:
    known, there = row["known"], row["state"] is not None
    target = None
    if row["platform"] is not None:
        subscription = json.loads(row["subscription"]) if row["subscription"] is not None else None
        target = Target(row["platform"], row["registered_at"], row["push_token"], subscription)
    return Facts(
        consents=Consents(row["location"], row["push"], row["profiling"]) if known else None,
        zone=row["time_zone"],
        topics=json.loads(row["topics"]) if known else {},
        state=decode_state(row["remembered"]),
        listening=row["listening"],
        moment_state=row["state"],
        title=row["title"] or "",
        body=row["body"] or "",
        image_url=row["image_url"],
        action=json.loads(row["action"]) if there else {},
        place_id=row["place_id"],
        pressure=row["pressure"] or "",
        made_at=row["made_at"],
        seen=row["seen"],
        collapse_key=row["collapse_key"] or "",
        offer_status=row["status"],
        paused=bool(row["paused"]),
        target=target,
    )


# Of several devices that were reached the first one takes the step; the rows of the others stay what they are.
REACHED = """
WITH told AS (
    SELECT m.bucket, m.id FROM moments m
    JOIN unnest($1::smallint[], $2::uuid[]) AS k (bucket, id) ON m.bucket = k.bucket AND m.id = k.id
    WHERE m.state = 'created' AND m.delivered_at IS NULL ORDER BY m.bucket, m.id FOR UPDATE OF m
)
UPDATE moments m SET state = 'delivered', delivered_at = greatest(m.created_at, $3)
FROM told WHERE m.bucket = told.bucket AND m.id = told.id
RETURNING m.id
"""


async def reached(db: Connection, *, moments: Iterable[tuple[int, UUID]], now: datetime) -> list[UUID]:
    """Step moments on that a push service took, and tell which took the step: that is when they count as delivered."""
    keys = sorted(set(moments))
    rows = await db.fetch(REACHED, [bucket for bucket, _ in keys], [identifier for _, identifier in keys], now)
    return [row["id"] for row in rows]
