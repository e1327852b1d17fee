"""The last word to the wallets of an erased customer: their passes are void. Then nothing names a wallet any more.

Rule 1: what stays for it belongs to nobody: the hash of a device's id beside a pass without a customer, and for seconds the
        token that the push goes to.
Rule 2: the push token goes PUSH_WITHIN after the erasure, whether the push arrived or not; so does the wallet's name in the
        outbox.
Rule 3: the registration goes once the wallet has fetched its void pass, else with the setting `privacy.farewell_s`: a phone
        that was switched off asks when it comes back. With it goes the time of the erasure: nothing tells any more which
        passes were erased together.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection

PUSH_WITHIN: Final = timedelta(seconds=45)
"""Everything but a device's hash is gone within a minute of the erasure; the job comes every few seconds."""

QUIET = """
UPDATE registrations SET push_token = NULL
WHERE erased_at < now() - $1::interval AND push_token IS NOT NULL
"""
UNNAME = """
UPDATE deliveries SET device_hash = NULL, lease = NULL, leased_until = NULL,
       state = CASE WHEN state IN ('queued', 'leased') THEN 'expired' ELSE state END,
       reason = CASE WHEN state IN ('queued', 'leased') THEN 'erased' ELSE reason END,
       finished_at = CASE WHEN state IN ('queued', 'leased') THEN clock_timestamp() ELSE finished_at END
WHERE customer_id IS NULL AND device_hash IS NOT NULL
  AND (state NOT IN ('queued', 'leased') OR deliver_by < now())
"""
CLOSE = "UPDATE passes SET erased_at = NULL WHERE erased_at < now() - $1::interval"
LEAVE = "DELETE FROM registrations WHERE erased_at < now() - $1::interval"


async def end(db: Connection, *, after: timedelta) -> None:
    """Take away what is over: tokens and names in the outbox after PUSH_WITHIN, all the rest `after` the erasure."""
    await db.execute(QUIET, PUSH_WITHIN)
    await db.execute(UNNAME)
    await db.execute(LEAVE, after)
    await db.execute(CLOSE, after)


# Of several wallets with one pass nobody knows which one fetched it: they keep theirs for the day. (coalesce: the pass's own
# rows, not out of the index of all that were erased.)
HEARD = """
DELETE FROM registrations r WHERE r.pass_bucket = $1 AND r.serial = $2 AND coalesce(r.erased_at, 'infinity') < 'infinity'
AND NOT EXISTS (SELECT FROM registrations o WHERE o.pass_bucket = $1 AND o.serial = $2 AND o.device_hash <> r.device_hash)
"""


async def heard(db: Connection, *, serial: UUID) -> None:
    """Forget the wallet of an erased customer's pass that has just been fetched, if there is but one."""
    await db.execute(HEARD, bucket_of(serial), serial)
