"""POST /v1/moments/{id}/snooze: out of the active ones, and back down the stream when its time is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from server.store.ids import new_id
from server.store.pool import Pool
from tests.pipeline.town import document
from tests.web.phones import Phone
from tests.web.test_stream import INSIDE, cafe, listening


async def put_off(phone: Phone, moment: str, **body: Any) -> Any:
    return await phone.call("POST", f"/v1/moments/{moment}/snooze", json=body)


async def active(phone: Phone) -> list[str]:
    return [each["id"] for each in (await phone.call("GET", "/v1/moments?state=active")).json["items"]]


async def test_it_leaves_the_active_ones_and_says_until_when(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        moment = (await phone.moment())["id"]
        until = (town.clock.now() + timedelta(hours=1)).isoformat()
        answer = await put_off(phone, moment, until=until)
        assert (answer.status, answer.json["state"]) == (200, "delivered")
        assert answer.json["snoozed_until"]
        assert await active(phone) == []
        [listed] = (await phone.call("GET", "/v1/moments")).json["items"]
        assert listed == answer.json


async def test_it_comes_back_down_an_open_stream_and_does_not_move_the_last_event(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        first = (await phone.moment())["id"]
        async with listening(phone) as stream:
            assert (await stream.event())["id"] == first
            second = (await phone.moment())["id"]
            assert (await stream.event())["id"] == second
            assert (await put_off(phone, first, **{"for": "PT0.2S"})).status == 200
            again = await stream.event()
            told = msgspec.json.decode(again["data"])
            assert (told["id"], told.get("snoozed_until"), "id" in again) == (first, None, False)
        assert await active(phone) == [second, first]
        async with listening(phone, **{"Last-Event-ID": second}) as stream:  # nothing became of it meanwhile
            assert msgspec.json.decode((await stream.event())["data"])["id"] == first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "for"),
        ({"for": "PT1H", "until": "2026-11-03T08:00:00Z"}, "for"),
        ({"for": "an hour"}, "for"),
        ({"for": "PT0S"}, "for"),
        ({"for": "P8D"}, "for"),
        ({"for": "P999999W"}, "for"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "2020-01-01T00:00:00"}, "until"),
    ],
)
async def test_what_is_no_time_to_come_back_is_refused(pool: Pool, body: dict[str, Any], field: str) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        answer = await put_off(phone, (await phone.moment())["id"], **body)
        assert answer.status == 422, answer.body
        assert [each["field"] for each in answer.json["errors"]] == [field]


async def test_it_ends_with_its_reward_and_is_nobody_elses(pool: Pool) -> None:
    async with cafe(pool) as town:
        reward = document()["reward"] | {"valid": {"at_most": "PT4H"}}
        await town.town.publish(document("treat", when=INSIDE, priority=99, reward=reward))
        await town.rules.refresh()
        phone, other = await town.phone(), await town.phone()
        moment = (await phone.moment())["id"]
        late = await put_off(phone, moment, **{"for": "P6D"})
        assert (late.status, "ends, at" in late.json["errors"][0]["message"]) == (422, True)
        assert (await put_off(other, moment, **{"for": "PT1H"})).status == 404
        assert (await put_off(phone, str(new_id()), **{"for": "PT1H"})).status == 404
        event = {"id": str(new_id()), "moment_id": moment, "type": "dismissed", "at": town.clock.now().isoformat()}
        assert (await phone.call("POST", "/v1/events", json={"events": [event]})).json["accepted"] == 1
        over = await put_off(phone, moment, **{"for": "PT1H"})
        assert (over.status, over.json["code"], over.json["state"]) == (409, "not_active", "dismissed")
