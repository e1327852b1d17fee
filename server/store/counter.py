"""What the counter asks before and after a claim: why not, may I keep it, and how often did this till mistype."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.money import Money
from server.model.pass_ import PassState
from server.store.pool import Connection
from server.store.redemptions import Till


@dataclass(frozen=True, slots=True)
class Seen:
    """A pass as the counter sees it at `now` (the database's): everything that may speak against a redemption.

    `taken_here` whether this store takes it; `held` whether another till holds it; `waits_until` until when this till
    waits after wrong codes; `last_at` and `last_store` tell its latest redemption that still stands, `step_at` and
    `step_store` the one that was made with the same digits of a changing barcode.
    """

    serial: UUID
    state: PassState
    reward: Mapping[str, Any]
    uses_left: int
    valid_from: datetime
    valid_until: datetime | None
    taken_here: bool
    held: bool
    minimum: Money | None
    waits_until: datetime | None
    last_at: datetime | None
    last_store: UUID | None
    now: datetime
    step_at: datetime | None = None
    step_store: UUID | None = None


LOOK = """
SELECT p.serial, p.state, p.reward, p.uses_left, p.valid_from, p.valid_until, p.minimum_minor, p.minimum_currency, t.now,
       (p.places IS NULL OR $3::uuid = ANY (p.places))
       AND (p.place_tag IS NULL OR EXISTS (SELECT FROM stores s WHERE s.id = $3::uuid AND p.place_tag = ANY (s.tags)))
           AS taken_here,
       coalesce(p.held_until > t.now AND p.held_by <> $4::text, false) AS held,
       (SELECT w.since + interval '1 minute' FROM wrong_codes w
        WHERE w.till_id = $4::text AND w.count >= $5 AND w.since > t.now - interval '1 minute') AS waits_until,
       last.redeemed_at AS last_at, last.store_id AS last_store, step.redeemed_at AS step_at, step.store_id AS step_store
FROM passes p CROSS JOIN (SELECT clock_timestamp() AS now OFFSET 0) AS t
LEFT JOIN LATERAL (
    SELECT r.redeemed_at, r.store_id FROM redemptions r
    WHERE r.bucket = p.bucket AND r.serial = p.serial
      AND NOT EXISTS (SELECT FROM reversals v WHERE v.bucket = r.bucket AND v.redemption_id = r.id)
    ORDER BY r.use_no DESC LIMIT 1
) AS last ON true
LEFT JOIN redemptions step ON step.bucket = p.bucket AND step.serial = p.serial AND step.totp_step = $6
WHERE p.bucket = $1 AND p.serial = $2
"""


async def look(db: Connection, *, serial: UUID, till: Till, step: int | None = None) -> Seen | None:
    """Look at a pass with the eyes of a till that scanned this step of a changing barcode; None where there is none."""
    row = await db.fetchrow(LOOK, bucket_of(serial), serial, till.store_id, till.id, till.wrong_codes, step)
    if row is None:
        return None
    minimum = row["minimum_minor"]
    return Seen(
        serial=row["serial"],
        state=PassState(row["state"]),
        reward=json.loads(row["reward"]),
        uses_left=row["uses_left"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        taken_here=row["taken_here"],
        held=row["held"],
        minimum=None if minimum is None else Money(minimum, row["minimum_currency"]),
        waits_until=row["waits_until"],
        last_at=row["last_at"],
        last_store=row["last_store"],
        now=row["now"],
        step_at=row["step_at"],
        step_store=row["step_store"],
    )


HOLD = """
UPDATE passes SET held_by = $4, held_until = clock_timestamp() + $5::interval
WHERE bucket = $1 AND serial = $2 AND state = 'active' AND uses_left > 0
  AND valid_from <= clock_timestamp() AND (valid_until IS NULL OR valid_until > clock_timestamp())
  AND (places IS NULL OR $3::uuid = ANY (places))
  AND (place_tag IS NULL OR EXISTS (SELECT FROM stores s WHERE s.id = $3::uuid AND place_tag = ANY (s.tags)))
  AND (held_until IS NULL OR held_until <= clock_timestamp() OR held_by = $4)
RETURNING held_until
"""


async def hold(db: Connection, *, serial: UUID, till: Till, length: timedelta) -> datetime | None:
    """Keep a pass for a till, and tell until when; None where it could not be redeemed there now."""
    until: datetime | None = await db.fetchval(HOLD, bucket_of(serial), serial, till.store_id, till.id, length)
    return until


class Mistyped(NamedTuple):
    """How many wrong codes a till has given within its minute, and how many seconds of it are left."""

    times: int
    rest_s: float


# The minute begins with the first wrong code: thirty in a row are thirty, whenever they come.
MISTYPED = """
INSERT INTO wrong_codes AS w (till_id, since, count) VALUES ($1, clock_timestamp(), 1)
ON CONFLICT (till_id) DO UPDATE SET
    since = CASE WHEN w.since > clock_timestamp() - interval '1 minute' THEN w.since ELSE clock_timestamp() END,
    count = CASE WHEN w.since > clock_timestamp() - interval '1 minute' THEN w.count + 1 ELSE 1 END
RETURNING count, extract(epoch FROM since + interval '1 minute' - clock_timestamp())::float8 AS rest_s
"""


async def count_wrong(db: Connection, *, till_id: str) -> Mistyped:
    """Count a wrong code; to be committed whatever becomes of the request."""
    row = await db.fetchrow(MISTYPED, till_id)
    assert row is not None  # noqa: S101  an upsert returns its row
    return Mistyped(row["count"], row["rest_s"])


WAITS = """
SELECT extract(epoch FROM since + interval '1 minute' - clock_timestamp())::float8 FROM wrong_codes
WHERE till_id = $1 AND count >= $2 AND since > clock_timestamp() - interval '1 minute'
"""


async def waits(db: Connection, *, till: Till) -> float | None:
    """Tell for how many seconds yet a till waits after wrong codes; None for one that need not."""
    rest_s: float | None = await db.fetchval(WAITS, till.id, till.wrong_codes)
    return rest_s
