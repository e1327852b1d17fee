"""Signing up: nobody takes over a customer by knowing a number."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from server.store.ids import token_hash
from server.store.pool import Pool
from tests.web.phones import phones
from tests.web.test_identity import KEY, jwt


async def test_a_customer_gets_an_id_and_a_token_of_which_only_the_hash_is_kept(pool: Pool) -> None:
    async with phones(pool) as town:
        answer = await town.sign_up(locale="de-DE", time_zone="Europe/Berlin", attributes={"first_name": "Kim"})
        assert answer.status == 201
        assert set(answer.json) == {"customer_id", "token"}
        token = answer.json["token"]
        assert token.startswith("kc_")
        [row] = await town.town.rows("SELECT hash FROM customer_tokens")
        assert row["hash"] == token_hash(token)
        [customer] = await town.town.rows("SELECT locale, location, push, profiling FROM customers")
        assert customer == {"locale": "de-DE", "location": False, "push": False, "profiling": False}


async def test_consents_at_sign_up_are_in_the_ledger(pool: Pool) -> None:
    async with phones(pool) as town:
        await town.sign_up(consents={"location": True, "profiling": False})
        rows = await town.town.rows("SELECT purpose, granted, terms FROM consents ORDER BY purpose")
    assert [(row["purpose"], row["granted"]) for row in rows] == [("location", True), ("profiling", False)]
    assert all(row["terms"] for row in rows)


async def test_an_unused_external_id_is_taken_and_a_known_one_is_409(pool: Pool) -> None:
    async with phones(pool) as town:
        first = await town.sign_up(external_id="4711")
        second = await town.sign_up(external_id="4711")
        assert (first.status, second.status, second.json["code"]) == (201, 409, "identity_required")
        assert await town.town.count("SELECT count(*) FROM customers") == 1


async def test_of_twenty_sign_ups_with_one_external_id_at_once_one_gets_it(pool: Pool) -> None:
    async with phones(pool) as town:
        answers = await asyncio.gather(*(town.sign_up(external_id="4711") for _ in range(20)))
        assert sorted(each.status for each in answers) == [201] + [409] * 19
        assert await town.town.count("SELECT count(*) FROM customers") == 1


async def test_the_brands_own_backend_can_vouch_for_a_known_customer(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "identity.key"
    file.write_bytes(KEY + b"\n")
    async with phones(pool, identity__secret_file=str(file)) as town:
        first = await town.sign_up(external_id="4711")
        now = town.clock.now()
        good = jwt("4711", now=now)
        again = await town.sign_up(external_id="4711", identity_token=good, locale="de-AT")
        assert again.status == 201
        assert again.json["customer_id"] == first.json["customer_id"]
        assert again.json["token"] != first.json["token"]
        [row] = await town.town.rows("SELECT locale FROM customers")
        assert row["locale"] == "de-AT"
        for bad in (
            jwt("4712", now=now),
            jwt("4711", now=now, key=b"x" * 32),
            jwt("4711", now=now - timedelta(hours=1)),
            good[:-2],
        ):
            assert (await town.sign_up(external_id="4711", identity_token=bad)).status == 409


async def test_without_a_shared_key_no_identity_token_counts(pool: Pool) -> None:
    async with phones(pool) as town:
        token = jwt("4711", now=town.clock.now())
        assert (await town.sign_up(external_id="4711", identity_token=token)).status == 409
        assert await town.town.count("SELECT count(*) FROM customers") == 0


async def test_what_is_wrong_with_a_sign_up_is_named(pool: Pool) -> None:
    async with phones(pool) as town:
        wrong = (
            ({"time_zone": "Berlin"}, "time_zone"),
            ({"locale": "deutsch, bitte"}, "locale"),
            ({"external_id": ""}, "external_id"),
            ({"attributes": {"first name": "Kim"}}, "attributes"),
            ({"attributes": {"note": "x" * 501}}, "attributes.note"),
            ({"attributes": {f"a{n}": 1 for n in range(101)}}, "attributes"),
            ({"consents": {"location": None}}, "consents.location"),
            ({"name": "Kim"}, "name"),
        )
        for body, field in wrong:
            answer = await town.sign_up(**body)
            assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
        assert await town.town.count("SELECT count(*) FROM customers") == 0


async def test_a_sign_up_repeated_under_its_key_makes_one_customer(pool: Pool) -> None:
    async with phones(pool) as town:
        headers = {"Authorization": f"Bearer {town.app_key}", "Idempotency-Key": "one"}
        first, second = [
            await town.served.call("POST", "/v1/customers", json={"locale": "en"}, headers=headers) for _ in range(2)
        ]
        assert first.body == second.body
        assert second.headers["Idempotent-Replayed"] == "true"
        assert await town.town.count("SELECT count(*) FROM customers") == 1


async def test_signing_up_is_an_occasion_and_signing_in_again_is_none(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "identity.key"
    file.write_bytes(KEY + b"\n")
    async with phones(pool, identity__secret_file=str(file)) as town:
        made = await town.sign_up(external_id="4711", consents={"location": True})
        again = await town.sign_up(external_id="4711", identity_token=jwt("4711", now=town.clock.now()))
        assert again.json["customer_id"] == made.json["customer_id"]
        rows = await town.town.rows(
            "SELECT customer_id::text, kind, name FROM occasions JOIN customer_events e USING (bucket, id, customer_id, name)"
        )
    assert rows == [{"customer_id": made.json["customer_id"], "kind": "event", "name": "sign-up"}]
