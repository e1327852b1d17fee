"""Customers about themselves: profile, consents, decisions, export and erasure."""

from __future__ import annotations

import asyncio
import json

from server.store.pool import Pool
from tests.pipeline.town import document, off
from tests.web.phones import coffee, phones


async def test_a_profile_is_shown_and_changed_field_by_field(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone(external_id="4711", locale="de-DE", attributes={"first_name": "Kim", "visits": 3})
        shown = await phone.call("GET", "/v1/me")
        assert shown.json == {
            "customer_id": str(phone.customer_id),
            "external_id": "4711",
            "locale": "de-DE",
            "time_zone": None,
            "attributes": {"first_name": "Kim", "visits": 3},
            "segments": [],
            "topics": {},
            "consents": {"location": True, "push": True, "profiling": True},
            "created_at": shown.json["created_at"],
        }
        body = {"time_zone": "Europe/Dublin", "attributes": {"visits": None, "formality": "sie"}}
        changed = await phone.call("PATCH", "/v1/me", json=body)
        assert changed.json["attributes"] == {"first_name": "Kim", "formality": "sie"}
        assert (changed.json["locale"], changed.json["time_zone"]) == ("de-DE", "Europe/Dublin")
        cleared = await phone.call("PATCH", "/v1/me", json={"locale": None})
        assert cleared.json["locale"] is None
        wrong = await phone.call("PATCH", "/v1/me", json={"time_zone": "Mars/Base"})
        assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "time_zone")


async def test_topics_are_turned_on_and_off_shown_and_exported(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone()
        changed = await phone.call("PATCH", "/v1/me", json={"topics": {"coffee": True, "books": False}})
        assert changed.json["topics"] == {"coffee": True, "books": False}
        await phone.call("PATCH", "/v1/me", json={"topics": {"books": None}, "locale": "en-GB"})
        assert (await phone.call("GET", "/v1/me")).json["topics"] == {"coffee": True}
        exported = (await phone.call("POST", "/v1/me/export")).json["tables"]["customers"]
        assert exported[0]["topics"] == {"coffee": True}
        for topics in ({" ": True}, {"coffee": "yes"}, {"coffee": 1}, {f"t{n}": True for n in range(100)}, []):
            wrong = await phone.call("PATCH", "/v1/me", json={"topics": topics})
            assert wrong.status in (400, 422), topics
            assert wrong.json["errors"][0]["field"].startswith("topics")
        assert (await phone.call("GET", "/v1/me")).json["topics"] == {"coffee": True}


async def test_consents_that_are_not_named_stay_and_each_that_is_goes_into_the_ledger(pool: Pool) -> None:
    async with phones(pool) as town:
        phone = await town.phone(consents={"location": True})
        after = await phone.call("PUT", "/v1/me/consents", json={"push": True})
        assert after.json == {"location": True, "push": True, "profiling": False}
        assert (await phone.call("GET", "/v1/me/consents")).json == after.json
        rows = await town.town.rows("SELECT purpose, granted, source FROM consents ORDER BY at")
        assert [(row["purpose"], row["granted"]) for row in rows] == [("location", True), ("push", True)]
        assert rows[1]["source"] == f"customer:{phone.customer_id}"


async def test_withdrawing_location_stops_at_once_and_deletes_what_locations_left(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        await phone.ping()
        await phone.call("PUT", "/v1/me/consents", json={"location": False})
        assert (await phone.ping(off(50))).status == 403
        assert await town.town.count("SELECT count(*) FROM pings") == 0
        [row] = await town.town.rows("SELECT state FROM customer_state")
        state = json.loads(row["state"])
        assert (state["stays"], state["last_fix"], state["held"]) == ([], None, None)
        assert len(state["shown"]) == 1


async def test_one_can_read_why_one_did_and_did_not_get_an_offer(pool: Pool) -> None:
    async with coffee(pool) as town:
        rainy = document("rainy", **{"if": {"weather": {"kind": ["rain"]}}})
        await town.town.publish(rainy)
        await town.rules.refresh()
        phone = await town.phone()
        moment = await phone.moment()
        whole = await phone.call("GET", "/v1/me/decisions")
        assert whole.json["next"] is None
        told = {item["offer"]: item for item in whole.json["items"]}
        assert (told["coffee@1"]["gate"], told["coffee@1"]["moment_id"]) == (None, moment["id"])
        assert (told["rainy@1"]["gate"], told["rainy@1"]["truth"]) == ("weather", "unknown")
        assert "moment_id" not in told["rainy@1"]
        assert all(item["reason"].endswith(".") for item in told.values())
        english = "The offer depends on the weather, and we did not know it."
        assert [told["coffee@1"]["reason"], told["rainy@1"]["reason"]] == ["You got this offer.", english]
        german = await phone.call("GET", "/v1/me/decisions", headers={"Accept-Language": "de-DE, en;q=0.5"})
        assert "Du hast dieses Angebot bekommen." in [item["reason"] for item in german.json["items"]]
        await phone.call("PATCH", "/v1/me", json={"locale": "de-DE", "attributes": {"formality": "sie"}})
        formal = await phone.call("GET", "/v1/me/decisions", headers={"Accept-Language": "en"})
        assert "Sie haben dieses Angebot bekommen." in [item["reason"] for item in formal.json["items"]]
        await phone.call("PATCH", "/v1/me", json={"locale": None})
        first = await phone.call("GET", "/v1/me/decisions?limit=1")
        rest = await phone.call("GET", f"/v1/me/decisions?limit=1&cursor={first.json['next']}")
        assert first.json["items"] + rest.json["items"] == whole.json["items"]
        other = await town.phone()
        assert (await other.call("GET", "/v1/me/decisions")).json["items"] == []


async def test_a_control_groups_customer_reads_why_and_finds_no_moment(pool: Pool) -> None:
    async with phones(pool) as town:
        await town.town.open_shop()
        await town.town.publish(document(holdout={"share": 1, "salt": "all"}))
        await town.rules.refresh()
        phone = await town.phone()
        assert (await phone.ping()).json["moments"] == []
        [item] = (await phone.call("GET", "/v1/me/decisions")).json["items"]
        assert "moment_id" not in item
        assert (await phone.call("GET", "/v1/moments")).json["items"] == []


async def test_an_export_has_every_table_and_nobody_elses_rows(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone, other = await town.phone(attributes={"first_name": "Kim"}), await town.phone()
        for each in (phone, other):
            await each.moment()
            await each.call(
                "PUT", "/v1/devices/one", json={"platform": "ios", "push_token": f"token-{each.customer_id}"}
            )
        answer = await phone.call("POST", "/v1/me/export")
        assert answer.status == 200
        tables = answer.json["tables"]
        for name in (
            "customers",
            "customer_state",
            "consents",
            "devices",
            "pings",
            "moments",
            "receipts",
            "deliveries",
        ):
            assert tables[name], name
        assert str(other.customer_id) not in answer.body.decode()
        assert "hash" not in tables["customer_tokens"][0]


async def test_being_forgotten_kills_the_token_at_once_and_leaves_no_trace(pool: Pool, db_dsn: str) -> None:
    async with coffee(pool) as town:
        phone, other = (
            await town.phone(external_id="canary-4711", attributes={"first_name": "Canary"}),
            await town.phone(),
        )
        for each in (phone, other):
            await each.moment()
        await phone.call("PUT", "/v1/devices/one", json={"platform": "ios", "push_token": "canary-token"})
        erased = await phone.call("DELETE", "/v1/me")
        assert (erased.status, erased.body) == (204, b"")
        after = [
            await phone.call(method, path, **more)
            for method, path, more in (
                ("GET", "/v1/me", {}),
                ("POST", "/v1/pings", {"json": phone.report()}),
                ("DELETE", "/v1/me", {}),
            )
        ]
        assert [each.status for each in after] == [401, 401, 401]
        names = await town.town.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for name in names:
            rows = await town.town.rows(f"SELECT to_jsonb(t)::text AS line FROM {name['table_name']} t")
            whole = "".join(row["line"] for row in rows).lower()
            assert str(phone.customer_id) not in whole, name
            assert "canary" not in whole, name
        assert (await other.call("GET", "/v1/me")).status == 200
        assert (await town.sign_up(external_id="canary-4711")).status == 201
        assert await town.town.count("SELECT count(*) FROM moments") == 2


async def test_pings_in_flight_while_their_customer_is_forgotten_leave_nothing(pool: Pool) -> None:
    async with coffee(pool) as town:
        phone = await town.phone()
        answers = await asyncio.gather(
            *(phone.ping(off(number)) for number in range(20)), phone.call("DELETE", "/v1/me"), return_exceptions=False
        )
        assert answers[-1].status == 204
        assert {each.status for each in answers[:-1]} <= {200, 401}
        for table in ("pings", "receipts", "customer_state", "customers"):
            assert await town.town.count(f"SELECT count(*) FROM {table}") == 0
        assert await town.town.count("SELECT count(*) FROM moments WHERE customer_id IS NOT NULL") == 0
