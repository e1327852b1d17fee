"""Forgetting: rows past their days are deleted, a bounded number at a time, so that no delete holds up a ping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from server.store.pool import Connection, Pool

_ROWS = 5000
"""Rows in one transaction: some tens of milliseconds."""


class Ages(NamedTuple):
    """How old rows may become; `signatures` is how far a signed message's time may be off, which its row outlives."""

    pings: timedelta
    events: timedelta
    tokens: timedelta
    webhooks: timedelta = timedelta(days=30)
    signatures: timedelta = timedelta(minutes=5)


def _oldest(table: str, moment: str, also: str = "") -> str:
    return (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608  names of ours, no input
        f"SELECT ctid FROM {table} WHERE {moment} < now() - $1::interval{also} LIMIT $2))"
    )


FORGET: Mapping[str, str] = {
    "pings": _oldest("pings", "received_at"),
    "skies": _oldest("skies", "used_at"),
    "visits": _oldest("visits", "at"),
    "trials": _oldest("trials", "started_at"),
    "replays": _oldest("replays", "created_at"),
    "pass_jobs": _oldest("pass_jobs", "created_at", " AND state <> 'running'"),
    "receipt_lines": _oldest("receipt_lines", "at"),
    "receipts": _oldest("receipts", "at"),
    "app_events": _oldest("app_events", "received_at"),
    "customer_events": _oldest("customer_events", "at"),
    "external_sends": _oldest("external_sends", "received_at"),
    "google_callbacks": _oldest("google_callbacks", "received_at"),
    "occasions": _oldest("occasions", "at"),
    "firings": _oldest("firings", "at", " AND next_chunk = 1024"),
    "deliveries": _oldest("deliveries", "created_at"),
    "happened_cells": _oldest("happened_cells", "slot"),
    "webhook_events": _oldest("webhook_events", "at"),
    "webhook_calls": _oldest("webhook_calls", "queued_at"),
    "moments": _oldest("moments", "created_at", " AND pass_serial IS NULL"),
    "customer_tokens": _oldest("customer_tokens", "coalesce(last_used_at, created_at)"),
    "idempotency_keys": _oldest("idempotency_keys", "created_at"),
    "signed_messages": _oldest("signed_messages", "at"),
    "sessions": _oldest("sessions", "ends_at"),
    "half_logins": _oldest("half_logins", "ends_at"),
    "login_failures": _oldest("login_failures", "at"),
}
"""By table, what deletes the oldest rows: $1 the age, $2 how many at most."""


_OF_EVENTS = (
    "happened_cells",
    "receipt_lines",
    "receipts",
    "trials",
    "app_events",
    "customer_events",
    "external_sends",
    "deliveries",
    "moments",
)


def ages_by_table(ages: Ages) -> Mapping[str, timedelta]:
    """Tell how old each table's rows may become; idempotency keys live 7 days, for tills that were offline at a weekend.

    What is older than a day is decided on no more, so occasions go after two; firings stay a month, replays and
    jobs on passes a quarter, to look back at.
    """
    return {
        "pings": ages.pings,
        "skies": ages.pings + timedelta(days=2),  # they are noted as used at most twice a day
        "visits": ages.pings + timedelta(days=2),  # a phone that was offline tells of them a day late: then they count
        **dict.fromkeys(_OF_EVENTS, ages.events),
        "customer_tokens": ages.tokens,
        **dict.fromkeys(("webhook_events", "webhook_calls"), ages.webhooks),
        "occasions": timedelta(days=2),
        "replays": timedelta(days=90),
        "pass_jobs": timedelta(days=90),
        "firings": timedelta(days=30),
        "google_callbacks": timedelta(days=30),  # a message is good for less: by then it cannot come again
        "idempotency_keys": timedelta(days=7),
        # A message may be signed as far ahead as behind; the hour is for clocks that are set.
        "signed_messages": 2 * ages.signatures + timedelta(hours=1),
        "sessions": timedelta(days=1),
        "half_logins": timedelta(days=1),
        "login_failures": timedelta(days=1),
    }


async def forget_some(db: Connection, *, table: str, age: timedelta, rows: int = _ROWS) -> int:
    """Delete at most `rows` rows of the table that are older than `age`; give how many."""
    status = await db.execute(FORGET[table], age, rows)
    return int(status.rpartition(" ")[2])


async def forget(pool: Pool, *, ages: Ages, rows: int = _ROWS) -> Mapping[str, int]:
    """Delete all that is too old, table by table; give how many rows went."""
    gone = {}
    for table, age in ages_by_table(ages).items():
        gone[table] = 0
        while True:
            async with pool.transaction() as db:
                deleted = await forget_some(db, table=table, age=age, rows=rows)
            gone[table] += deleted
            if deleted < rows:
                break
    return gone
