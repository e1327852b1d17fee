"""The last word to an erased customer's wallets, and how soon nothing names them any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import farewell
from server.store.ids import new_id
from server.store.pool import Connection
from tests.store.test_pass_jobs import add_pass

DAY = timedelta(days=1)


async def erased(db: Connection, *, ago_s: float, device: bytes = b"phone") -> UUID:
    """A pass whose customer was erased so long ago, in a wallet."""
    serial = await add_pass(db, state="voided")
    ago = timedelta(seconds=ago_s)
    await db.execute(
        "UPDATE passes SET customer_id = NULL, erased_at = now() - $2::interval WHERE serial = $1", serial, ago
    )
    await register(db, serial, device=device, erased_ago=ago)
    return serial


async def register(db: Connection, serial: UUID, *, device: bytes, erased_ago: timedelta | None = None) -> None:
    await db.execute(
        "INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket, push_token, erased_at) "
        "VALUES (1, $1, 't', $2, $3, 'aa', now() - $4::interval)",
        device,
        serial,
        bucket_of(serial),
        erased_ago,
    )


async def column(db: Connection, sql: str) -> list[Any]:
    return [row[0] for row in await db.fetch(sql)]


async def test_the_token_goes_within_a_minute_and_the_rest_after_a_day(db: Connection) -> None:
    for ago_s in (5, 50, 80_000, 90_000):
        await erased(db, ago_s=ago_s)
    living = await add_pass(db)
    await register(db, living, device=b"other")
    await farewell.end(db, after=DAY)
    tokens = await column(db, "SELECT push_token FROM registrations ORDER BY erased_at DESC NULLS LAST")
    assert tokens == ["aa", None, None, "aa"]
    assert await column(db, "SELECT count(*) FROM passes WHERE erased_at IS NOT NULL") == [3]
    assert await column(db, "SELECT count(*) FROM passes") == [5]


@pytest.mark.parametrize(
    ("state", "due_s", "after"),
    [
        ("queued", 20, ("queued", True)),
        ("leased", 20, ("leased", True)),
        ("queued", -1, ("expired", False)),
        ("leased", -1, ("expired", False)),
        ("delivered", 20, ("delivered", False)),
        ("dead", -1, ("dead", False)),
    ],
)
async def test_the_outbox_forgets_the_wallet_once_it_was_told_or_is_too_late(
    db: Connection, state: str, due_s: int, after: tuple[str, bool]
) -> None:
    for customer in (None, new_id()):
        await db.execute(
            "INSERT INTO deliveries (bucket, id, customer_id, channel, way, device_hash, state, not_before, deliver_by, "
            "created_at) VALUES (1, gen_random_uuid(), $1, 'apple_wallet', 'apple_wallet', $2, $3, now(), "
            "now() + make_interval(secs => $4), now())",
            customer,
            b"one" if customer else b"two",
            state,
            due_s,
        )
    await farewell.end(db, after=DAY)
    rows = await db.fetch("SELECT customer_id, state, device_hash FROM deliveries ORDER BY customer_id NULLS FIRST")
    assert (rows[0]["state"], rows[0]["device_hash"] is not None) == after
    assert (rows[1]["state"], rows[1]["device_hash"]) == (state, b"one")


async def test_the_only_wallet_that_fetched_is_forgotten_at_once_and_one_of_several_in_time(db: Connection) -> None:
    alone, shared, living = await erased(db, ago_s=5), await erased(db, ago_s=5), await add_pass(db)
    await register(db, shared, device=b"watch", erased_ago=timedelta(seconds=5))
    await register(db, living, device=b"phone")
    for serial in (alone, shared, living):
        await farewell.heard(db, serial=serial)
    assert await column(db, "SELECT DISTINCT serial FROM registrations ORDER BY 1") == sorted([shared, living])
