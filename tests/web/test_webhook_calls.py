"""What endpoints were told, and telling them once more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.store import funnel
from server.store.ids import new_id
from server.store.pool import Pool
from server.wallet.keyring import open_keyring
from tests import hooks, lives
from tests.web.house import House
from tests.web.test_webhooks import make, open_house

EARLIER = (datetime.now(UTC) - timedelta(days=1)).isoformat()
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture
async def house(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    keyring = open_keyring(tmp_path_factory.mktemp("keys"), now=datetime.now(UTC))
    async for each in open_house(pool, keyring, limits__webhook_replay=3):
        yield each


async def told(house: House, *customers: int) -> None:
    """Let a moment of each of these be decided, and told of."""
    async with house.pool.acquire() as db:
        await lives.decide(db, *(lives.row(of) for of in customers))
    await funnel.roll(house.pool)


async def calls(house: House, webhook_id: str, query: str = "") -> Any:
    answered = await house.call("GET", f"/v1/webhooks/{webhook_id}/calls{query}")
    assert answered.status == 200, answered.body
    return answered.json["items"]


async def test_a_test_is_on_its_way_and_in_the_log(house: House) -> None:
    made = await make(house)
    answered = await house.call("POST", f"/v1/webhooks/{made['id']}/test")
    assert answered.status == 202
    [call] = await calls(house, made["id"])
    assert (call["event_id"], call["type"]) == (answered.json["event_id"], "kairos.webhook.test")
    assert (call["state"], call["attempts"], call["reason"], call["tried_at"]) == ("queued", 0, None, None)
    assert call["next"] is not None


async def test_the_log_is_in_pages_and_by_state(house: House) -> None:
    made = await make(house, events=["*"])
    await told(house, 1, 2, 3)
    first = (await house.call("GET", f"/v1/webhooks/{made['id']}/calls?limit=2")).json
    rest = (await house.call("GET", f"/v1/webhooks/{made['id']}/calls?limit=2&cursor={first['next']}")).json
    assert len({each["event_id"] for each in first["items"] + rest["items"]}) == 3
    assert rest["next"] is None
    async with house.pool.acquire() as db:
        await db.execute(
            "UPDATE webhook_calls SET state = 'dead' WHERE event_id::text = $1", rest["items"][0]["event_id"]
        )
    assert [each["state"] for each in await calls(house, made["id"], "?state=dead")] == ["dead"]
    assert len(await calls(house, made["id"], "?state=queued")) == 2
    assert (await house.call("GET", f"/v1/webhooks/{made['id']}/calls?state=lost")).status == 422


async def test_a_day_is_told_once_more(house: House) -> None:
    made = await make(house, events=["*"])
    await told(house, 1, 2)
    async with house.pool.acquire() as db:
        await db.execute("UPDATE webhook_calls SET state = 'dead', attempts = 9, reason = 'status 500'")
    answered = await house.call("POST", f"/v1/webhooks/{made['id']}/replay", json={"from": EARLIER, "to": LATER})
    assert (answered.status, answered.json) == (202, {"queued": 2})
    assert [(each["state"], each["attempts"], each["reason"]) for each in await calls(house, made["id"])] == [
        ("queued", 0, None)
    ] * 2


async def test_some_events_are_told_once_more(house: House) -> None:
    made = await make(house)
    await told(house, 1)  # of which this one was not told: nobody listened
    await make(house, events=["*"])
    await told(house, 2)
    async with house.pool.acquire() as db:
        [event] = await hooks.written(db)
    asked = {"events": [str(event["id"]), str(new_id())]}
    answered = await house.call("POST", f"/v1/webhooks/{made['id']}/replay", json=asked)
    assert answered.json == {"queued": 1}


async def test_a_replay_is_of_one_kind_and_bounded(house: House) -> None:
    made = await make(house, events=["*"])
    await told(house, 1, 2, 3, 4)
    path = f"/v1/webhooks/{made['id']}/replay"
    for body, field in (
        ({}, "from"),
        ({"from": EARLIER}, "to"),
        ({"from": LATER, "to": EARLIER}, "to"),
        ({"from": EARLIER, "to": LATER, "events": [str(new_id())]}, "events"),
        ({"events": []}, "events"),
        ({"from": EARLIER, "to": LATER}, "to"),  # four events, and limits.webhook_replay is three
    ):
        answered = await house.call("POST", path, json=body)
        assert (answered.status, answered.json["errors"][0]["field"]) == (422, field), body


async def test_one_that_is_off_is_neither_tried_nor_told_again(house: House) -> None:
    made = await make(house)
    assert (await house.call("PATCH", f"/v1/webhooks/{made['id']}", json={"enabled": False})).status == 200
    for path, body in (("test", None), ("replay", {"from": EARLIER, "to": LATER})):
        answered = await house.call("POST", f"/v1/webhooks/{made['id']}/{path}", json=body)
        assert (answered.status, answered.json["code"]) == (409, "webhook_disabled")


@pytest.mark.parametrize(("method", "path"), [("GET", "calls"), ("POST", "test"), ("POST", "replay")])
async def test_of_an_endpoint_that_is_not_there_there_is_nothing(house: House, method: str, path: str) -> None:
    body = {"from": EARLIER, "to": LATER} if path == "replay" else None
    assert (await house.call(method, f"/v1/webhooks/{new_id()}/{path}", json=body)).status == 404
