"""POST /v1/pings, over a real socket: shapes, refusals, and that nothing wrong is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.errors import Refusal
from server.model.ping import Fix
from server.model.place import Circle, Geofence, Point
from server.pipeline.batch import Answer, Result
from server.pipeline.watch import Watcher
from server.signals.fences import FenceIndex
from server.store.ids import new_id
from server.store.pool import Pool
from server.web.codec import encode, read_json
from server.web.pings import (
    EXAMPLE,
    CircleAnswer,
    PingAnswer,
    PingBatch,
    ResultAnswer,
    WatchAnswer,
    read_plain,
    written,
)
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


# Members of objects, as a phone might write them or somebody who wants to be read in two ways.
PING = [
    *(
        '"id":"018f3f2e-7c4a-7b1e-9a57-3f3f2e7c4a7b"',
        '"captured_at": "2026-11-03T07:30:00Z"',
        '"lat":52.52',
        '"lon" :13.4',
    ),
    *('"accuracy_m":9', '"mock":false', '"mock":true', '"speed_mps":null', '"source":"{"', '"source":"}, mock"'),
    *('"source":"\\u0000"', '"source":"ü"', '"so\\u0075rce":"x"', '"os_event":{"type":"enter"}', '"os_event":null'),
    *('"os_event":{"type":"exit","at":"2026-11-03T07:30:00Z","type":"enter"}', '"speed_mps":NaN', '"speed_mps":1e999'),
    '"speed_mps":99999999999999999999',
]
NEEDED = PING[:5]
APP = ['"foreground":true', '"tz":"a:b"', '"version":"\\"pings"', '"permissions":{"location":true}', '"locale":"pings"']


@st.composite
def reports(draw: st.DrawFn) -> str:
    """Write a report: mostly right, with members doubled, in any order."""
    more = st.lists(st.sampled_from(PING[5:]), max_size=3)
    double = st.lists(st.sampled_from(PING), max_size=draw(st.sampled_from([0, 0, 1])))
    pings = [
        "{" + ",".join(draw(st.permutations([*NEEDED, *draw(more), *draw(double)]))) + "}"
        for _ in range(draw(st.integers(1, 3)))
    ]
    members = ['"sent_at":"2026-11-03T07:30:05Z"', f'"pings":[{", ".join(pings)}]']
    members += draw(st.lists(st.sampled_from(['"device_id":"x"', f'"pings":[{pings[0]}]']), max_size=1))
    if draw(st.booleans()):
        members.append('"app":{' + ",".join(draw(st.lists(st.sampled_from(APP), max_size=3))) + "}")
    return "{" + ",".join(draw(st.permutations(members))) + "}"


@given(reports())
@example(json.dumps(EXAMPLE))
def test_what_is_read_as_plain_is_what_the_strict_reader_reads(text: str) -> None:
    plain = read_plain(text.encode())
    try:
        strict = read_json(text.encode(), PingBatch, depth=16)
    except Refusal:
        assert plain is None
        return
    assert plain in (None, strict)


def test_reports_as_phones_write_them_are_plain() -> None:
    one = EXAMPLE["pings"][0] | {"speed_mps": None, "source": "fused", "mock": False}  # type: ignore[index]
    event = one | {"os_event": {"type": "enter", "geofence_id": None}}
    for fixes in ([one], [one] * 20, [event], [event, one]):
        for app in ({"foreground": True, "tz": "Europe/Berlin", "permissions": {"location": "always"}}, {}):
            text = json.dumps(EXAMPLE | {"pings": fixes, "app": app})
            assert read_plain(text.encode()) == read_json(text.encode(), PingBatch, depth=16)
    for broken in ("[]", "", "7", "[" * 5_000, text + "}", "NaN"):
        assert read_plain(broken.encode()) is None


@given(st.integers(0, 21), st.floats(-80, 80), st.floats(-170, 170), st.sampled_from([None, "skew"]))
def test_an_answer_is_written_as_its_shape_says(fences: int, lat: float, lon: float, reason: str | None) -> None:
    made = [Geofence(UUID(int=n), "F", Circle(Point(lat, lon + n / 999), 20 + n / 3)) for n in range(fences)]
    watch = Watcher().watch_from(Fix(Point(lat, lon), 8, datetime(2026, 11, 3, tzinfo=UTC)), FenceIndex.build(made))
    results = (Result(UUID(int=1), "accepted", reason), Result(UUID(int=2), "ignored", "too_old"))
    circles = [CircleAnswer(each.id, *each.circle.center, each.circle.radius_m) for each in watch.circles]
    shape = PingAnswer([ResultAnswer(*each) for each in results], [], WatchAnswer(circles, watch.next_ping_s))
    assert written(Answer(results, (), watch, datetime(2026, 11, 3, tzinfo=UTC))) == encode(shape)
