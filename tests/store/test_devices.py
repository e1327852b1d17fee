"""Devices: which token belongs to whom (the doors' tests are in tests/web/test_devices.py)."""

from __future__ import annotations

import hashlib

import pytest

from server.store import devices
from server.store.devices import Device
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
