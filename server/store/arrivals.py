"""What a group of pings reads and writes: one statement in, one statement out, however many customers it holds.

Rule 1: states, facts and receipts of a customer are written together or not at all, and only on the version seen.
Rule 2: a fact about a ping holds its cell, its fences and a word; the position stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, chain, product
from typing import NamedTuple, TypeVar
from uuid import UUID

import msgspec

from server.model.customer import Attributes, Consents, Customer, Happened, State, orders_of
from server.model.ids import bucket_of
from server.store.pool import Connection, Row
from server.store.states import by_bucket, decode_state, encode_state

T = TypeVar("T")


class Known(NamedTuple):
    """One customer as loaded: profile and history, state and its version (None: no row yet).

    `answered` holds those of the asked pings that were stored before, with the moment each made, if any; `proven` those of
    the asked hashes whose tokens are the customer's.
    """

    customer: Customer
    state: State
    version: int | None
    wake_at: datetime | None
    listening: bool
    answered: dict[UUID, UUID | None]
    proven: Sequence[bytes] = ()


class Loaded(NamedTuple):
    """A group as loaded, by customer; `now` is the database's time (None where no customer was found)."""

    customers: dict[UUID, Known]
    now: datetime | None


HISTORY = 200
"""So many events of a customer's past are looked at, the newest first."""

ORDERS = 2000
"""So many purchases and redemptions, where they are asked for: five a day for as long as events are kept."""

# LATERAL with LIMIT: whatever the planner believes of the tables, each row is one probe of a primary key, never a scan.
# The slice of ping ids is the customer's own: one probe for each of them too.
LOAD = """
SELECT c.id, c.locale, c.time_zone, c.attributes, c.topics, c.segments, c.location, c.push, c.profiling,
       s.version, s.state, s.wake_at, coalesce(s.stream_until > moment.now, false) AS listening,
       moment.now, past.events, spent.orders, told.pings, theirs.proven
FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::integer[], $9::integer[], $10::integer[])
     AS asked (bucket, id, first, last, first_proof, last_proof)
CROSS JOIN (SELECT clock_timestamp() AS now OFFSET 0) AS moment
CROSS JOIN LATERAL (
    SELECT * FROM customers WHERE customers.bucket = asked.bucket AND customers.id = asked.id LIMIT 1
) AS c
LEFT JOIN LATERAL (
    SELECT * FROM customer_state WHERE customer_state.bucket = asked.bucket AND customer_id = asked.id LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('name', e.name, 'at', e.at, 'offer', e.offer)) AS events
    FROM (SELECT name, at, offer FROM customer_events e
          WHERE e.bucket = asked.bucket AND e.customer_id = asked.id ORDER BY at DESC LIMIT $6) AS e
) AS past ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('name', o.name, 'at', o.at, 'order', o.order_id, 'amount', CASE
               WHEN o.currency IS NOT NULL THEN json_build_object('minor', o.amount_minor, 'currency', o.currency) END)) AS orders
    FROM (SELECT name, at, order_id, amount_minor, currency FROM customer_events o
          WHERE $7 AND o.bucket = asked.bucket AND o.customer_id = asked.id AND o.name IN ('purchase', 'redemption')
          ORDER BY at DESC LIMIT $8) AS o
) AS spent ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(p.id, p.moment_id)) AS pings FROM pings p
    WHERE p.bucket = asked.bucket AND p.customer_id = asked.id AND p.id = ANY (($5::uuid[])[asked.first:asked.last])
) AS told ON true
LEFT JOIN LATERAL (
    SELECT array_agg(proof.hash) FILTER (WHERE t.customer_id = asked.id AND t.revoked_at IS NULL) AS proven
    FROM unnest(($11::bytea[])[asked.first_proof:asked.last_proof]) AS proof (hash)
    CROSS JOIN LATERAL (
        SELECT customer_id, revoked_at FROM customer_tokens
        WHERE customer_tokens.bucket = asked.bucket AND customer_tokens.hash = proof.hash LIMIT 1
    ) AS t
) AS theirs ON true
"""

_attributes = msgspec.json.Decoder(dict[str, str | int | float | bool])
_events = msgspec.json.Decoder(tuple[Happened, ...])
_answered = msgspec.json.Decoder(list[tuple[UUID, UUID | None]])
_topics = msgspec.json.Decoder(dict[str, bool])
_NO_ATTRIBUTES: Attributes = {}
_CONSENTS = {each: Consents(*each) for each in product((False, True), repeat=3)}
_NO_TOPICS: Mapping[str, bool] = {}


async def load(
    db: Connection,
    *,
    asked: Mapping[UUID, Sequence[UUID]],
    proofs: Mapping[UUID, Sequence[bytes]] | None = None,
    bought: bool = False,
) -> Loaded:
    """Load customers with their states and pasts, which of the ping ids asked for each are known already, and which of
    their `proofs` (hashes of tokens) are those of tokens that are theirs and were not revoked.

    What they `bought` is looked up where a rule asks for it.
    """
    pings, hashes = _slices(asked, asked), _slices(asked, proofs or {})
    buckets = [bucket_of(each) for each in asked]
    rows = await db.fetch(LOAD, buckets, list(asked), *pings, HISTORY, bought, ORDERS, *hashes)
    return Loaded({row["id"]: _known(row, bought) for row in rows}, rows[0]["now"] if rows else None)


def _slices(keys: Iterable[UUID], lists: Mapping[UUID, Sequence[T]]) -> tuple[list[int], list[int], list[T]]:
    """Put the lists of some keys in a row, and tell where each begins and ends (an array's first place is 1)."""
    each = [lists.get(key, ()) for key in keys]
    sizes = [len(one) for one in each]
    lasts = list(accumulate(sizes))
    return [last - size + 1 for last, size in zip(lasts, sizes, strict=True)], lasts, list(chain.from_iterable(each))


def _known(row: Row, bought: bool) -> Known:
    attributes, topics, events, pings = row["attributes"], row["topics"], row["events"], row["pings"]
    return Known(
        customer=Customer(
            id=row["id"],
            consents=_CONSENTS[row["location"], row["push"], row["profiling"]],
            zone=row["time_zone"],
            locale=row["locale"],
            segments=frozenset(row["segments"]),
            attributes=_attributes.decode(attributes) if attributes != "{}" else _NO_ATTRIBUTES,
            events=_events.decode(events) if events else (),
            topics=_topics.decode(topics) if topics != "{}" else _NO_TOPICS,
            bought=orders_of(_events.decode(row["orders"] or "[]")) if bought else None,
        ),
        state=decode_state(row["state"]),
        version=row["version"],
        wake_at=row["wake_at"],
        listening=row["listening"],
        answered=dict(_answered.decode(pings)) if pings else {},
        proven=row["proven"] or (),
    )


class NewState(NamedTuple):
    """What is remembered of a customer from now on, if the row still has the version seen."""

    customer_id: UUID
    version: int
    state: State
    wake_at: datetime | None


class PingFact(NamedTuple):
    """What is kept of one fix: `reason` is a word for what was odd about it, `moment_id` what it led to, `trace` (JSON)
    what a replay needs of it."""

    customer_id: UUID
    id: UUID
    at: datetime
    received_at: datetime
    cell: str
    geofence_ids: Sequence[UUID]
    reason: str | None
    moment_id: UUID | None
    trace: str | None = None


class Visit(NamedTuple):
    """A fence that was entered, and when."""

    customer_id: UUID
    at: datetime
    geofence_id: UUID


class Receipt(NamedTuple):
    """Why: `verdicts` is JSON, a list of {offer_id, offer, gate, truth, reason, values}."""

    customer_id: UUID
    id: UUID
    at: datetime
    moment_id: UUID | None
    verdicts: str


# One statement: alone it is its own transaction. The rows are locked in the order of the list, that of the key.
RECORD = """
WITH won AS (
    UPDATE customer_state s SET version = s.version + 1, state = n.state, wake_at = n.wake_at
    FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::json[], $5::timestamptz[])
         AS n (bucket, customer_id, version, state, wake_at)
    WHERE s.bucket = n.bucket AND s.customer_id = n.customer_id AND s.version = n.version
    RETURNING s.bucket, s.customer_id
), facts AS (
    INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, geofence_ids, reason, moment_id, trace)
    SELECT won.bucket, won.customer_id, p.id, p.at, p.received_at, p.cell, p.fences::uuid[], p.reason, p.moment_id, p.trace
    FROM unnest($6::uuid[], $7::uuid[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[],
                $13::uuid[], $14::json[]) AS p (customer_id, id, at, received_at, cell, fences, reason, moment_id, trace)
    JOIN won USING (customer_id)
    RETURNING bucket
), counted AS (
    INSERT INTO ping_facts (pings) SELECT count(*) FROM facts HAVING count(*) > 0
), said AS (
    SELECT won.bucket, r.id, won.customer_id, r.at, r.moment_id, r.verdicts
    FROM unnest($15::uuid[], $16::uuid[], $17::timestamptz[], $18::uuid[], $19::jsonb[])
         AS r (customer_id, id, at, moment_id, verdicts)
    JOIN won USING (customer_id)
), reasons AS (
    INSERT INTO receipts (bucket, id, customer_id, at, moment_id, verdicts) SELECT * FROM said
), lines AS (
    INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at)
    SELECT said.bucket, said.id, v.place, (v.verdict->>'offer_id')::uuid, said.at
    FROM said, jsonb_array_elements(said.verdicts) WITH ORDINALITY AS v (verdict, place)
), visited AS (
    INSERT INTO visits (bucket, customer_id, at, geofence_id)
    SELECT won.bucket, won.customer_id, v.at, v.geofence_id
    FROM unnest($20::uuid[], $21::timestamptz[], $22::uuid[]) AS v (customer_id, at, geofence_id)
    JOIN won USING (customer_id)
    ON CONFLICT DO NOTHING
)
SELECT customer_id FROM won
"""


async def record(
    db: Connection,
    *,
    states: Sequence[NewState],
    pings: Sequence[PingFact],
    receipts: Sequence[Receipt],
    visits: Sequence[Visit] = (),
) -> set[UUID]:
    """Write a group, and tell for which customers: the others' rows have another version, nothing of theirs is written."""
    keyed = sorted((by_bucket(each.customer_id), place) for place, each in enumerate(states))
    ordered = [states[place] for _, place in keyed]
    rows = await db.fetch(
        RECORD,
        [bucket for (bucket, _), _ in keyed],
        [each.customer_id for each in ordered],
        [each.version for each in ordered],
        [encode_state(each.state) for each in ordered],
        [each.wake_at for each in ordered],
        *_columns(pings, 5),
        [f"{{{','.join(map(str, each.geofence_ids))}}}" for each in pings],
        [each.reason for each in pings],
        [each.moment_id for each in pings],
        [each.trace for each in pings],
        *_columns(receipts, 5),
        *_columns(visits, 3),
    )
    return {row["customer_id"] for row in rows}


def _columns(rows: Sequence[tuple[object, ...]], count: int) -> list[list[object]]:
    """Turn the first columns of some rows into lists."""
    return [list(column) for column in zip(*rows, strict=True)][:count] if rows else [[] for _ in range(count)]
