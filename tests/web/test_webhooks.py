"""An admin says who is told what; secrets are told once, and addresses inside are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.channels.signed import read_secret
from server.pipeline.webhooks import TABLE
from server.store import keys
from server.store.ids import new_id
from server.store.pool import Pool
from server.wallet.keyring import Keyring, open_keyring
from server.web.access import ACCESS
from server.web.doors import all_doors
from tests.web.house import House
from tests.web.serving import Answered, serving, settings_with

URL = "https://hooks.example.com/kairos"
NEW = {"url": URL, "events": ["kairos.redemption.created"]}


class Clock:
    """The machine's, as the database's is here."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("keys"), now=datetime.now(UTC))


async def open_house(pool: Pool, keyring: Keyring, **changes: Any) -> AsyncIterator[House]:
    """Serve the doors of webhooks with an admin's key."""
    async with pool.acquire() as db:
        made = await keys.create(db, kind="admin")
    assert made is not None
    doors = all_doors(("webhooks", "webhook_calls", "audit"))
    settings = settings_with(**{"mode": "production", "limits__requests_per_minute": 10**6} | changes)
    async with serving(doors, settings, pool, table=ACCESS, secrets=keyring, clock=Clock()) as served:
        yield House(served, pool, made.token)


@pytest.fixture(scope="module")
async def house(shared_pool: Pool, keyring: Keyring) -> AsyncIterator[House]:
    """A house in production that these tests share."""
    async for each in open_house(shared_pool, keyring, limits__webhooks=10**6):
        yield each


async def make(house: House, **changes: Any) -> Any:
    answered = await house.call("POST", "/v1/webhooks", json=NEW | changes)
    assert answered.status == 201, answered.body
    return answered.json


def complaint(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.json["errors"][0]["field"]


async def test_an_endpoint_is_made_and_its_secret_is_told_this_once(house: House, keyring: Keyring) -> None:
    made = await make(house, description="till system")
    assert set(made) == {
        *("id", "url", "events", "description", "enabled", "disabled_for", "failing_since", "two_secrets_until"),
        *("created_at", "secret"),
    }
    assert (made["url"], made["events"], made["description"], made["enabled"]) == (
        URL,
        NEW["events"],
        "till system",
        True,
    )
    secret = read_secret(made["secret"])
    assert made["secret"].startswith("whsec_")
    assert secret is not None
    assert len(secret) == 32
    shown = (await house.call("GET", f"/v1/webhooks/{made['id']}")).json
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    listed = await house.call("GET", "/v1/webhooks?limit=1")
    assert listed.json["items"] == [shown]
    async with house.pool.acquire() as db:
        [row] = await db.fetch(
            "SELECT id, secret_sealed, w::text AS whole FROM webhooks w WHERE id::text = $1", made["id"]
        )
    assert secret not in row["secret_sealed"]
    assert keyring.unseal(row["secret_sealed"], table=TABLE, row=row["id"].bytes, now=datetime.now(UTC)) == secret


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "https://hooks.example.com:8443/", "https://127.0.0.1/", "https://localhost/",
        "https://169.254.169.254/latest/", "https://[::1]/", "https://user:pw@hooks.example.com/", "file:///etc/passwd",
        "https://hooks.example.com/#f", "https://0x7f000001/", "https://intranet/", "hooks.example.com", "https://a b.example/",
    ],
)  # fmt: skip
async def test_an_address_that_is_never_called_is_refused_when_it_is_given(house: House, url: str) -> None:
    assert complaint(await house.call("POST", "/v1/webhooks", json=NEW | {"url": url})) == (422, "url")
    made = await make(house)
    assert complaint(await house.call("PATCH", f"/v1/webhooks/{made['id']}", json={"url": url})) == (422, "url")


async def test_in_test_mode_a_stand_in_on_loopback_may_be_named(pool: Pool, keyring: Keyring) -> None:
    async for house in open_house(pool, keyring, mode="test", limits__webhooks=2):
        await make(house, url="http://127.0.0.1:8765/hook")
        refused = await house.call("POST", "/v1/webhooks", json=NEW | {"url": "http://10.0.0.1/"})
        assert complaint(refused) == (422, "url")
        await make(house)
        full = await house.call("POST", "/v1/webhooks", json=NEW)
        assert (full.status, full.json["code"]) == (409, "too_many_webhooks")


@pytest.mark.parametrize("events", [["kairos.moment.created", "kairos.nothing"], ["moment.created"], [""], ["**"]])
async def test_an_event_that_nobody_tells_of_is_refused(house: House, events: list[str]) -> None:
    status, field = complaint(await house.call("POST", "/v1/webhooks", json=NEW | {"events": events}))
    assert (status, field) == (422, f"events[{len(events) - 1}]")


async def test_everything_is_everything_and_twice_is_once(house: House) -> None:
    assert (await make(house, events=["*", "kairos.pass.saved"]))["events"] == ["*"]
    assert (await make(house, events=["kairos.pass.saved"] * 2))["events"] == ["kairos.pass.saved"]
    assert complaint(await house.call("POST", "/v1/webhooks", json=NEW | {"events": []})) == (422, "events")


async def test_what_is_given_changes_and_the_rest_stays(house: House) -> None:
    made = await make(house, description="mine")
    path = f"/v1/webhooks/{made['id']}"
    off = (await house.call("PATCH", path, json={"enabled": False})).json
    assert off == {name: value for name, value in made.items() if name != "secret"} | {"enabled": False}
    changed = await house.call("PATCH", path, json={"events": ["*"], "description": None, "url": f"{URL}/2"})
    assert (changed.json["events"], changed.json["description"], changed.json["enabled"]) == (["*"], None, False)
    assert changed.json["url"] == f"{URL}/2"
    assert (await house.call("PATCH", path, json={"enabled": None})).status == 422


async def test_an_endpoint_that_kairos_turned_off_says_why_and_is_turned_on_by_a_person(house: House) -> None:
    made = await make(house)
    async with house.pool.acquire() as db:
        await db.execute("UPDATE webhooks SET enabled = false, disabled_for = 'gone' WHERE id::text = $1", made["id"])
    path = f"/v1/webhooks/{made['id']}"
    assert (await house.call("GET", path)).json["disabled_for"] == "gone"
    on = (await house.call("PATCH", path, json={"enabled": True})).json
    assert (on["enabled"], on["disabled_for"]) == (True, None)


async def test_a_secret_is_replaced_with_an_overlap(house: House) -> None:
    made = await make(house)
    path = f"/v1/webhooks/{made['id']}/rotate"
    usual, short = await house.call("POST", path), await house.call("POST", path, json={"overlap": "PT0S"})
    assert usual.json["secret"] not in (made["secret"], short.json["secret"])
    until = datetime.fromisoformat(usual.json["two_secrets_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < until < timedelta(hours=25)
    assert short.json["two_secrets_until"] is None
    for wrong in ("P31D", "a day", "", "P1Y"):
        assert complaint(await house.call("POST", path, json={"overlap": wrong})) == (422, "overlap")


async def test_a_repeated_request_makes_one_endpoint_and_tells_its_secret_again(house: House) -> None:
    headers = {"Idempotency-Key": str(new_id())}
    first, second = [await house.call("POST", "/v1/webhooks", json=NEW, headers=headers) for _ in range(2)]
    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_an_endpoint_is_removed(house: House) -> None:
    path = f"/v1/webhooks/{(await make(house))['id']}"
    assert (await house.call("DELETE", path)).status == 204
    for method in ("GET", "DELETE"):
        assert (await house.call(method, path)).status == 404
    assert (await house.call("PATCH", path, json={"enabled": True})).status == 404
    assert (await house.call("POST", f"{path}/rotate")).status == 404


async def test_each_deed_is_in_the_audit_and_no_secret_is(house: House) -> None:
    made = await make(house)
    path = f"/v1/webhooks/{made['id']}"
    await house.call("PATCH", path, json={"enabled": False})
    rotated = await house.call("POST", f"{path}/rotate")
    await house.call("DELETE", path)
    deeds = await house.call("GET", "/v1/audit?limit=4")
    told = [(deed["action"], deed["object"]) for deed in deeds.json["items"]][::-1]
    assert told == [(f"webhook.{word}", f"webhook:{made['id']}") for word in ("create", "change", "rotate", "remove")]
    for secret in (made["secret"], rotated.json["secret"]):
        assert secret.encode() not in deeds.body


async def test_pages_hold_as_many_as_asked_for(house: House) -> None:
    made = [(await make(house))["id"] for _ in range(3)]
    first = (await house.call("GET", "/v1/webhooks?limit=2")).json
    rest = (await house.call("GET", f"/v1/webhooks?limit=1&cursor={first['next']}")).json
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
