"""What is told to other systems: written where somebody listens, with a call for each who does, in one statement.

Rule 1: an event is written in the transaction that takes its deed on: facts as they are rolled up, passes as their change
        is numbered. Both see committed deeds alone, and each deed once.
Rule 2: ids are derived from the deed, so that telling it twice tells it once; they carry the customer's bucket.
Rule 3: an event holds ids, amounts and states: no name, no position, no text that a person has written, no token.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of, event_id
from server.store.ids import new_id
from server.store.knocks import knock
from server.store.pool import Connection, Row

MOMENT_STEPS: Final = {"decided": "created", "delivered": "delivered", "opened": "opened", "clicked": "clicked"}
"""Steps of the funnel that are told of a moment, and how they are called."""

TYPES: Final = (
    *(f"kairos.moment.{step}" for step in MOMENT_STEPS.values()),
    *(f"kairos.pass.{word}" for word in ("issued", "saved", "updated", "voided", "expired")),
    *(f"kairos.redemption.{word}" for word in ("created", "reversed")),
)
"""What an endpoint may ask for."""

WORD: Final = "webhook"
"""What wakes whoever sends."""

TEST: Final = "kairos.webhook.test"
"""What is told to one endpoint because somebody wants to see whether it hears."""


class Fact(NamedTuple):
    """A step of a moment as the funnel counts it; `subject_id` is the redemption, or the reversal where `delta` is -1."""

    moment_id: UUID
    step: str
    delta: int
    at: datetime
    subject_id: UUID | None


class Event(NamedTuple):
    """Something to tell."""

    id: UUID
    type: str
    at: datetime
    subject: UUID
    customer_id: UUID | None
    data: Mapping[str, Any]


HEARD = "SELECT DISTINCT e FROM webhooks, unnest(events) AS e WHERE enabled"


async def heard(db: Connection) -> frozenset[str]:
    """List the types of events that somebody listens to (`*`: all); the usual answer is none."""
    return frozenset(row[0] for row in await db.fetch(HEARD))


TELL = """
WITH given AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::uuid[], $7::jsonb[])
           AS g (bucket, id, type, at, subject, customer_id, data)
), listening AS (
    SELECT id, events FROM webhooks WHERE enabled
), told AS (
    INSERT INTO webhook_events (bucket, id, type, at, subject, customer_id, data)
    SELECT * FROM given g
    WHERE EXISTS (SELECT FROM listening l WHERE g.type = ANY (l.events) OR '*' = ANY (l.events)) ORDER BY bucket, id
    ON CONFLICT DO NOTHING
    RETURNING bucket, id, type
)
INSERT INTO webhook_calls (bucket, event_id, webhook_id)
SELECT told.bucket, told.id, l.id FROM told JOIN listening l ON told.type = ANY (l.events) OR '*' = ANY (l.events)
"""


async def tell(db: Connection, *, events: Sequence[Event]) -> None:
    """Write events that somebody listens to, and a call for each who does."""
    if events:
        await db.execute(TELL, *_columns(events))
        await knock(db, WORD)


TELL_ONE = """
WITH told AS (
    INSERT INTO webhook_events (bucket, id, type, at, subject, customer_id, data)
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::uuid[], $7::jsonb[])
    RETURNING bucket, id
)
INSERT INTO webhook_calls (bucket, event_id, webhook_id) SELECT bucket, id, $8 FROM told
"""


async def test(db: Connection, *, webhook_id: UUID, now: datetime) -> UUID:
    """Write an event for one endpoint, whatever it listens to, and give its id."""
    event = Event(new_id(), TEST, now, webhook_id, None, {"webhook_id": str(webhook_id)})
    await db.execute(TELL_ONE, *_columns([event]), webhook_id)
    await knock(db, WORD)
    return event.id


def _columns(events: Sequence[Event]) -> tuple[list[Any], ...]:
    return (
        [bucket_of(each.id) for each in events],
        [each.id for each in events],
        [each.type for each in events],
        [each.at for each in events],
        [str(each.subject) for each in events],
        [each.customer_id for each in events],
        [json.dumps({name: value for name, value in each.data.items() if value is not None}) for each in events],
    )


MOMENTS = """
SELECT m.id, m.customer_id, m.offer_id, m.offer_name, m.offer_version, m.variant, m.placement, m.channel, m.place_id, m.place_kind
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id) JOIN moments m USING (bucket, id)
WHERE m.customer_id IS NOT NULL
"""
OF_MOMENTS = """
SELECT p.serial, p.customer_id, p.moment_id, p.offer_id, p.state, p.uses_left, p.uses_total, p.value_minor, p.currency,
       p.valid_until
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, moment_id) JOIN passes p USING (bucket, moment_id)
"""
USES = """
SELECT r.id, r.serial, p.customer_id, p.moment_id, p.offer_id, r.store_id, r.order_id, r.uses_left, r.amount_minor,
       r.value_minor, r.currency
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id) JOIN redemptions r USING (bucket, id)
JOIN passes p ON p.bucket = r.bucket AND p.serial = r.serial
"""
REVERSALS = """
SELECT v.id AS reversal_id, r.id, r.serial, p.customer_id, p.moment_id, p.offer_id, r.store_id, r.order_id, r.amount_minor,
       r.value_minor, r.currency
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id) JOIN reversals v USING (bucket, id)
JOIN redemptions r ON r.bucket = v.bucket AND r.id = v.redemption_id
JOIN passes p ON p.bucket = r.bucket AND p.serial = r.serial
"""


async def tell_facts(db: Connection, *, facts: Sequence[Fact]) -> None:
    """Tell of steps that were counted. Needs the transaction that counts them."""
    events = await _of_moments(db, [fact for fact in facts if fact.step in MOMENT_STEPS])
    issued = {fact.moment_id: fact.at for fact in facts if fact.step == "passes"}
    for row in await _rows(db, OF_MOMENTS, issued):
        events.append(_pass(row, "issued", issued[row["moment_id"]], event_id(row["serial"], "told", "issued")))
    for sql, delta, word in ((USES, 1, "created"), (REVERSALS, -1, "reversed")):
        made = {f.subject_id: f.at for f in facts if f.step == "redeemed" and f.delta == delta and f.subject_id}
        events += [_use(row, word, made) for row in await _rows(db, sql, made)]
    await tell(db, events=events)


async def _rows(db: Connection, sql: str, ids: Collection[UUID]) -> list[Row]:
    return await db.fetch(sql, [bucket_of(each) for each in ids], list(ids)) if ids else []


async def _of_moments(db: Connection, facts: Sequence[Fact]) -> list[Event]:
    rows = {row["id"]: row for row in await _rows(db, MOMENTS, {fact.moment_id for fact in facts})}
    events = []
    for fact in facts:
        if (row := rows.get(fact.moment_id)) is None:
            continue
        word = MOMENT_STEPS[fact.step]
        data = {
            "moment_id": str(row["id"]),
            "customer_id": str(row["customer_id"]),
            "offer_id": str(row["offer_id"]),
            "offer": f"{row['offer_name']}@{row['offer_version']}",
            "variant": row["variant"],
            "placement": row["placement"],
            "channel": row["channel"],
            "place_id": _text(row["place_id"]),
            "place_kind": row["place_kind"],
        }
        found = event_id(row["id"], "told", word)
        events.append(Event(found, f"kairos.moment.{word}", fact.at, row["id"], row["customer_id"], data))
    return events


def _use(row: Row, word: str, made: Mapping[UUID, datetime]) -> Event:
    reversal = row["reversal_id"] if word == "reversed" else None
    deed = reversal or row["id"]
    data = {
        "redemption_id": str(row["id"]),
        "reversal_id": _text(reversal),
        "serial": str(row["serial"]),
        "moment_id": str(row["moment_id"]),
        "customer_id": _text(row["customer_id"]),
        "offer_id": str(row["offer_id"]),
        "store_id": str(row["store_id"]),
        "order_id": row["order_id"],
        "uses_left": row.get("uses_left"),
        "value": _money(row["value_minor"], row["currency"]),
        "purchase": _money(row["amount_minor"], row["currency"]),
    }
    found = event_id(deed, "told", word)
    return Event(found, f"kairos.redemption.{word}", made[deed], row["id"], row["customer_id"], data)


CHANGED = """
SELECT p.serial, p.customer_id, p.moment_id, p.offer_id, p.state, p.uses_left, p.uses_total, p.value_minor, p.currency,
       p.valid_until, p.modified_at, clock_timestamp() AS now
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, serial) JOIN passes p USING (bucket, serial)
"""


async def tell_changed(db: Connection, *, serials: Sequence[UUID]) -> None:
    """Tell of passes that changed, each change once, also where it is numbered again. Needs the transaction that numbers."""
    events = []
    for row in await _rows(db, CHANGED, serials):
        over = row["state"] in ("voided", "expired")
        word = row["state"] if over else "updated"
        which = () if over else (row["modified_at"].isoformat(),)
        events.append(_pass(row, word, row["modified_at"], event_id(row["serial"], "told", word, *which)))
    await tell(db, events=events)


async def tell_saved(db: Connection, *, serial: UUID, wallet: Literal["apple", "google"]) -> None:
    """Tell that a wallet took a pass. Needs the transaction that notes it."""
    for row in await _rows(db, CHANGED, [serial]):
        saved = _pass(row, "saved", row["now"], new_id(bucket=bucket_of(serial)), wallet=wallet)
        await tell(db, events=[saved])


def _pass(row: Row, word: str, at: datetime, id: UUID, *, wallet: str | None = None) -> Event:  # noqa: A002
    until = row["valid_until"]
    data = {
        "serial": str(row["serial"]),
        "moment_id": str(row["moment_id"]),
        "customer_id": _text(row["customer_id"]),
        "offer_id": str(row["offer_id"]),
        "state": row["state"],
        "uses_left": row["uses_left"],
        "uses_total": row["uses_total"],
        "value": _money(row["value_minor"], row["currency"]),
        "valid_until": None if until is None else _instant(until),
        "wallet": wallet,
    }
    return Event(id, f"kairos.pass.{word}", at, row["serial"], row["customer_id"], data)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _money(minor: int | None, currency: str | None) -> dict[str, Any] | None:
    return None if minor is None or not currency else {"minor": minor, "currency": currency}


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
