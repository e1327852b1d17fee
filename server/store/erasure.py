"""Everything that is one customer's, table by table: what an export gives them, and what an erasure leaves.

Rule 1: TABLES names every table that holds rows of customers; a test compares it with the database's own catalogue.
Rule 2: ledgers stay and lose the customer: nothing in them tells any more whose they were.
Rule 3: secrets that are not the customer's to read (hashes, sealed tokens) are in no export.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection

# Where the row of the customer's external id lies: `server.model.ids.bucket_of_text`, the last ten of the first 32 bits.
_NAMED_AT = (
    "((get_byte(sha256(convert_to(c.external_id, 'UTF8')), 2) & 3) << 8"
    " | get_byte(sha256(convert_to(c.external_id, 'UTF8')), 3))::smallint"
)

# $1 the customer's bucket, $2 their id.
TABLES: Mapping[str, str] = {
    "customers": "SELECT to_jsonb(t) FROM customers t WHERE t.bucket = $1 AND t.id = $2",
    "external_ids": "SELECT to_jsonb(t) FROM customers c JOIN external_ids t"  # noqa: S608  an expression of ours
    f" ON t.bucket = {_NAMED_AT} AND t.external_id = c.external_id AND t.customer_id = c.id"
    " WHERE c.bucket = $1 AND c.id = $2",
    "customer_state": "SELECT to_jsonb(t) FROM customer_state t WHERE t.bucket = $1 AND t.customer_id = $2",
    "customer_tokens": "SELECT to_jsonb(t) - 'hash' FROM customer_tokens t WHERE t.bucket = $1 AND t.customer_id = $2",
    "consents": "SELECT to_jsonb(t) FROM consents t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at, t.id",
    "devices": "SELECT to_jsonb(t) FROM devices t WHERE t.bucket = $1 AND t.customer_id = $2",
    "push_tokens": "SELECT to_jsonb(t) - 'hash' FROM push_tokens t WHERE t.customer_id = $2 AND $1::smallint IS NOT NULL",
    "customer_events": "SELECT to_jsonb(t) FROM customer_events t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "external_sends": "SELECT to_jsonb(t) FROM external_sends t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "occasions": "SELECT to_jsonb(t) FROM occasions t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "segment_members": "SELECT to_jsonb(t) FROM segment_members t WHERE t.bucket = $1 AND t.customer_id = $2",
    "pings": "SELECT to_jsonb(t) FROM pings t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "trials": "SELECT to_jsonb(t) FROM trials t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.started_at",
    "visits": "SELECT to_jsonb(t) FROM visits t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "receipt_lines": "SELECT to_jsonb(t) FROM receipts r JOIN receipt_lines t ON t.bucket = r.bucket AND t.receipt_id = r.id"
    " WHERE r.bucket = $1 AND r.customer_id = $2 ORDER BY t.at",
    "receipts": "SELECT to_jsonb(t) FROM receipts t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "moments": "SELECT to_jsonb(t) FROM moments t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.created_at",
    "deliveries": "SELECT to_jsonb(t) - 'device_hash' FROM deliveries t WHERE t.bucket = $1 AND t.customer_id = $2"
    " ORDER BY t.created_at",
    "app_events": "SELECT to_jsonb(t) FROM app_events t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "webhook_events": "SELECT to_jsonb(t) FROM webhook_events t WHERE t.bucket = $1 AND t.customer_id = $2 ORDER BY t.at",
    "webhook_calls": "SELECT to_jsonb(t) - 'lease' FROM webhook_events e"
    " JOIN webhook_calls t ON t.bucket = e.bucket AND t.event_id = e.id"
    " WHERE e.bucket = $1 AND e.customer_id = $2 ORDER BY t.queued_at",
    "passes": "SELECT to_jsonb(t) - 'token_sealed' FROM passes t WHERE t.bucket = $1 AND t.customer_id = $2",
    "registrations": "SELECT to_jsonb(t) - 'device_hash' FROM registrations t"
    " JOIN passes p ON p.bucket = t.pass_bucket AND p.serial = t.serial WHERE p.bucket = $1 AND p.customer_id = $2",
    "google_objects": "SELECT to_jsonb(t) - 'totp_sealed' FROM google_objects t JOIN passes p USING (bucket, serial)"
    " WHERE p.bucket = $1 AND p.customer_id = $2",
    "google_callbacks": "SELECT to_jsonb(t) - 'nonce_hash' FROM google_callbacks t JOIN passes p USING (bucket, serial)"
    " WHERE p.bucket = $1 AND p.customer_id = $2 ORDER BY t.received_at",
    "redemptions": "SELECT to_jsonb(t) FROM redemptions t JOIN passes p USING (bucket, serial)"
    " WHERE p.bucket = $1 AND p.customer_id = $2 ORDER BY t.redeemed_at",
    "reversals": "SELECT to_jsonb(t) FROM reversals t JOIN passes p USING (bucket, serial)"
    " WHERE p.bucket = $1 AND p.customer_id = $2 ORDER BY t.reversed_at",
    "offline_redemptions": "SELECT to_jsonb(t) - 'digest' FROM offline_redemptions t JOIN passes p USING (bucket, serial)"
    " WHERE p.bucket = $1 AND p.customer_id = $2 ORDER BY t.received_at",
    "idempotency_keys": "SELECT to_jsonb(t) - 'body' - 'body_hash' FROM idempotency_keys t"
    " WHERE t.bucket = $1 AND t.principal = 'customer:' || $2::uuid",
}
"""By table, what reads a customer's rows as JSON."""


async def export(db: Connection, *, customer_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Read all that is stored of a customer, by table. Wants one snapshot: a repeatable-read transaction."""
    document = {}
    for table, sql in TABLES.items():
        rows = await db.fetch(sql, bucket_of(customer_id), customer_id)
        document[table] = [json.loads(row[0]) for row in rows]
    return document


_LAST_WORD = "(channel = 'apple_wallet' AND state IN ('queued', 'leased'))"

# In this order: the moments first, since the answers of phones wait for their rows; the customer's own row last.
ERASE: Mapping[str, str] = {
    "moments": "UPDATE moments SET customer_id = NULL, title = '', body = '', snoozed_until = NULL"
    " WHERE bucket = $1 AND customer_id = $2",
    # What waits for a wallet goes on for some seconds: it will ask, and hear that the passes are void (store.farewell).
    "deliveries": "UPDATE deliveries SET customer_id = NULL, device_id = NULL,"  # noqa: S608  words of ours
    f" leased_until = CASE WHEN {_LAST_WORD} THEN leased_until END, lease = CASE WHEN {_LAST_WORD} THEN lease END,"
    f" device_hash = CASE WHEN {_LAST_WORD} THEN device_hash END,"
    f" deliver_by = CASE WHEN {_LAST_WORD} THEN least(deliver_by, clock_timestamp() + interval '45 seconds')"
    " ELSE deliver_by END,"
    f" state = CASE WHEN state IN ('queued', 'leased') AND NOT {_LAST_WORD} THEN 'suppressed' ELSE state END,"
    f" reason = CASE WHEN state IN ('queued', 'leased') AND NOT {_LAST_WORD} THEN 'erased' ELSE reason END"
    " WHERE bucket = $1 AND customer_id = $2",
    "app_events": "UPDATE app_events SET customer_id = NULL WHERE bucket = $1 AND customer_id = $2",
    "webhook_events": "UPDATE webhook_events SET customer_id = NULL, data = data - 'customer_id'"
    " WHERE bucket = $1 AND customer_id = $2",
    "registrations": "UPDATE registrations t SET erased_at = clock_timestamp() FROM passes p"
    " WHERE p.bucket = $1 AND p.customer_id = $2 AND t.pass_bucket = p.bucket AND t.serial = p.serial",
    "google_callbacks": "DELETE FROM google_callbacks t USING passes p WHERE p.bucket = $1 AND p.customer_id = $2"
    " AND t.bucket = p.bucket AND t.serial = p.serial",
    "passes": "UPDATE passes SET customer_id = NULL, erased_at = clock_timestamp(), design = design - '{holder,near}'::text[]"
    " WHERE bucket = $1 AND customer_id = $2",
    "customer_tokens": "DELETE FROM customer_tokens WHERE bucket = $1 AND customer_id = $2",
    "push_tokens": "DELETE FROM push_tokens WHERE customer_id = $2 AND $1::smallint IS NOT NULL",
    "devices": "DELETE FROM devices WHERE bucket = $1 AND customer_id = $2",
    "customer_events": "DELETE FROM customer_events WHERE bucket = $1 AND customer_id = $2",
    "occasions": "DELETE FROM occasions WHERE bucket = $1 AND customer_id = $2",
    "segment_members": "DELETE FROM segment_members WHERE bucket = $1 AND customer_id = $2",
    "pings": "DELETE FROM pings WHERE bucket = $1 AND customer_id = $2",
    "trials": "DELETE FROM trials WHERE bucket = $1 AND customer_id = $2",
    "visits": "DELETE FROM visits WHERE bucket = $1 AND customer_id = $2",
    "receipt_lines": "DELETE FROM receipt_lines t USING receipts r WHERE r.bucket = $1 AND r.customer_id = $2"
    " AND t.bucket = r.bucket AND t.receipt_id = r.id",
    "receipts": "DELETE FROM receipts WHERE bucket = $1 AND customer_id = $2",
    "consents": "DELETE FROM consents WHERE bucket = $1 AND customer_id = $2",
    "customer_state": "DELETE FROM customer_state WHERE bucket = $1 AND customer_id = $2",
    "external_sends": "DELETE FROM external_sends WHERE bucket = $1 AND customer_id = $2",
    "idempotency_keys": "DELETE FROM idempotency_keys WHERE bucket = $1 AND principal = 'customer:' || $2::uuid",
    "external_ids": "DELETE FROM external_ids t USING customers c WHERE c.bucket = $1"  # noqa: S608  an expression of ours
    " AND c.id = $2"
    f" AND t.bucket = {_NAMED_AT} AND t.external_id = c.external_id AND t.customer_id = c.id",
    "customers": "DELETE FROM customers WHERE bucket = $1 AND id = $2",
}
"""By table, what erases a customer's rows, or takes the customer out of them."""

KEPT: Mapping[str, str] = {
    "webhook_calls": "which endpoint was told of which event; the event names nobody any more",
    "google_objects": "what Google has of a pass that belongs to nobody any more: it is still to be switched off there",
    "redemptions": "the ledger of uses; the pass it names belongs to nobody any more",
    "offline_redemptions": "what came of uses that tills gave offline; the pass it names belongs to nobody any more",
    "reversals": "the ledger of uses; the pass it names belongs to nobody any more",
}
"""Tables whose rows stay as they are, and why that tells nothing."""


async def erase(db: Connection, *, customer_id: UUID) -> bool:
    """Erase a customer, and tell whether there was one. Needs a transaction; passes are voided before."""
    done = ""
    for sql in ERASE.values():
        done = await db.execute(sql, bucket_of(customer_id), customer_id)
    return done.endswith(" 1")
