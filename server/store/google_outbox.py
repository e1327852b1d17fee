"""What the outbox needs to tell Google of passes: which, what Google has of them, and what became of it.

Rule 1: of one pass one thing is under way at a time. News that come meanwhile wait, so that no older word overtakes a newer.
Rule 2: while a send is under way nobody knows what Google has: what was known is forgotten before, and known again with
        Google's answer. Whoever dies in between, or is not answered, has the whole told again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.model.customer import Consents
from server.model.ids import bucket_of
from server.store.ids import new_id
from server.store.outbox import Leased
from server.store.pool import Connection

MOST_LINKED = 50
"""Google links no more objects to one."""

# (OFFSET 0: each row that is due asks for itself, by its key; a join would read all that is under way.)
LEASE = """
WITH due AS (
    SELECT bucket, id FROM deliveries d
    WHERE channel = 'google_wallet' AND way = 'google_wallet' AND state IN ('queued', 'leased') AND channel <> 'in_app'
      AND not_before <= $1
      AND NOT EXISTS (SELECT FROM deliveries o WHERE o.bucket = d.bucket AND o.serial = d.serial AND o.id <> d.id
                      AND o.channel = 'google_wallet' AND o.state = 'leased' OFFSET 0)
    ORDER BY not_before LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE deliveries d SET state = 'leased', lease = $3, leased_until = $4, not_before = $4, attempts = d.attempts + 1
FROM due WHERE d.bucket = due.bucket AND d.id = due.id
RETURNING d.bucket, d.id, d.lease, d.channel, d.way, d.attempts, d.deliver_by, d.created_at, d.customer_id, d.moment_id,
          d.offer_id, d.device_id, d.device_hash, d.serial
"""


async def lease(db: Connection, *, limit: int, now: datetime, for_s: float) -> list[Leased]:
    """Take rows that are due as `outbox.lease` does, of each pass one, and none while another one is out."""
    rows = await db.fetch(LEASE, now, limit, new_id(), now + timedelta(seconds=for_s))
    return [Leased(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Held:
    """A pass's row: since when it is at Google (None: not that we knew), what was sent last, and what its customer heard.

    `locale`, `zone` and `consents` are the customer's, as far as there is one.
    """

    serial: UUID
    kind: str
    known_at: datetime | None
    removed_at: datetime | None
    digests: Mapping[str, str]
    sent_state: str | None
    sent_uses: int | None
    noticed: UUID | None
    noticed_loud: bool | None
    locale: str | None
    zone: str | None
    consents: Consents
    totp_sealed: bytes | None = field(repr=False, default=None)


# The row is read as it was, and left without what nobody knows any more (Rule 2).
BEGIN = """
WITH asked AS (
    SELECT g.bucket, g.serial, g.kind, g.known_at, g.removed_at, g.digests, g.sent_state, g.sent_uses, g.noticed,
           g.noticed_loud, g.totp_sealed, w.lease
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) AS w (bucket, serial, lease)
    JOIN google_objects g ON g.bucket = w.bucket AND g.serial = w.serial
    ORDER BY g.bucket, g.serial FOR UPDATE OF g
), begun AS (
    UPDATE google_objects g SET digests = '{}', sending = asked.lease
    FROM asked WHERE g.bucket = asked.bucket AND g.serial = asked.serial
)
SELECT asked.serial, kind, known_at, removed_at, digests, sent_state, sent_uses, noticed, noticed_loud, c.locale,
       c.time_zone AS zone, coalesce(c.location, false) AS location, coalesce(c.push, false) AS push,
       coalesce(c.profiling, false) AS profiling, totp_sealed
FROM asked JOIN passes p ON p.bucket = asked.bucket AND p.serial = asked.serial
LEFT JOIN customers c ON c.bucket = p.bucket AND c.id = p.customer_id
"""


async def begin(db: Connection, *, leased: Sequence[Leased]) -> dict[UUID, Held]:
    """Give what is known of these rows' passes at Google, and note that it is known no more. Needs a transaction."""
    serials = [(each.serial, each.lease) for each in leased if each.serial is not None]
    found = await db.fetch(
        BEGIN,
        [bucket_of(serial) for serial, _ in serials],
        [serial for serial, _ in serials],
        [by for _, by in serials],
    )
    return {
        row["serial"]: Held(
            serial=row["serial"],
            kind=row["kind"],
            known_at=row["known_at"],
            removed_at=row["removed_at"],
            digests=json.loads(row["digests"]),
            sent_state=row["sent_state"],
            sent_uses=row["sent_uses"],
            noticed=row["noticed"],
            noticed_loud=row["noticed_loud"],
            locale=row["locale"],
            zone=row["zone"],
            consents=Consents(row["location"], row["push"], row["profiling"]),
            totp_sealed=row["totp_sealed"],
        )
        for row in found
    }


NOTICED = "UPDATE google_objects SET noticed = $3, noticed_loud = $4 WHERE bucket = $1 AND serial = $2"


async def noticed(db: Connection, *, serial: UUID, by: UUID, loud: bool) -> None:
    """Remember with which delivery the customer is told something, and whether with a sound."""
    await db.execute(NOTICED, bucket_of(serial), serial, by, loud)


class Sent(NamedTuple):
    """What Google took of a pass, under the lease with which it was sent."""

    serial: UUID
    lease: UUID
    digests: Mapping[str, str]
    state: str
    uses: int


SENT = """
UPDATE google_objects g SET known_at = coalesce(g.known_at, clock_timestamp()), sent_state = w.state, sent_uses = w.uses,
       digests = CASE WHEN g.sending = w.lease THEN w.digests::jsonb ELSE '{}' END, sending = NULL
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::integer[])
     AS w (bucket, serial, lease, digests, state, uses)
JOIN google_objects before ON before.bucket = w.bucket AND before.serial = w.serial
WHERE g.bucket = w.bucket AND g.serial = w.serial
RETURNING g.serial, before.sent_state IS NULL AS is_new
"""


async def sent(db: Connection, *, sent: Sequence[Sent]) -> list[UUID]:
    """Remember what Google took, and tell which passes were sent for the first time."""
    ordered = sorted(sent, key=lambda each: (bucket_of(each.serial), each.serial.int))
    rows = await db.fetch(
        SENT,
        [bucket_of(each.serial) for each in ordered],
        [each.serial for each in ordered],
        [each.lease for each in ordered],
        [json.dumps(dict(each.digests)) for each in ordered],
        [each.state for each in ordered],
        [each.uses for each in ordered],
    )
    return [row["serial"] for row in rows if row["is_new"]]


WAITING = """
SELECT EXISTS (SELECT FROM unnest($1::smallint[], $2::uuid[]) AS w (bucket, serial)
               JOIN deliveries d ON d.bucket = w.bucket AND d.serial = w.serial
               WHERE d.channel = 'google_wallet' AND d.state = 'queued')
"""


async def any_waiting(db: Connection, *, serials: Sequence[UUID]) -> bool:
    """Tell whether news of these passes wait for what was under way."""
    return bool(await db.fetchval(WAITING, [bucket_of(serial) for serial in serials], list(serials)))


OTHERS = """
SELECT p.customer_id, g.serial, g.kind = 'loyalty' AS loyalty
FROM unnest($1::smallint[], $2::uuid[]) AS w (bucket, customer_id)
JOIN passes p ON p.bucket = w.bucket AND p.customer_id = w.customer_id AND p.state = 'active'
JOIN google_objects g ON g.bucket = p.bucket AND g.serial = p.serial AND g.known_at IS NOT NULL AND g.removed_at IS NULL
ORDER BY p.created_at DESC, g.serial
"""


class Other(NamedTuple):
    """An active pass that Google has, and whether it is a loyalty card."""

    customer_id: UUID
    serial: UUID
    loyalty: bool


async def others(db: Connection, *, customers: Iterable[UUID]) -> list[Other]:
    """List all active passes of these customers that Google has, the newest first."""
    asked = sorted(set(customers), key=lambda each: (bucket_of(each), each.int))
    return [Other(*row) for row in await db.fetch(OTHERS, [bucket_of(each) for each in asked], asked)]


def linked(found: Iterable[Other], *, serial: UUID, customer_id: UUID | None, kind: str) -> list[UUID]:
    """Choose what a pass is linked to: a loyalty card to its holder's other passes, every other pass to their cards."""
    mine = [each for each in found if each.customer_id == customer_id and each.serial != serial]
    return [each.serial for each in mine if each.loyalty != (kind == "loyalty")][:MOST_LINKED]
