"""What the app tells of its moments: once by its id, its own moments alone, and in the funnel."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from server.store.ids import new_id
from server.store.pool import Pool
from tests.web.phones import Phone, coffee


def event(moment: dict[str, Any], type_: str = "opened", **more: Any) -> dict[str, Any]:
    """Write an event of a moment, at its making."""
    return {"id": str(new_id()), "moment_id": moment["id"], "type": type_, "at": moment["created_at"]} | more


async def tell(phone: Phone, *events: dict[str, Any]) -> dict[str, Any]:
    """Tell them."""
    answer = await phone.call("POST", "/v1/events", json={"events": list(events)})
    assert answer.status == 200, answer.body
    return dict(answer.json)


async def test_events_are_counted_by_their_ids(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        one, two = event(moment, "delivered"), event(moment, "opened")
        assert await tell(phone, one, two, one) == {"accepted": 2, "duplicates": 1, "rejected": []}
        assert await tell(phone, one, two) == {"accepted": 0, "duplicates": 2, "rejected": []}
        assert await town.town.count("SELECT count(*) FROM app_events") == 2


async def test_the_funnel_counts_each_step_once_and_opening_implies_delivery(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        await tell(phone, event(moment, "opened"))
        await tell(phone, event(moment, "opened"), event(moment, "delivered"), event(moment, "clicked"))
        steps = await town.town.rows("SELECT step, count(*) AS n FROM funnel_facts GROUP BY 1 ORDER BY 1")
        assert {row["step"]: row["n"] for row in steps} == {"decided": 1, "delivered": 1, "opened": 1, "clicked": 1}
        [row] = await town.town.rows("SELECT state FROM deliveries")
        assert row["state"] == "delivered"


async def test_a_foreign_and_an_unknown_moment_are_rejected_alike(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone, other = await town.phone(), await town.phone()
        moment = await phone.moment()
        foreign, unknown = event(moment), event({"id": str(new_id()), "created_at": moment["created_at"]})
        answer = await tell(other, foreign, unknown)
        assert answer["rejected"] == [{"id": each["id"], "code": "unknown_moment"} for each in (foreign, unknown)]
        assert await town.town.count("SELECT count(*) FROM app_events") == 0


async def test_times_that_cannot_be_are_rejected_and_the_others_stand(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        ahead = (town.clock.now() + timedelta(minutes=5)).isoformat()
        early, late = event(moment, at="2020-01-01T00:00:00Z"), event(moment, at=ahead)
        answer = await tell(phone, early, late, event(moment))
        assert answer["accepted"] == 1
        assert answer["rejected"] == [{"id": each["id"], "code": "bad_time"} for each in (early, late)]


async def test_forty_retries_at_once_store_each_event_once(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        batch = [event(moment, each) for each in ("delivered", "opened", "clicked")]
        answers = await asyncio.gather(*(tell(phone, *batch) for _ in range(40)))
        assert sum(each["accepted"] for each in answers) == 3
        assert sum(each["duplicates"] for each in answers) == 3 * 39
        assert await town.town.count("SELECT count(*) FROM funnel_facts") == 4


async def test_a_batch_holds_one_to_five_hundred_events(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        most = await phone.call("POST", "/v1/events", json={"events": [event(moment) for _ in range(500)]})
        more = await phone.call("POST", "/v1/events", json={"events": [event(moment) for _ in range(501)]})
        none = await phone.call("POST", "/v1/events", json={"events": []})
        wrong = await phone.call("POST", "/v1/events", json={"events": [event(moment, "eaten")]})
        assert [each.status for each in (most, more, none, wrong)] == [200, 422, 422, 422]
