"""News for wallets: who is told, once each, and for how long it is tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from server.model.ids import bucket_of
from server.store import pass_news
from server.store.ids import new_id
from server.store.pass_tags import Numbered
from server.store.pool import Connection

DAYS, SECONDS = timedelta(days=3), timedelta(seconds=45)
PUSH = "aa" * 32
ERASED = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def register(db: Connection, serial: UUID, *devices: bytes, token: str | None = PUSH, apns: bool = True) -> None:
    for device in devices:
        await db.execute(
            "INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket, push_token, apns) "
            "VALUES (1, $1, 't', $2, $3, $4, $5)",
            device,
            serial,
            bucket_of(serial),
            token,
            apns,
        )


def numbered(customer: UUID | None, *, bucket: int = 7, urgent: bool = True) -> Numbered:
    return Numbered(bucket, new_id(bucket=bucket), customer, None if customer else ERASED, urgent)


async def tell(db: Connection, *passes: Numbered) -> int:
    async with db.transaction():
        return await pass_news.tell(db, passes, within=DAYS, farewell=SECONDS)


async def rows(db: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await db.fetch("SELECT * FROM deliveries ORDER BY bucket, device_hash")]


async def test_each_wallet_is_told_once_whatever_number_of_its_passes_changed(db: Connection) -> None:
    kim = new_id(bucket=7)
    passes = [numbered(kim) for _ in range(3)]
    for each in passes:
        await register(db, each.serial, b"phone")
    await register(db, passes[0].serial, b"watch")
    assert await tell(db, *passes) == 2
    assert [row["device_hash"] for row in await rows(db)] == [b"phone", b"watch"]
    assert {row["customer_id"] for row in await rows(db)} == {kim}


async def test_wallets_that_cannot_be_pushed_to_are_not(db: Connection) -> None:
    one = numbered(new_id(bucket=7))
    await register(db, one.serial, b"lost its token", token=None)
    await register(db, one.serial, b"android", token="x:y", apns=False)
    assert await tell(db, one) == 0
    assert await tell(db) == 0
    assert await rows(db) == []


async def test_one_wallet_with_passes_of_two_customers_has_a_row_of_each(db: Connection) -> None:
    kim, robin = numbered(new_id(bucket=7)), numbered(new_id(bucket=9), bucket=9)
    for each in (kim, robin):
        await register(db, each.serial, b"phone")
    assert await tell(db, kim, robin) == 2
    assert [(row["bucket"], row["customer_id"]) for row in await rows(db)] == [
        (7, kim.customer_id),
        (9, robin.customer_id),
    ]


async def test_of_an_erased_customers_pass_a_wallet_hears_within_seconds_of_the_erasure_or_never(
    db: Connection,
) -> None:
    gone = numbered(None)
    await register(db, gone.serial, b"phone")
    await tell(db, gone)
    [row] = await rows(db)
    assert (row["customer_id"], row["deliver_by"]) == (None, ERASED + SECONDS)
    # With a living customer's pass in the same wallet it is told as theirs.
    lives = numbered(new_id(bucket=7))
    await register(db, lives.serial, b"phone")
    await tell(db, gone, lives)
    [row] = await rows(db)
    assert row["customer_id"] == lives.customer_id
    assert row["deliver_by"] > ERASED + SECONDS


async def test_a_wallet_of_many_waiting_passes_goes_where_the_most_urgent_of_them_goes(db: Connection) -> None:
    kim = new_id(bucket=7)
    slow, quick = numbered(kim, urgent=False), numbered(kim)
    for each in (slow, quick):
        await register(db, each.serial, b"phone")
    await tell(db, slow)
    [before] = await rows(db)
    await tell(db, slow, quick)
    [after] = await rows(db)
    assert before["id"] == after["id"]
    assert before["not_before"] - after["not_before"] > pass_news.AHEAD - timedelta(minutes=1)
    await tell(db, slow)
    assert (await rows(db))[0]["not_before"] == after["not_before"]
