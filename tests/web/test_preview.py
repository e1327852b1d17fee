"""Previews through the door: made-up readers for marketers, real customers for admins and the audit, nothing written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.pipeline.rules import Rules
from server.store import customers
from server.store.clock import DatabaseClock
from server.store.ids import new_id
from server.store.pool import Pool
from server.web import audit, offers, preview
from tests.counter_rows import the_desk
from tests.web.authors import PROGRAMME, REWARD, House, a_store, document, house

CONTENT = {
    "en": {"title": "Hi {{ customer.first_name | default: 'you' }}", "body": "{{ reward.value }} at {{ place.name }}"},
    "de": [
        {"formality": "du", "title": "Hallo {{ customer.first_name | default: 'du' }}", "body": "{{ weather.kind }}"},
        {"formality": "sie", "title": "Guten Tag", "body": "Bis {{ reward.until }}"},
    ],
}
VARIANTS = [{"id": "a", "placement": "card"}, {"id": "b", "placement": "interstitial"}]


@pytest.fixture
async def town(cleared: Pool, tmp_path: Path) -> AsyncIterator[House]:
    await a_store(cleared)
    clock = DatabaseClock()
    async with cleared.acquire() as db:
        await clock.sync(db)
    desk, _ = the_desk(tmp_path)
    parts = {"rules": Rules(cleared, PROGRAMME), "clock": clock, "desk": desk}
    async with house(cleared, offers, preview, audit, **parts) as at:
        yield at
    desk.close()


async def made(at: House) -> str:
    moment = {"content": CONTENT, "fallback_locale": "en"}
    answer = await at.call(
        "marketer", "POST", "/v1/offers", document(moment=moment, variants=VARIANTS, reward=REWARD)
    )  # fmt: skip
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


async def see(town: House, offer: str, *, by: str = "marketer", **body: Any) -> Any:
    answer = await town.call(by, "POST", f"/v1/offers/{offer}/preview", body)
    assert answer.status == 200, answer.body
    return answer.json


async def test_every_language_and_placement_of_a_draft_is_seen_at_once(town: House) -> None:
    said = await see(town, await made(town), at="2026-11-03T08:00:00Z", weather={"kind": "rain"})
    assert (said["offer"], said["place"]) == ("pretzel@1", "Bakery")
    assert [(each["locale"], each["formality"], each["placement"], each["variants"]) for each in said["items"]] == [
        ("de", "du", "card", ["a"]),
        ("de", "du", "interstitial", ["b"]),
        ("de", "sie", "card", ["a"]),
        ("de", "sie", "interstitial", ["b"]),
        ("en", None, "card", ["a"]),
        ("en", None, "interstitial", ["b"]),
    ]
    first = said["items"][4]
    assert (first["title"], first["body"], first["cut"]) == ("Hi you", "€0.95 at Bakery", False)
    assert first["action"] == {"type": "pass"}
    assert [each["way"] for each in first["push"]] == ["apns", "fcm", "webpush"]
    assert 100 < first["push"][0]["bytes"] < first["push"][0]["limit"] == 4096
    assert [each["body"] for each in said["items"][:4:2]] == ["Regen", "Bis 17:00"]


async def test_the_pass_is_drawn_as_each_reader_would_take_it(town: House) -> None:
    offer = await made(town)
    said = await see(town, offer, at="2026-11-03T08:00:00Z", placement="card")
    drawn = {(each["locale"], each["formality"]): each["pass"] for each in said["items"]}
    lines = {key: [each["value"] for each in face["secondary"]] for key, face in drawn.items()}
    assert lines == {
        ("de", "du"): ["0,95\xa0€", "Bakery"],
        ("de", "sie"): ["0,95\xa0€", "Bakery"],
        ("en", None): ["€0.95", "Bakery"],
    }
    assert drawn["de", "sie"]["primary"] == [
        {"label": "PRÄMIE", "value": "Einmal aufs Haus"}
    ]  # no title names a customer
    assert drawn["en", None]["auxiliary"] == [{"label": "VALID UNTIL", "value": "11/3/26, 5:00\u202fPM"}]
    assert {face["state"] for face in drawn.values()} == {"active"}
    google = await see(town, offer, locale="en", placement="card", wallet="google")
    assert google["items"][0]["pass"]["wallet"] == "google"
    plain = await town.call("marketer", "POST", "/v1/offers", document("plain"))
    assert [each["pass"] for each in (await see(town, plain.json["id"]))["items"]] == [None]


async def test_a_document_that_is_not_written_yet_is_seen_as_it_would_be_and_forgotten(town: House) -> None:
    moment = {"content": CONTENT, "fallback_locale": "en"}
    whole = document(moment=moment, variants=VARIANTS, reward=REWARD)
    asked = {
        "at": "2026-11-03T08:00:00Z",
        "weather": {"kind": "rain"},
        "customer": {"attributes": {"first_name": "Kim"}},
    }
    unwritten = (await town.call("marketer", "POST", "/v1/preview", {"document": whole, **asked})).json
    async with town.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM offers") == 0
    written = await see(town, await made(town), **asked)
    assert (unwritten["place"], unwritten["errors"], unwritten["warnings"]) == (written["place"], [], [])
    for each in unwritten["items"]:  # what is stored comes back with its members in another order
        assert each in written["items"]
    assert len(unwritten["items"]) == len(written["items"]) == 6
    one = await town.call("marketer", "POST", "/v1/preview", {"document": whole, "locale": "de-DE", "formality": "sie"})
    assert {each["title"] for each in one.json["items"]} == {"Guten Tag"}


async def test_what_is_wrong_with_a_document_is_told_as_on_writing_it(town: House) -> None:
    wrong = document(**{"if": {"all": [{"local_time": {"from": "25:00"}}, {"segment": "nobody"}]}}, priority=-1)
    refused = await town.call("marketer", "POST", "/v1/offers", wrong)
    told = await town.call("marketer", "POST", "/v1/preview", {"document": wrong})
    assert (refused.status, told.status) == (422, 200)
    assert told.json["errors"] == refused.json["errors"]
    assert {each["field"] for each in told.json["errors"]} == {
        "if.all[0].local_time.from",
        "if.all[1].segment",
        "priority",
    }
    assert told.json["items"] == []
    for body in ({"document": document(), "version": 1}, {"document": document(), "customer_id": str(new_id())}, {}):
        assert (await town.call("admin", "POST", "/v1/preview", body)).status == 422


async def test_a_made_up_reader_gets_what_is_theirs(town: House) -> None:
    said = await see(
        town, await made(town), locale="de-AT", formality="du", placement="card",
        customer={"attributes": {"first_name": "{{ place.name }}"}},
    )  # fmt: skip
    assert [(each["title"], each["placement"]) for each in said["items"]] == [("Hallo {{ place.name }}", "card")]


async def test_an_admin_may_name_a_customer_and_that_is_written_down_and_nothing_else(town: House) -> None:
    offer = await made(town)
    async with town.pool.transaction() as db:
        kim = await customers.insert(
            db, external_id=None, locale="de-DE", time_zone=None, attributes={"first_name": "Kim", "formality": "du"}
        )
    said = await see(town, offer, by="admin", customer_id=str(kim))
    assert {each["title"] for each in said["items"]} == {"Hallo Kim"}
    deeds = (await town.call("admin", "GET", "/v1/audit")).json["items"]
    assert [(each["action"], each["object"]) for each in deeds[:1]] == [("customer.preview", f"customer:{kim}")]
    async with town.pool.acquire() as db:
        assert await db.fetchval("SELECT (SELECT count(*) FROM moments) + (SELECT count(*) FROM deliveries)") == 0
    refused = await town.call("marketer", "POST", f"/v1/offers/{offer}/preview", {"customer_id": str(kim)})
    assert (refused.status, refused.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"at": "1901-01-01T00:00:00Z"}, "at"),
        ({"weather": {"temperature_c": 900}}, "weather.temperature_c"),
        ({"customer": {"time_zone": "Mars/Base"}}, "customer.time_zone"),
        ({"place_id": "00000000-0000-0000-0000-000000000009"}, "place_id"),
        ({"placement": "sky"}, "placement"),
        ({"version": 0}, "version"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(town: House, body: dict[str, Any], field: str) -> None:
    answer = await town.call("marketer", "POST", f"/v1/offers/{await made(town)}/preview", body)
    assert answer.status == 422, answer.body
    assert [each["field"] for each in answer.json["errors"]] == [field]


async def test_who_is_not_there_cannot_be_shown(town: House) -> None:
    offer = await made(town)
    path = f"/v1/offers/{offer}/preview"
    unknown = await town.call("admin", "POST", path, {"customer_id": str(new_id())})
    assert [each["field"] for each in unknown.json["errors"]] == ["customer_id"]
    both = {"customer_id": str(new_id()), "customer": {"attributes": {"a": 1}}}
    assert [each["field"] for each in (await town.call("admin", "POST", path, both)).json["errors"]] == ["customer"]
    assert (await town.call("marketer", "POST", f"/v1/offers/{new_id()}/preview", {})).status == 404
    assert (await town.call("marketer", "POST", path, {"version": 2})).status == 404
