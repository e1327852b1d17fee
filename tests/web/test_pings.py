"""POST /v1/pings, over a real socket: shapes, refusals, and that nothing wrong is stored."""

from __future__ import annotations

from typing import Any

import pytest

from server.store.ids import new_id
from server.store.pool import Pool
from tests.pipeline.town import off
from tests.web.phones import coffee, phones


async def test_a_ping_is_answered_in_the_shape_of_the_contract(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        report = phone.report()
        answer = await phone.call("POST", "/v1/pings", json=report)
    assert answer.status == 200
    assert set(answer.json) == {"results", "moments", "watch"}
    assert answer.json["results"] == [{"id": report["pings"][0]["id"], "status": "accepted"}]
    [moment] = answer.json["moments"]
    assert set(moment) == {
        *("id", "offer_id", "variant", "placement", "channel", "title", "body", "action", "place"),
        *("created_at", "expires_at", "state"),
    }
    assert (moment["state"], moment["channel"], moment["action"]) == ("created", "in_app", {"type": "pass"})
    assert moment["place"]["kind"] == "store"
    assert moment["created_at"].endswith("Z")
    [circle] = answer.json["watch"]["circles"]
    assert set(circle) == {"id", "lat", "lon", "radius_m"}
    assert circle["radius_m"] == 100
    assert 15 <= answer.json["watch"]["next_ping_s"] <= 900


async def test_a_repeated_report_gets_its_first_answers_moments_again(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        report = phone.report()
        first = await phone.call("POST", "/v1/pings", json=report)
        again = await phone.call("POST", "/v1/pings", json=report)
    assert [each["status"] for each in again.json["results"]] == ["duplicate"]
    assert again.json["moments"] == first.json["moments"]


async def test_without_consent_it_is_403_and_nothing_is_stored(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone(consents={"push": True})
        answer = await phone.ping()
        assert (answer.status, answer.json["code"]) == (403, "consent_required")
        assert await town.town.count("SELECT count(*) FROM pings") == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lat": 90.5}, "pings[0].lat"),
        ({"lon": -181}, "pings[0].lon"),
        ({"lat": "52"}, "pings[0].lat"),
        ({"accuracy_m": -1}, "pings[0].accuracy_m"),
        ({"captured_at": "2026-11-03T07:30:00"}, "pings[0].captured_at"),
        ({"id": "7"}, "pings[0].id"),
        ({"os_event": {"type": "jump"}}, "pings[0].os_event.type"),
        ({"altitude": 3}, "pings[0].altitude"),
    ],
)
async def test_a_wrong_fix_is_422_with_its_field_and_nothing_is_stored(
    pool: Pool, change: dict[str, Any], field: str
) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        report = phone.report()
        good = phone.report()["pings"][0]
        report["pings"] = [report["pings"][0] | change, good]
        answer = await phone.call("POST", "/v1/pings", json=report)
        assert (answer.status, [each["field"] for each in answer.json["errors"]]) == (422, [field])
        assert await town.town.count("SELECT count(*) FROM pings") == 0


async def test_a_report_holds_one_to_two_hundred_fixes(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        report = phone.report(off(300))
        one = report["pings"][0]
        most = await phone.call(
            "POST", "/v1/pings", json=report | {"pings": [one | {"id": str(new_id())} for _ in range(200)]}
        )
        more = await phone.call("POST", "/v1/pings", json=report | {"pings": [one] * 201})
        none = await phone.call("POST", "/v1/pings", json=report | {"pings": []})
    assert [each.status for each in (most, more, none)] == [200, 422, 422]
    assert len(most.json["results"]) == 200


async def test_a_flood_is_429_with_retry_after_and_used_nothing(pool: Pool) -> None:
    async with coffee(pool, limits__pings_per_minute=3) as town:
        phone = await town.phone()
        answers = [await phone.ping(off(300)) for _ in range(5)]
        assert [each.status for each in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert await town.town.count("SELECT count(*) FROM pings") == 3


async def test_a_negative_speed_is_an_unknown_one(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        assert (await phone.ping(speed_mps=-1)).status == 200


async def test_in_the_background_a_moment_comes_by_push_too(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        report = phone.report() | {"app": {"foreground": False, "permissions": {"location": "always"}}}
        answer = await phone.call("POST", "/v1/pings", json=report)
        assert [each["channel"] for each in answer.json["moments"]] == ["push"]


async def test_another_kind_of_token_may_not_ping(pool: Pool) -> None:
    async with phones(pool) as town:
        headers = {"Authorization": f"Bearer {town.app_key}"}
        refused = await town.served.call("POST", "/v1/pings", json={}, headers=headers)
        unknown = await town.served.call("POST", "/v1/pings", json={})
    assert [each.status for each in (refused, unknown)] == [403, 401]
