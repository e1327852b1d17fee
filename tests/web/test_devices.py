"""Devices: a push token belongs to whoever registered it last."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from server.errors import Invalid, Unavailable
from server.store.pool import Pool
from server.web.devices import _check_endpoint, show_push_key
from tests.web.phones import phones

IOS: dict[str, Any] = {"platform": "ios", "push_token": "abc", "app_version": "3.1"}
WEB: dict[str, Any] = {
    "platform": "web",
    "subscription": {"endpoint": "https://push.example/1", "keys": {"p256dh": "BA", "auth": "cc"}},
}

NEVER = (
    "https://user:word@push.example/1",
    "https://push.example/1#x",
    "https://10.0.0.1/1",
    "https://[fe80::1]/",
    "ftp://a.b",
)
"""Addresses that no push could ever reach."""


async def test_a_device_is_registered_changed_and_forgotten(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        assert (await phone.call("PUT", "/v1/devices/one", json=IOS)).status == 204
        assert (await phone.call("PUT", "/v1/devices/one", json=IOS | {"push_token": "def"})).status == 204
        [device] = await town.town.rows("SELECT device_id, push_token, app_version FROM devices")
        assert device == {"device_id": "one", "push_token": "def", "app_version": "3.1"}
        assert await town.town.count("SELECT count(*) FROM push_tokens") == 1
        for _ in range(2):
            assert (await phone.call("DELETE", "/v1/devices/one")).status == 204
        assert await town.town.count("SELECT count(*) FROM devices") == 0
        assert await town.town.count("SELECT count(*) FROM push_tokens") == 0


async def test_a_token_moves_to_whoever_registers_it_last(pool: Pool) -> None:
    async with phones(pool) as town:
        first, second = await town.phone(), await town.phone()
        await first.call("PUT", "/v1/devices/one", json=IOS)
        await second.call("PUT", "/v1/devices/two", json=IOS)
        devices = await town.town.rows("SELECT customer_id, push_token, disabled_at FROM devices ORDER BY device_id")
        assert [(row["customer_id"], row["push_token"]) for row in devices] == [
            (first.customer_id, None),
            (second.customer_id, "abc"),
        ]
        assert devices[0]["disabled_at"] is not None
        await first.call("DELETE", "/v1/devices/one")
        [owner] = await town.town.rows("SELECT customer_id FROM push_tokens")
        assert owner["customer_id"] == second.customer_id


async def test_a_token_registered_by_many_at_once_has_one_owner(pool: Pool) -> None:
    async with phones(pool) as town:
        owners = [await town.phone() for _ in range(10)]
        answers = await asyncio.gather(*(each.call("PUT", "/v1/devices/one", json=IOS) for each in owners))
        assert {each.status for each in answers} == {204}
        bound = await town.town.rows("SELECT customer_id FROM devices WHERE push_token IS NOT NULL")
        owner = await town.town.rows("SELECT customer_id FROM push_tokens")
        assert bound == owner
        assert len(bound) == 1


async def test_a_browser_has_a_subscription(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        assert (await phone.call("PUT", "/v1/devices/browser", json=WEB)).status == 204
        assert await town.town.count("SELECT count(*) FROM push_tokens") == 1


async def test_what_is_wrong_with_a_device_is_named(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        http = {"endpoint": "http://push.example/1", "keys": {"p256dh": "BA", "auth": "cc"}}
        wrong = (
            ({"platform": "symbian"}, "platform"),
            ({"platform": "web", "push_token": "abc"}, "push_token"),
            (IOS | {"subscription": WEB["subscription"]}, "subscription"),
            ({"platform": "web", "subscription": http}, "subscription.endpoint"),
            (IOS | {"token": "abc"}, "token"),
            *(
                ({"platform": "web", "subscription": http | {"endpoint": each}}, "subscription.endpoint")
                for each in NEVER
            ),
        )
        for body, field in wrong:
            answer = await phone.call("PUT", "/v1/devices/one", json=body)
            assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
        assert (await phone.call("PUT", "/v1/devices/" + "x" * 129, json=IOS)).status == 422
        assert await town.town.count("SELECT count(*) FROM devices") == 0


async def test_a_stand_ins_address_on_this_machine_is_taken_in_test_mode_alone(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        for endpoint in ("http://127.0.0.1:9/1", "http://localhost/1", "https://127.0.0.1:9/1"):
            body = {"platform": "web", "subscription": WEB["subscription"] | {"endpoint": endpoint}}
            assert (await phone.call("PUT", "/v1/devices/browser", json=body)).status == 204
            with pytest.raises(Invalid):
                _check_endpoint(endpoint, loopback=False)


async def test_customers_are_told_the_key_that_their_browsers_subscribe_with(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        answer = await phone.call("GET", "/v1/push/key")
        assert answer.status == 200
        key = base64.urlsafe_b64decode(answer.json["key"] + "=")
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)


async def test_a_server_without_a_key_says_so() -> None:
    call: Any = SimpleNamespace(parts=SimpleNamespace(vapid=None))
    with pytest.raises(Unavailable, match="no key for pushes"):
        await show_push_key.handler(call)
