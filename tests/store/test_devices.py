"""Devices: which token belongs to whom (the doors' tests are in tests/web/test_devices.py)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from server.store import devices
from server.store.devices import Device, Gone
from server.store.ids import new_id
from server.store.pool import Connection

BROWSER = {"endpoint": "https://push.example/1", "keys": {"p256dh": "a", "auth": "b"}}


@pytest.mark.parametrize(
    ("device", "address"),
    [
        (Device("one", "ios", push_token="abc"), "abc"),
        (Device("one", "web", subscription=BROWSER), "https://push.example/1"),
        (Device("one", "android"), None),
    ],
)
def test_a_devices_address_is_what_the_push_service_knows_it_by(device: Device, address: str | None) -> None:
    assert device.address == address


async def test_a_token_that_was_changed_is_free_for_others(db: Connection) -> None:
    one, two = new_id(), new_id()
    async with db.transaction():
        await devices.put(db, customer_id=one, device=Device("a", "ios", push_token="old"))
        await devices.put(db, customer_id=one, device=Device("a", "ios", push_token="new"))
        await devices.put(db, customer_id=two, device=Device("b", "ios", push_token="old"))
    rows = await db.fetch("SELECT customer_id, push_token, disabled_at FROM devices ORDER BY device_id")
    assert [(row["customer_id"], row["push_token"], row["disabled_at"]) for row in rows] == [
        (one, "new", None),
        (two, "old", None),
    ]


async def test_a_device_that_lost_its_token_gets_it_back_by_registering_again(db: Connection) -> None:
    one, two = new_id(), new_id()
    for owner in (one, two, one):
        async with db.transaction():
            await devices.put(db, customer_id=owner, device=Device("a", "ios", push_token="abc"))
    bound = await db.fetch("SELECT customer_id FROM devices WHERE push_token = 'abc' AND disabled_at IS NULL")
    assert [row["customer_id"] for row in bound] == [one]
    assert await db.fetchval("SELECT customer_id FROM push_tokens") == one


async def test_forgetting_a_device_leaves_anothers_token(db: Connection) -> None:
    one, two = new_id(), new_id()
    async with db.transaction():
        await devices.put(db, customer_id=one, device=Device("a", "web", subscription=BROWSER))
        await devices.put(db, customer_id=two, device=Device("a", "web", subscription=BROWSER))
        await devices.delete(db, customer_id=one, device_id="a")
    assert await db.fetchval("SELECT customer_id FROM push_tokens") == two
    assert await db.fetchval("SELECT count(*) FROM devices") == 1


async def test_the_same_device_id_of_a_neighbour_is_another_device(undone: Connection) -> None:
    one, neighbour = new_id(bucket=5), new_id(bucket=5)
    for owner, token in ((one, "t1"), (neighbour, "t2")):
        await devices.put(undone, customer_id=owner, device=Device("a", "ios", push_token=token))
    await devices.delete(undone, customer_id=one, device_id="a")
    rows = await undone.fetch("SELECT customer_id, push_token FROM devices")
    assert [tuple(row) for row in rows] == [(neighbour, "t2")]
    assert await undone.fetchval("SELECT array_agg(customer_id) FROM push_tokens") == [neighbour]


async def test_a_device_that_is_put_again_is_changed_and_not_doubled(undone: Connection) -> None:
    one = new_id()
    await devices.put(undone, customer_id=one, device=Device("a", "ios", push_token="t", app_version="1"))
    await devices.put(undone, customer_id=one, device=Device("a", "web", subscription=BROWSER))
    [row] = await undone.fetch("SELECT platform, push_token, subscription->>'endpoint' AS at, app_version FROM devices")
    assert tuple(row) == ("web", None, BROWSER["endpoint"], None)
    assert await undone.fetchval("SELECT count(*) FROM push_tokens") == 1


async def test_a_device_without_an_address_holds_no_token_and_gives_up_the_one_it_had(undone: Connection) -> None:
    one, two = new_id(), new_id()
    await devices.put(undone, customer_id=one, device=Device("a", "android", push_token="t"))
    await devices.put(undone, customer_id=one, device=Device("a", "android"))
    assert await undone.fetchval("SELECT count(*) FROM push_tokens") == 0
    await devices.put(undone, customer_id=two, device=Device("b", "android", push_token="t"))
    assert await undone.fetchval("SELECT customer_id FROM push_tokens") == two
    assert await undone.fetchval("SELECT disabled_at FROM devices WHERE customer_id = $1", one) is None


async def test_one_customers_second_phone_takes_the_token_from_the_first(undone: Connection) -> None:
    one = new_id()
    for name in ("old", "new"):
        await devices.put(undone, customer_id=one, device=Device(name, "ios", push_token="t"))
    rows = await undone.fetch("SELECT device_id, push_token, disabled_at IS NULL AS on FROM devices ORDER BY device_id")
    assert [tuple(row) for row in rows] == [("new", "t", True), ("old", None, False)]


async def test_what_is_not_there_is_forgotten_without_a_word(undone: Connection) -> None:
    await devices.delete(undone, customer_id=new_id(), device_id="a")
    await devices.forget_token(undone, customer_id=new_id(), device_id="a")
    assert await undone.fetchval("SELECT count(*) FROM devices") == 0


async def test_only_the_hash_of_a_token_is_its_key(undone: Connection) -> None:
    await devices.put(undone, customer_id=new_id(), device=Device("a", "ios", push_token="secret-token"))
    [row] = await undone.fetch("SELECT bucket, hash FROM push_tokens")
    digest = hashlib.sha256(b"secret-token").digest()
    assert (row["bucket"], row["hash"]) == (int.from_bytes(digest[:4], "big") % 1024, digest)


SOON = datetime.now(UTC) + timedelta(days=1)
LONG_AGO = SOON - timedelta(days=9)


@pytest.mark.parametrize(
    ("device", "address"),
    [(Device("a", "ios", push_token="abc"), "abc"), (Device("a", "web", subscription=BROWSER), BROWSER["endpoint"])],
)
async def test_a_dead_address_is_turned_off_and_free_for_others(db: Connection, device: Device, address: str) -> None:
    one, two = new_id(), new_id()
    async with db.transaction():
        await devices.put(db, customer_id=one, device=device)
    assert await devices.turn_off(db, gone=[Gone(one, "a", address, SOON)]) == ["a"]
    row = await db.fetchrow("SELECT push_token, subscription, disabled_at FROM devices")
    assert row is not None
    assert (row["push_token"], row["subscription"]) == (None, None)
    assert row["disabled_at"] is not None
    assert await db.fetchval("SELECT count(*) FROM push_tokens") == 0
    async with db.transaction():
        await devices.put(db, customer_id=two, device=device)
    assert await db.fetchval("SELECT customer_id FROM push_tokens") == two


async def test_an_address_that_was_registered_after_it_died_is_alive(db: Connection) -> None:
    one = new_id()
    async with db.transaction():
        await devices.put(db, customer_id=one, device=Device("a", "ios", push_token="abc"))
    assert await devices.turn_off(db, gone=[Gone(one, "a", "abc", LONG_AGO)]) == []
    assert await db.fetchval("SELECT push_token FROM devices") == "abc"
    assert await db.fetchval("SELECT count(*) FROM push_tokens") == 1


async def test_a_device_that_has_another_address_by_now_keeps_it(db: Connection) -> None:
    one = new_id()
    for token in ("old", "new"):
        async with db.transaction():
            await devices.put(db, customer_id=one, device=Device("a", "ios", push_token=token))
    assert await devices.turn_off(db, gone=[Gone(one, "a", "old", SOON)]) == []
    assert await db.fetchval("SELECT push_token FROM devices") == "new"


async def test_of_many_dead_addresses_each_is_judged_by_itself(db: Connection) -> None:
    owners = [new_id() for _ in range(4)]
    for number, owner in enumerate(owners):
        async with db.transaction():
            await devices.put(db, customer_id=owner, device=Device(f"d{number}", "ios", push_token=f"t{number}"))
    gone = [Gone(owner, f"d{n}", f"t{n}", LONG_AGO if n == 2 else SOON) for n, owner in enumerate(owners)]
    assert sorted(await devices.turn_off(db, gone=gone)) == ["d0", "d1", "d3"]
    assert await db.fetchval("SELECT array_agg(push_token) FROM devices WHERE push_token IS NOT NULL") == ["t2"]
