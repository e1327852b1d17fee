"""News for Apple's wallets: a row of the outbox for each wallet that holds a pass which has just been numbered.

Rule 1: the row is written in the transaction that numbers, so a change that has a number is a change that will be told.
Rule 2: one row per wallet, whatever changed: the push has no contents, and the wallet asks for everything since its tag. A row
        that is being leased meanwhile is waited for, and then another one is written: the wallet may have asked already.
Rule 3: who waits goes first. The outbox takes what has been due longest; so what changed at a counter counts as due since
        yesterday, and a campaign's hundred thousand stand behind it.
Rule 4: of an erased customer's pass a wallet hears within seconds or never.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from server.store.ids import new_id
from server.store.pass_tags import Numbered
from server.store.pool import Connection

AHEAD: Final = timedelta(days=1)
"""Longer than any campaign takes to be sent."""

# The devices of a pass are few. One that holds passes of a living and of an erased customer is told as the living one's.
WALLETS = """
SELECT told.bucket, r.device_hash, (array_agg(told.customer_id ORDER BY told.customer_id))[1] AS customer_id,
       bool_or(told.urgent) AS urgent,
       CASE WHEN bool_or(told.customer_id IS NOT NULL) THEN NULL ELSE max(told.erased_at) END AS erased_at
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::boolean[])
     AS told (bucket, serial, customer_id, erased_at, urgent)
JOIN registrations r ON r.pass_bucket = told.bucket AND r.serial = told.serial
WHERE r.apns AND r.push_token IS NOT NULL
GROUP BY told.bucket, r.device_hash ORDER BY told.bucket, r.device_hash
"""

# A row that was tried keeps its pause: the service asked for it.
WRITE = """
INSERT INTO deliveries (bucket, id, customer_id, channel, way, device_hash, not_before, deliver_by, created_at)
SELECT news.bucket, news.id, news.customer_id, 'apple_wallet', 'apple_wallet', news.device_hash,
       clock_timestamp() - CASE WHEN news.urgent THEN $6::interval ELSE interval '0' END,
       CASE WHEN news.customer_id IS NULL THEN coalesce(news.erased_at, clock_timestamp()) + $8::interval
            ELSE clock_timestamp() + $7::interval END,
       clock_timestamp()
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::bytea[], $5::boolean[], $9::timestamptz[])
     AS news (bucket, id, customer_id, device_hash, urgent, erased_at)
ON CONFLICT (bucket, device_hash) WHERE channel = 'apple_wallet' AND state = 'queued' DO UPDATE
SET not_before = CASE WHEN deliveries.attempts = 0 THEN least(deliveries.not_before, excluded.not_before)
                      ELSE deliveries.not_before END,
    deliver_by = greatest(deliveries.deliver_by, excluded.deliver_by),
    customer_id = coalesce(excluded.customer_id, deliveries.customer_id)
"""


async def tell(db: Connection, numbered: Sequence[Numbered], *, within: timedelta, farewell: timedelta) -> int:
    """Write the rows for passes that were numbered in this transaction, and tell how many wallets will hear.

    `within` bounds how long a push is tried, `farewell` that of an erased customer from the erasure on.
    """
    rows = await db.fetch(WALLETS, *(list(column) for column in zip(*numbered, strict=True))) if numbered else []
    if rows:
        await db.execute(
            WRITE,
            [row["bucket"] for row in rows],
            [new_id(bucket=row["bucket"]) for row in rows],
            [row["customer_id"] for row in rows],
            [row["device_hash"] for row in rows],
            [row["urgent"] for row in rows],
            AHEAD,
            within,
            farewell,
            [row["erased_at"] for row in rows],
        )
    return len(rows)
