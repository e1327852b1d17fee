"""From a moment to its pass: the moment's row is held, the pass is made, the moment steps on, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.moment import Step
from server.model.pass_ import Pass, card_document
from server.store.pool import Connection


class Where(NamedTuple):
    """The place where a moment began, in words, with its zone: the customer's own where the place has none."""

    name: str | None = None
    address: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """A moment as its acceptance sees it; `contents` are the offer's own words, as written, and `now` the database's time.

    `formality` and `first_name` are the customer's attributes, as far as they are texts.
    """

    id: UUID
    customer_id: UUID
    offer_id: UUID
    offer_version: int
    offer_name: str
    held_out: bool
    title: str
    contents: Mapping[str, Any]
    fallback_locale: str | None
    reward: Mapping[str, Any] | None
    redeem_at: Mapping[str, Any]
    place_id: UUID | None
    place: Where
    valid_from: datetime | None
    valid_until: datetime | None
    deliver_by: datetime
    step: Step
    locale: str | None
    formality: Literal["du", "sie"] | None
    first_name: str | None
    now: datetime


# FOR UPDATE OF m: of two acceptances the second waits, and then finds the first one's pass.
OFFERED = """
SELECT m.id, m.customer_id, m.offer_id, m.offer_version, m.offer_name, m.held_out, m.title, m.reward, m.redeem_at,
       m.place_id, m.place_name, s.address, coalesce(s.time_zone, g.zone, c.time_zone) AS zone, m.valid_from,
       m.valid_until, m.deliver_by, m.state, c.locale, c.attributes->'formality' AS formality,
       c.attributes->'first_name' AS first_name, v.document->'moment'->'content' AS contents,
       v.document->'moment'->>'fallback_locale' AS fallback_locale, clock_timestamp() AS now
FROM moments m
LEFT JOIN customers c ON c.bucket = m.bucket AND c.id = m.customer_id
LEFT JOIN offer_versions v ON v.offer_id = m.offer_id AND v.version = m.offer_version
LEFT JOIN stores s ON s.id = m.place_id
LEFT JOIN geofences g ON g.id = m.place_id
WHERE m.bucket = $1 AND m.id = $2 AND m.customer_id = $3
FOR UPDATE OF m
"""


async def offered(db: Connection, *, moment_id: UUID, customer_id: UUID) -> Offered | None:
    """Find a customer's own moment, and hold its row until the transaction ends; None where it is not theirs."""
    row = await db.fetchrow(OFFERED, bucket_of(moment_id), moment_id, customer_id)
    if row is None:
        return None
    formality = _attribute(row["formality"])
    return Offered(
        id=row["id"],
        customer_id=row["customer_id"],
        offer_id=row["offer_id"],
        offer_version=row["offer_version"],
        offer_name=row["offer_name"],
        held_out=row["held_out"],
        title=row["title"],
        contents=json.loads(row["contents"] or "{}"),
        fallback_locale=row["fallback_locale"],
        reward=None if row["reward"] is None else json.loads(row["reward"]),
        redeem_at=json.loads(row["redeem_at"]),
        place_id=row["place_id"],
        place=Where(row["place_name"], row["address"], row["zone"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        deliver_by=row["deliver_by"],
        step=Step(row["state"]),
        locale=row["locale"],
        formality="du" if formality == "du" else "sie" if formality == "sie" else None,
        first_name=_attribute(row["first_name"]),
        now=row["now"],
    )


def _attribute(value: str | None) -> str | None:
    """Give an attribute that is a text; None for every other."""
    read = json.loads(value) if value is not None else None
    return read if isinstance(read, str) else None


SOON: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When to look at a pass that was not looked at yet: before all others."""

INSERT = """
WITH made AS (
    INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, value_minor,
                        currency, minimum_minor, minimum_currency, uses_total, uses_left, valid_from, valid_until,
                        places, place_tag, key_id, token_sealed, modified_at, created_at, relevant_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21)
    RETURNING bucket, serial, moment_id, created_at
), stepped AS (
    UPDATE moments m SET state = 'accepted', accepted_at = made.created_at, pass_serial = made.serial
    FROM made WHERE m.bucket = made.bucket AND m.id = made.moment_id
)
INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, slot, offer_id, place_id, channel, placement, variant,
                          local_day, local_hour, weekday, weather)
SELECT m.bucket, m.id, ('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint,
       'passes', 1, date_bin('15 minutes', m.created_at, timestamptz '2000-01-01 00:00:00+00'), m.offer_id, m.place_id,
       m.channel, m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '')
FROM made JOIN moments m ON m.bucket = made.bucket AND m.id = made.moment_id
"""


async def insert(
    db: Connection,
    *,
    pass_: Pass,
    reward: Mapping[str, Any],
    again: datetime | None = SOON,
) -> None:
    """Store a new pass, step its moment to accepted, and note the fact; `reward` is the document that came with it.

    `again` is when to look next where it comes up by itself (None: never).
    """
    value, minimum = pass_.benefit.value, pass_.benefit.minimum_purchase
    await db.execute(
        INSERT,
        bucket_of(pass_.serial),
        pass_.serial,
        pass_.customer_id,
        pass_.moment_id,
        pass_.offer_id,
        pass_.offer_version,
        json.dumps(card_document(pass_.card)),
        json.dumps(reward),
        value.minor if value else 0,
        value.currency if value else None,
        minimum.minor if minimum else None,
        minimum.currency if minimum else None,
        pass_.uses_total,
        pass_.valid_from,
        pass_.valid_until,
        pass_.places,
        pass_.place_tag,
        pass_.key_id,
        pass_.token_sealed,
        pass_.created_at,
        again,
    )
