"""Passes: issued once per moment, changed by whoever holds their row, numbered when they changed.

Rule 1: one pass per moment, by a unique key (see `acceptances`).
Rule 2: a change of a pass sets its tag to -1, which `pass_tags.number` turns into the next number; or to -2 where it changes
        with many others and nobody waits for it.
Rule 3: a pass that is over (expired, voided) gives back what of its reservation nobody used, in the same transaction,
        and only the statement that ended it says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.model.context import Used
from server.model.ids import bucket_of
from server.model.pass_ import Pass, PassState, benefit_from, card_from
from server.store import budgets
from server.store.pool import Connection, Row

FIND = """
SELECT serial, customer_id, moment_id, offer_id, offer_version, state, design, reward, uses_total, uses_left, valid_from,
       valid_until, places, place_tag, key_id, token_sealed, modified_at, created_at, erased_at
FROM passes WHERE bucket = $1 AND serial = $2 AND ($3::uuid IS NULL OR customer_id = $3::uuid)
"""


async def find(db: Connection, *, serial: UUID, customer_id: UUID | None = None) -> Pass | None:
    """Find a pass; with `customer_id` only that customer's own."""
    row = await db.fetchrow(FIND, bucket_of(serial), serial, customer_id)
    return None if row is None else _pass(row)


FIND_ALL = """
SELECT serial, customer_id, moment_id, offer_id, offer_version, state, design, reward, uses_total, uses_left, valid_from,
       valid_until, places, place_tag, key_id, token_sealed, modified_at, created_at, erased_at
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, serial) JOIN passes USING (bucket, serial)
"""


async def find_all(db: Connection, *, serials: Sequence[UUID]) -> list[Pass]:
    """Find those of these passes that there are, in any order."""
    rows = await db.fetch(FIND_ALL, [bucket_of(serial) for serial in serials], list(serials))
    return [_pass(row) for row in rows]


OF_MOMENT = """
SELECT serial, customer_id, moment_id, offer_id, offer_version, state, design, reward, uses_total, uses_left, valid_from,
       valid_until, places, place_tag, key_id, token_sealed, modified_at, created_at, erased_at
FROM passes WHERE bucket = $1 AND moment_id = $2
"""


async def of_moment(db: Connection, *, moment_id: UUID) -> Pass | None:
    """Find the pass that was issued for a moment."""
    row = await db.fetchrow(OF_MOMENT, bucket_of(moment_id), moment_id)
    return None if row is None else _pass(row)


PAGE = """
SELECT serial, customer_id, moment_id, offer_id, offer_version, state, design, reward, uses_total, uses_left, valid_from,
       valid_until, places, place_tag, key_id, token_sealed, modified_at, created_at, erased_at
FROM passes
WHERE bucket = $1 AND customer_id = $2
  AND ($3::timestamptz IS NULL OR (created_at, serial) < ($3::timestamptz, $4::uuid))
ORDER BY created_at DESC, serial DESC LIMIT $5
"""


async def page(db: Connection, *, customer_id: UUID, limit: int, after: tuple[datetime, UUID] | None) -> list[Pass]:
    """List a customer's passes, the newest first, that come after the pass with this time and serial."""
    at, serial = after or (None, None)
    return [_pass(row) for row in await db.fetch(PAGE, bucket_of(customer_id), customer_id, at, serial, limit)]


HOLDER = "SELECT customer_id FROM passes WHERE bucket = $1 AND serial = $2"


async def holder(db: Connection, *, serial: UUID) -> UUID | None:
    """Tell whose pass it is; None where it is nobody's."""
    found: UUID | None = await db.fetchval(HOLDER, bucket_of(serial), serial)
    return found


HOLD_ALL = "SELECT FROM passes WHERE bucket = $1 AND customer_id = $2 ORDER BY serial FOR UPDATE"


async def hold_all(db: Connection, *, customer_id: UUID) -> None:
    """Keep all of a customer's passes from being used or given back until the transaction ends."""
    await db.execute(HOLD_ALL, bucket_of(customer_id), customer_id)


class Voided(NamedTuple):
    """What became of an attempt to void: the state the pass had before, and whether it was voided now."""

    before: PassState
    done: bool
    at: datetime


# The row is locked by the first look, so that the state before is the one that the update saw.
VOID = """
WITH seen AS (
    SELECT bucket, serial, state FROM passes WHERE bucket = $1 AND serial = $2 FOR UPDATE
), ended AS (
    UPDATE passes p SET state = 'voided', voided_at = clock_timestamp(), void_reason = $3, held_by = NULL,
           held_until = NULL, tag = -1, modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
    FROM seen WHERE p.bucket = seen.bucket AND p.serial = seen.serial AND seen.state = 'active'
    RETURNING p.moment_id, p.voided_at, p.uses_left, p.uses_total
)
SELECT seen.state, ended.moment_id, ended.uses_left, ended.uses_total,
       coalesce(ended.voided_at, clock_timestamp()) AS at
FROM seen LEFT JOIN ended ON true
"""


async def void(db: Connection, *, serial: UUID, reason: str) -> Voided | None:
    """Void an active pass for good; None where there is none of that serial. Needs a transaction."""
    row = await db.fetchrow(VOID, bucket_of(serial), serial, reason)
    if row is None:
        return None
    if row["moment_id"] is not None:
        await _let_go(db, [row], at=row["at"])
    return Voided(PassState(row["state"]), row["moment_id"] is not None, row["at"])


VOID_OFFER = """
WITH due AS (
    SELECT bucket, serial FROM passes WHERE offer_id = $1 AND state = 'active'
    ORDER BY bucket, serial LIMIT $3 FOR UPDATE
)
UPDATE passes p SET state = 'voided', voided_at = clock_timestamp(), void_reason = $2, held_by = NULL,
       held_until = NULL, tag = CASE p.tag WHEN -1 THEN -1 ELSE -2 END,
       modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
FROM due WHERE p.bucket = due.bucket AND p.serial = due.serial
RETURNING p.moment_id, p.voided_at AS at, p.uses_left, p.uses_total
"""


async def void_offer(db: Connection, *, offer_id: UUID, reason: str, limit: int) -> int:
    """Void active passes of an offer, at most `limit`, and tell how many; fewer means all are. Needs a transaction."""
    rows = await db.fetch(VOID_OFFER, offer_id, reason, limit)
    if rows:
        await _let_go(db, rows, at=rows[0]["at"])
    return len(rows)


VOID_CUSTOMER = """
UPDATE passes p SET state = 'voided', voided_at = clock_timestamp(), void_reason = $3, held_by = NULL,
       held_until = NULL, tag = -1, modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
WHERE p.bucket = $1 AND p.customer_id = $2 AND p.state = 'active'
RETURNING p.moment_id, p.voided_at AS at, p.uses_left, p.uses_total
"""


async def void_customer(db: Connection, *, customer_id: UUID, reason: str) -> int:
    """Void all active passes of a customer, as an erasure does at once; tell how many. Needs a transaction."""
    rows = await db.fetch(VOID_CUSTOMER, bucket_of(customer_id), customer_id, reason)
    if rows:
        await _let_go(db, rows, at=rows[0]["at"])
    return len(rows)


EXPIRE = """
WITH due AS (
    SELECT bucket, serial FROM passes WHERE state = 'active' AND valid_until <= $1
    ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE passes p SET state = 'expired', held_by = NULL, held_until = NULL, tag = CASE p.tag WHEN -1 THEN -1 ELSE -2 END,
       modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
FROM due WHERE p.bucket = due.bucket AND p.serial = due.serial
RETURNING p.moment_id, p.uses_left, p.uses_total
"""


async def expire(db: Connection, *, now: datetime, limit: int) -> int:
    """End passes whose time is over at `now`, at most `limit`, and tell how many. Needs a transaction.

    What they held of their offers' budgets is given back once: by whoever ended the pass.
    """
    rows = await db.fetch(EXPIRE, now, limit)
    if rows:
        await _let_go(db, rows, at=now)
    return len(rows)


LET_GO = """
WITH held AS (
    SELECT m.bucket, m.id, m.offer_id, m.state, m.reserved, ended.unused
    FROM unnest($1::smallint[], $2::uuid[], $4::boolean[]) AS ended (bucket, id, unused) JOIN moments m USING (bucket, id)
    ORDER BY m.bucket, m.id FOR UPDATE OF m
), stepped AS (
    UPDATE moments m SET reserved = CASE WHEN held.unused THEN NULL ELSE held.reserved END,
           state = CASE WHEN held.state = 'accepted' THEN 'expired' ELSE held.state END,
           expired_at = CASE WHEN held.state = 'accepted' THEN $3::timestamptz ELSE m.expired_at END
    FROM held WHERE m.bucket = held.bucket AND m.id = held.id
)
SELECT id, offer_id, reserved FROM held WHERE reserved IS NOT NULL
"""


async def _let_go(db: Connection, rows: Sequence[Row], *, at: datetime) -> None:
    """End the moments of passes that ended at `at`, and give back what of their reservations was never used."""
    uses = {row["moment_id"]: (row["uses_left"], row["uses_total"]) for row in rows}
    unused = [left == total for left, total in uses.values()]
    held = await db.fetch(LET_GO, [bucket_of(each) for each in uses], list(uses), at, unused)
    offers: dict[UUID, Used] = {}
    places: dict[budgets.PlaceKey, int] = {}
    for row in held:
        units, liability, place = _share(json.loads(row["reserved"]), *uses[row["id"]], offer_id=row["offer_id"])
        before = offers.get(row["offer_id"], Used())
        offers[row["offer_id"]] = Used(before.units - units, before.liability_minor - liability)
        if place is not None:
            places[place] = places.get(place, 0) - units
    if offers:
        await budgets.lock(db, offers=offers, places=dict.fromkeys(places))
        await budgets.add(db, offers=offers, places=places)


def _share(
    reserved: Mapping[str, Any], left: int, total: int, *, offer_id: UUID
) -> tuple[int, int, budgets.PlaceKey | None]:
    """Tell what comes back of a reservation: the unit where no use was made, the liability of the uses that are left."""
    units = int(reserved.get("units") or 0) if left == total else 0
    liability = int(reserved.get("liability") or 0) * left // total
    place = reserved.get("place_id")
    return units, liability, budgets.PlaceKey(offer_id, UUID(place), reserved["period"]) if place else None


def _pass(row: Row) -> Pass:
    places = row["places"]
    return Pass(
        serial=row["serial"],
        customer_id=row["customer_id"],
        moment_id=row["moment_id"],
        offer_id=row["offer_id"],
        offer_version=row["offer_version"],
        state=PassState(row["state"]),
        card=card_from(json.loads(row["design"])),
        benefit=benefit_from(json.loads(row["reward"])),
        uses_total=row["uses_total"],
        uses_left=row["uses_left"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        places=None if places is None else tuple(places),
        place_tag=row["place_tag"],
        key_id=row["key_id"],
        token_sealed=row["token_sealed"],
        modified_at=row["modified_at"],
        created_at=row["created_at"],
        erased_at=row["erased_at"],
    )
