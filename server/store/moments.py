"""Moments: made with their way out and their first fact in one statement, and led through their life step by step.

Rule 1: a step is taken by a conditional update, so that two who take it at once take it once.
Rule 2: held-out winners are rows like the others, and no list shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from server.model.ids import bucket_of
from server.model.moment import Step
from server.store.ids import new_id
from server.store.knocks import knock, nudge
from server.store.pool import Connection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentRow:
    """A moment as it is stored; the names are those of the columns.

    `reward` is the offer's reward as JSON; `redeem_at` says where: {"any": true} | {"ids": [store ids]} | {"tag": "…"};
    `reserved` what it holds of the budget: {"units", "liability", "place_id", "period"}. `local_day`, `local_hour` and
    `weekday` (Monday 0) are the place's at `created_at`.
    """

    bucket: int
    id: UUID
    customer_id: UUID
    offer_id: UUID
    offer_version: int
    offer_name: str
    held_out: bool
    variant: str
    placement: Literal["banner", "card", "interstitial", "inbox"]
    channel: Literal["in_app", "push"]
    pressure: str
    title: str
    body: str
    image_url: str | None
    action: Mapping[str, Any]
    reward: Mapping[str, Any] | None
    place_id: UUID | None
    place_kind: Literal["store", "geofence"] | None
    place_name: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    redeem_at: Mapping[str, Any]
    created_at: datetime
    deliver_by: datetime
    local_day: date
    local_hour: int
    weekday: int
    weather: str | None
    value_minor: int
    currency: str | None
    reserved: Mapping[str, Any] | None
    state: Step = Step.CREATED


# The way out and the first fact copy what they need from the moment, so that they cannot disagree with it.
INSERT = """
WITH made AS (
    INSERT INTO moments (bucket, id, customer_id, offer_id, offer_version, offer_name, held_out, variant, placement, channel,
                         pressure, title, body, image_url, action, reward, place_id, place_kind, place_name, valid_from,
                         valid_until, redeem_at, created_at, deliver_by, local_day, local_hour, weekday, weather,
                         value_minor, currency, reserved)
    SELECT bucket, id, customer_id, offer_id, offer_version, offer_name, held_out, variant, placement, channel,
           pressure, title, body, image_url, action, reward, place_id, place_kind, place_name, valid_from,
           valid_until, redeem_at, created_at, deliver_by, local_day, local_hour, weekday, weather,
           value_minor, currency, reserved
    FROM json_populate_recordset(NULL::moments, $1::json)
    ON CONFLICT (bucket, id) DO NOTHING
    RETURNING *
), ways AS (
    INSERT INTO deliveries (bucket, id, moment_id, customer_id, offer_id, channel, not_before, deliver_by, created_at)
    SELECT m.bucket, w.delivery_id, m.id, m.customer_id, m.offer_id, m.channel, m.created_at, m.deliver_by, m.created_at
    FROM made m JOIN unnest($2::uuid[], $3::uuid[]) AS w (moment_id, delivery_id) ON w.moment_id = m.id
    WHERE NOT m.held_out
)
INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, slot, offer_id, place_id, channel, placement, variant,
                          local_day, local_hour, weekday, weather)
SELECT m.bucket, m.id, ('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint,
       CASE WHEN m.held_out THEN 'control' ELSE 'decided' END, 1,
       date_bin('15 minutes', m.created_at, timestamptz '2000-01-01 00:00:00+00'), m.offer_id, m.place_id, m.channel,
       m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '')
FROM made m
"""


async def insert(db: Connection, *, moments: Sequence[MomentRow]) -> None:
    """Write moments, a way out for each that is shown, and the first fact of each; who sends or streams them is woken."""
    ways = [new_id(bucket=each.bucket, now=each.created_at) for each in moments]
    await db.execute(INSERT, msgspec.json.encode(moments).decode(), [each.id for each in moments], ways)
    if any(each.channel == "push" and not each.held_out for each in moments):  # rare: so much pressure bears nobody
        await knock(db, "push")
    await nudge(db, customers={each.customer_id for each in moments if not each.held_out})


@dataclass(frozen=True, slots=True)
class Shown:
    """A moment as its customer may see it."""

    id: UUID
    offer_id: UUID
    variant: str
    placement: str
    channel: str
    title: str
    body: str
    image_url: str | None
    action: Mapping[str, Any]
    place_id: UUID | None
    place_kind: str | None
    place_name: str | None
    created_at: datetime
    deliver_by: datetime
    valid_until: datetime | None
    state: Step
    snoozed_until: datetime | None = None

    def state_at(self, now: datetime) -> Step:
        """Tell where it stands: what is over counts as ended also before the row says so."""
        end = self.expires_at
        return Step.EXPIRED if self.state in _RUNNING and end is not None and now >= end else self.state

    @property
    def expires_at(self) -> datetime | None:
        """When it ends: undelivered by `deliver_by`, else with its reward (None: a reward without an end, or none)."""
        return self.deliver_by if self.state is Step.CREATED else self.valid_until


_RUNNING = frozenset({Step.CREATED, Step.DELIVERED, Step.OPENED, Step.CLICKED})


def shown_of(row: MomentRow) -> Shown:
    """Give a moment that was just made as its customer may see it."""
    return Shown(**{name: getattr(row, name) for name in Shown.__slots__ if hasattr(row, name)})


def _shown(row: Row) -> Shown:
    values = dict(row)
    values["action"], values["state"] = msgspec.json.decode(row["action"]), Step(row["state"])
    return Shown(**values)


BY_ID = """
SELECT m.id, m.offer_id, m.variant, m.placement, m.channel, m.title, m.body, m.image_url, m.action, m.place_id, m.place_kind,
       m.place_name, m.created_at, m.deliver_by, m.valid_until, m.state, m.snoozed_until
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id) JOIN moments m USING (bucket, id)
WHERE m.customer_id = $3 AND NOT m.held_out
ORDER BY m.created_at, m.id
"""


async def by_id(db: Connection, *, customer_id: UUID, ids: Sequence[UUID]) -> list[Shown]:
    """Read some of a customer's moments, oldest first; held-out and foreign ones are not there."""
    return [_shown(row) for row in await db.fetch(BY_ID, [bucket_of(each) for each in ids], list(ids), customer_id)]


INBOX = """
SELECT id, offer_id, variant, placement, channel, title, body, image_url, action, place_id, place_kind, place_name,
       created_at, deliver_by, valid_until, state, snoozed_until
FROM moments
WHERE bucket = $1 AND customer_id = $2 AND NOT held_out
  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
  AND ($5::text[] IS NULL OR CASE WHEN state = 'created' AND deliver_by <= $6
                                    OR state IN ('delivered', 'opened', 'clicked') AND valid_until <= $6
                                  THEN 'expired' ELSE state END = ANY ($5))
  AND NOT ($8 AND snoozed_until > $6 IS TRUE)
ORDER BY created_at DESC, id DESC
LIMIT $7
"""


async def inbox(
    db: Connection,
    *,
    customer_id: UUID,
    states: Sequence[str] | None,
    before: tuple[datetime, UUID] | None,
    now: datetime,
    limit: int,
    awake: bool = False,
) -> list[Shown]:
    """List a customer's moments, newest first, those in the given states as of `now` (None: in any).

    `awake` leaves out those that the customer has put off.
    """
    wanted = list(states) if states is not None else None
    mark = before or (None, None)
    rows = await db.fetch(INBOX, bucket_of(customer_id), customer_id, *mark, wanted, now, limit, awake)
    return [_shown(row) for row in rows]


AFTER = """
SELECT id, offer_id, variant, placement, channel, title, body, image_url, action, place_id, place_kind, place_name,
       created_at, deliver_by, valid_until, state, snoozed_until
FROM moments
WHERE bucket = $1 AND customer_id = $2 AND NOT held_out AND (created_at, id) > ($3, $4)
ORDER BY created_at, id
LIMIT $5
"""


async def after(db: Connection, *, customer_id: UUID, mark: tuple[datetime, UUID], limit: int) -> list[Shown]:
    """List a customer's moments that came after a mark (time of making and id), oldest first."""
    rows = await db.fetch(AFTER, bucket_of(customer_id), customer_id, *mark, limit)
    return [_shown(row) for row in rows]


MARK = "SELECT created_at, id FROM moments WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND NOT held_out"


async def mark_of(db: Connection, *, customer_id: UUID, moment_id: UUID) -> tuple[datetime, UUID] | None:
    """Find the mark of one of the customer's moments."""
    row = await db.fetchrow(MARK, bucket_of(customer_id), customer_id, moment_id)
    return (row["created_at"], row["id"]) if row is not None else None


PUT_OFF = "UPDATE moments SET snoozed_until = $3 WHERE bucket = $1 AND id = $2"


async def put_off(db: Connection, *, moment_id: UUID, until: datetime) -> None:
    """Write until when a moment is put off. Whoever opens, clicks or dismisses it meanwhile ends that."""
    await db.execute(PUT_OFF, bucket_of(moment_id), moment_id, until)


BACK = """
SELECT id, offer_id, variant, placement, channel, title, body, image_url, action, place_id, place_kind, place_name,
       created_at, deliver_by, valid_until, state, snoozed_until
FROM moments
WHERE bucket = $1 AND customer_id = $2 AND snoozed_until > $3 AND snoozed_until <= $4 AND NOT held_out
  AND state IN ('delivered', 'opened', 'clicked') AND (valid_until IS NULL OR valid_until > $4)
ORDER BY snoozed_until, id
LIMIT $5
"""


async def back(db: Connection, *, customer_id: UUID, since: datetime, now: datetime, limit: int) -> list[Shown]:
    """List moments that were put off, came back in (since, now], and that nothing became of since."""
    return [_shown(row) for row in await db.fetch(BACK, bucket_of(customer_id), customer_id, since, now, limit)]
