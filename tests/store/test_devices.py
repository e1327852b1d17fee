"""Devices: which token belongs to whom (the doors' tests are in tests/web/test_devices.py)."""

from __future__ import annotations

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
