"""The inbox: one's own moments, newest first, in the state that they are in now."""

from __future__ import annotations

from server.store.pool import Pool
from tests.pipeline.town import document
from tests.web.phones import Phones, coffee, phones

INSIDE = {"trigger": "inside", "places": {"any": True}}


async def _three(town: Phones) -> None:
    await town.town.open_shop()
    await town.town.publish(document(when=INSIDE))
    await town.rules.refresh()


async def test_the_inbox_is_paged_newest_first(pool: Pool) -> None:
    async with phones(pool) as town:
        await _three(town)
        phone = await town.phone()
        made = [(await phone.moment())["id"] for _ in range(3)]
        whole = await phone.call("GET", "/v1/moments")
        assert [each["id"] for each in whole.json["items"]] == made[::-1]
        assert whole.json["next"] is None
        first = await phone.call("GET", "/v1/moments?limit=2")
        rest = await phone.call("GET", f"/v1/moments?limit=2&cursor={first.json['next']}")
        assert [each["id"] for each in first.json["items"] + rest.json["items"]] == made[::-1]
        assert (await phone.call("GET", "/v1/moments?limit=0")).status == 422
        assert (await phone.call("GET", "/v1/moments?cursor=nonsense")).status == 422


async def test_moments_are_their_customers_alone(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone, other = await town.phone(), await town.phone()
        await phone.moment()
        assert (await other.call("GET", "/v1/moments")).json == {"items": [], "next": None}


async def test_a_moment_in_the_inbox_is_the_one_that_the_ping_told(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        moment = await phone.moment()
        assert (await phone.call("GET", "/v1/moments")).json["items"] == [moment]


async def test_states_can_be_asked_for_and_what_is_over_by_now_counts_as_expired(pool: Pool) -> None:
    async with phones(pool) as town:
        await _three(town)
        phone = await town.phone()
        old, new = await phone.moment(), await phone.moment()
        await town.town.count(
            "WITH u AS (UPDATE moments SET deliver_by = clock_timestamp() - interval '1 s' WHERE id = $1"
            " RETURNING 1) SELECT count(*) FROM u",
            old["id"],
        )
        asked = {}
        for state in ("active", "created", "expired", "opened"):
            answer = await phone.call("GET", f"/v1/moments?state={state}")
            asked[state] = [(each["id"], each["state"]) for each in answer.json["items"]]
        assert asked["active"] == asked["created"] == [(new["id"], "created")]
        assert asked["expired"] == [(old["id"], "expired")]
        assert asked["opened"] == []
        assert (await phone.call("GET", "/v1/moments?state=lost")).status == 422


async def test_a_delivered_moment_lasts_as_long_as_its_reward(pool: Pool) -> None:
    async with phones(pool) as town:
        await town.town.open_shop()
        reward = document()["reward"] | {"valid": {"at_most": "PT4H"}}
        await town.town.publish(document(reward=reward))
        await town.rules.refresh()
        phone = await town.phone()
        moment = await phone.moment()
        event = {"id": moment["offer_id"], "moment_id": moment["id"], "type": "delivered", "at": moment["created_at"]}
        await phone.call("POST", "/v1/events", json={"events": [event]})
        [after] = (await phone.call("GET", "/v1/moments")).json["items"]
        [row] = await town.town.rows("SELECT created_at, valid_until FROM moments")
        assert after["state"] == "delivered"
        assert (row["valid_until"] - row["created_at"]).total_seconds() == 4 * 3600
        assert after["expires_at"] > moment["expires_at"]
