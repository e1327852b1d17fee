"""The state of a customer between two pings, as it is stored: one JSON value in a row whose version makes caps exact.

Rule 1: whoever writes a state names the version it was decided on. If the row has another one, nothing is written.
Rule 2: what is stored of a position has three decimals (about 100 m), and is overwritten by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from server.model.customer import LastFix, State
from server.model.ids import bucket_of
from server.model.place import Point
from server.store.pool import Connection

DECIMALS = 3
"""Of the last trusted fix: enough for the tests of speed and of agreement within 500 m in any process."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> str:
    """Write a state as it is stored."""
    return _encoder.encode(rounded(state)).decode()


def decode_state(text: str | None) -> State:
    """Read a stored state; none is that of a customer of whom nothing is remembered."""
    return _decoder.decode(text) if text else State()


def rounded(state: State) -> State:
    """Give the state with its positions as coarse as they are stored, so that it does not matter who remembers it."""
    last, held = state.last_fix, state.held
    if (last is None or _is_coarse(last.point)) and (held is None or _is_coarse(held.point)):
        return state
    if last is not None:
        last = LastFix(_coarse(last.point), last.accuracy_m, last.at, last.zone)
    if held is not None:
        held = replace(held, point=_coarse(held.point))
    return State(state.stays, last, held, state.shown)


def _coarse(point: Point) -> Point:
    return Point(round(point.lat, DECIMALS), round(point.lon, DECIMALS))


def _is_coarse(point: Point) -> bool:
    return round(point.lat, DECIMALS) == point.lat and round(point.lon, DECIMALS) == point.lon


# Sign-ups make the row; customers who came by an import get theirs with their first ping.
MAKE = """
INSERT INTO customer_state (bucket, customer_id)
SELECT * FROM unnest($1::smallint[], $2::uuid[]) ON CONFLICT DO NOTHING
"""


async def make(db: Connection, *, customers: Sequence[UUID]) -> None:
    """Make the rows of customers who have none, with nothing in them."""
    ordered = sorted(customers, key=by_bucket)
    await db.execute(MAKE, [bucket_of(each) for each in ordered], ordered)


class Seen(NamedTuple):
    """A customer's row as it was when it was decided on."""

    customer_id: UUID
    version: int


# Locked in the order of the key, like every statement that locks several of these rows.
LOCK = """
SELECT s.customer_id
FROM customer_state s JOIN unnest($1::smallint[], $2::uuid[], $3::bigint[]) AS seen (bucket, customer_id, version)
  ON s.bucket = seen.bucket AND s.customer_id = seen.customer_id AND s.version = seen.version
ORDER BY s.bucket, s.customer_id
FOR UPDATE OF s
"""


async def lock(db: Connection, *, seen: Sequence[Seen]) -> set[UUID]:
    """Lock the rows that still have the version seen, until the transaction ends, and tell whose they are."""
    ordered = sorted(seen, key=lambda each: by_bucket(each.customer_id))
    rows = await db.fetch(
        LOCK,
        [bucket_of(each.customer_id) for each in ordered],
        [each.customer_id for each in ordered],
        [each.version for each in ordered],
    )
    return {row["customer_id"] for row in rows}


BUMP = """
UPDATE customer_state SET version = version + 1, state = coalesce($3::json, state),
       wake_at = CASE WHEN $3::json IS NULL THEN wake_at END
WHERE bucket = $1 AND customer_id = $2
"""


async def bump(db: Connection, *, customer_id: UUID, state: State | None = None) -> None:
    """Make every decision that is under way for the customer lose; `state` replaces what is remembered."""
    await db.execute(BUMP, bucket_of(customer_id), customer_id, encode_state(state) if state is not None else None)


REWRITE = "UPDATE customer_state SET version = version + 1, state = $3 WHERE bucket = $1 AND customer_id = $2"


async def rewrite(db: Connection, *, customer_id: UUID, state: State) -> None:
    """Replace what is remembered, timers left as they are; every decision under way for the customer loses."""
    await db.execute(REWRITE, bucket_of(customer_id), customer_id, encode_state(state))


READ = "SELECT version, state FROM customer_state WHERE bucket = $1 AND customer_id = $2 FOR UPDATE"


async def read(db: Connection, *, customer_id: UUID) -> tuple[int, State] | None:
    """Read the version and the state, locked until the transaction ends; None where there is no row."""
    row = await db.fetchrow(READ, bucket_of(customer_id), customer_id)
    return (row["version"], decode_state(row["state"])) if row is not None else None


class Unshown(NamedTuple):
    """A message that never reached its customer: it was counted at this time, for this offer."""

    customer_id: UUID
    offer_id: UUID
    at: datetime


HOLD = """
SELECT s.customer_id, s.state
FROM customer_state s JOIN unnest($1::smallint[], $2::uuid[]) AS asked (bucket, customer_id)
  ON s.bucket = asked.bucket AND s.customer_id = asked.customer_id
ORDER BY s.bucket, s.customer_id
FOR UPDATE OF s
"""
RESET = """
UPDATE customer_state s SET version = s.version + 1, state = new.state::json
FROM unnest($1::smallint[], $2::uuid[], $3::text[]) AS new (bucket, customer_id, state)
WHERE s.bucket = new.bucket AND s.customer_id = new.customer_id
"""


async def uncount(db: Connection, *, messages: Sequence[Unshown]) -> None:
    """Take messages out of what caps count, and let every decision under way for their customers lose. Needs a transaction."""
    mine: dict[UUID, list[Unshown]] = {}
    for message in messages:
        mine.setdefault(message.customer_id, []).append(message)
    customers = sorted(mine, key=by_bucket)
    rows = await db.fetch(HOLD, [bucket_of(each) for each in customers], customers)
    held = [row["customer_id"] for row in rows]
    states = [encode_state(without(decode_state(row["state"]), mine[row["customer_id"]])) for row in rows]
    await db.execute(RESET, [bucket_of(each) for each in held], held, states)


def without(state: State, messages: Sequence[Unshown]) -> State:
    """Give the state without these messages; each takes out one entry of its offer and time."""
    shown = list(state.shown)
    for message in messages:
        found = next((each for each in shown if (each.offer_id, each.at) == (message.offer_id, message.at)), None)
        if found is not None:
            shown.remove(found)
    return replace(state, shown=tuple(shown))


DUE = """
SELECT customer_id FROM customer_state WHERE wake_at <= $1 ORDER BY wake_at LIMIT $2
"""


async def due(db: Connection, *, now: datetime, limit: int) -> list[UUID]:
    """List the customers whose dwell timer has run out, the longest waiting first."""
    return [row["customer_id"] for row in await db.fetch(DUE, now, limit)]


LISTEN = """
UPDATE customer_state SET stream_until = clock_timestamp() + make_interval(secs => $3)
WHERE bucket = $1 AND customer_id = $2
"""


async def listen(db: Connection, *, customer_id: UUID, for_s: float) -> None:
    """Note that the customer listens on a stream for the next seconds; 0 ends it. The version stays."""
    await db.execute(LISTEN, bucket_of(customer_id), customer_id, for_s)


def by_bucket(customer_id: UUID) -> tuple[int, int]:
    """Sort as the key of customer-scoped tables does: statements that lock several rows do it in this order."""
    return bucket_of(customer_id), customer_id.int
