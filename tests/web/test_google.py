"""Google's callbacks and our links over HTTP: the good ones count, once; forged, expired, foreign and replayed ones do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.wallet.codes import read_code
from server.web.google import CALLBACK
from tests.google_scene import google_parts, payload_of
from tests.passes.google.discovery import objections
from tests.standins.google import ISSUER, Fault, Google
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered

OTHERS = "3388000000099999999"


@dataclass
class House:
    """A counter with an issuer, and Google."""

    counter: Counter
    google: Google

    async def call_back(
        self, serial: object, *, body: bytes | None = None, kind: str = "good", **changes: Any
    ) -> Answered:
        """Send a callback about a pass."""
        made = self.google.callback(f"{ISSUER}.{serial}", f"{ISSUER}.{self.counter.offer_id}", kind=kind, **changes)
        headers = {"Content-Type": "application/json", "User-Agent": "Googlebot"}
        return await self.counter.served.call("POST", CALLBACK, data=body or made, headers=headers)

    async def row(self, serial: object) -> dict[str, Any] | None:
        async with self.counter.pool.acquire() as db:
            found = await db.fetchrow("SELECT * FROM google_objects WHERE serial = $1", UUID(str(serial)))
        return None if found is None else dict(found)

    async def waiting(self) -> int:
        count: int = await self.counter.value("SELECT count(*) FROM deliveries WHERE channel = 'google_wallet'")
        return count


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    async with Google() as google, google_parts(tmp_path, google) as parts:
        limits = {"limits__wallet_per_minute": 20}
        async with open_counter(db_dsn, tmp_path, parts={"google": parts}, **limits) as counter:
            yield House(counter, google)


async def test_a_save_is_heard_once_and_has_the_whole_pass_told(house: House) -> None:
    told = await house.counter.taken()
    body = house.google.callback(f"{ISSUER}.{told['serial']}", f"{ISSUER}.x")
    for _ in range(3):
        answered = await house.call_back(told["serial"], body=body)
        assert (answered.status, answered.body) == (200, b"{}")
    row = await house.row(told["serial"])
    assert row is not None
    assert row["saved_at"] is not None
    assert row["removed_at"] is None
    assert await house.waiting() == 1
    assert await house.counter.value("SELECT count(*) FROM google_callbacks") == 1


@pytest.mark.parametrize("kind", ["forged", "expired", "foreign", "old_key", "unsigned_key"])
async def test_what_is_not_googles_not_in_time_or_not_for_us_is_401_and_leaves_nothing(house: House, kind: str) -> None:
    told = await house.counter.taken()
    answered = await house.call_back(told["serial"], kind=kind)
    assert (answered.status, answered.json["code"]) == (401, "unauthenticated")
    assert await house.row(told["serial"]) is None
    assert await house.counter.value("SELECT count(*) FROM google_callbacks") == 0
    assert (await house.call_back(told["serial"])).status == 200


@pytest.mark.parametrize("body", [b"", b"{no json", b"[]", b"{}", b"\xff" * 10])
async def test_what_is_no_callback_is_401_too(house: House, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "Googlebot"}
    answered = await house.counter.served.call("POST", CALLBACK, data=body, headers=headers)
    assert (answered.status, answered.json["code"]) == (401, "unauthenticated")
    assert house.google.seen == []  # nobody asks for keys to check nothing with


async def test_a_message_for_another_issuer_is_refused_though_google_signed_it(house: House) -> None:
    told = await house.counter.taken()
    stranger = house.google.signer.callback(
        issuer=OTHERS, object_id=f"{ISSUER}.{told['serial']}", class_id=f"{ISSUER}.x"
    )
    assert (await house.call_back(told["serial"], body=stranger)).status == 401


async def test_the_later_word_counts_in_whichever_order_they_come(house: House) -> None:
    told = await house.counter.taken()
    base = int((await house.counter.value("SELECT extract(epoch FROM now())::float8")) * 1000) + 3_600_000
    for event, at, removed in (("del", 20, True), ("save", 10, True), ("save", 30, False), ("del", 25, False)):
        assert (await house.call_back(told["serial"], eventType=event, expTimeMillis=base + at)).status == 200
        row = await house.row(told["serial"])
        assert row is not None
        assert (row["removed_at"] is not None) == removed, (event, at)
    for event, count, removed in (("del", 5, True), ("save", 4, True), ("save", 6, False)):
        await house.call_back(told["serial"], eventType=event, expTimeMillis=base + 99, count=count)
        row = await house.row(told["serial"])
        assert row is not None
        assert (row["removed_at"] is not None) == removed, (event, count)


@pytest.mark.parametrize("suffix", ["not-a-uuid", "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"])
async def test_a_pass_that_is_not_ours_is_200_and_nothing(house: House, suffix: str) -> None:
    assert (await house.call_back(suffix)).status == 200
    assert await house.counter.value("SELECT count(*) FROM google_callbacks") == 0


async def test_who_has_another_credential_is_not_google(house: House) -> None:
    body = house.google.callback(f"{ISSUER}.x", f"{ISSUER}.x")
    for by, status in (("till", 403), ("admin", 403)):
        answered = await house.counter.ask("POST", CALLBACK, by=by, data=body)
        assert answered.status == status


async def test_keys_are_fetched_once_for_all_and_strangers_make_nobody_fetch_them(house: House) -> None:
    told = await house.counter.taken()
    for kind in ("good", "unsigned_key", "unsigned_key", "forged", "good"):
        await house.call_back(told["serial"], kind=kind)
    assert len(house.google.calls("GET", "/keys")) == 1


async def test_a_flood_of_strangers_is_429_and_google_still_comes_through(house: House) -> None:
    told = await house.counter.taken()
    statuses = [(await house.call_back(told["serial"], kind="forged")).status for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert (await house.call_back(told["serial"])).status == 200


async def test_while_google_gives_no_keys_it_is_503_and_it_may_come_again(house: House) -> None:
    told = await house.counter.taken()
    house.google.faults.append(Fault("503", where="keys"))
    answered = await house.call_back(told["serial"])
    assert (answered.status, answered.headers["Retry-After"]) == (503, "30")
    assert await house.row(told["serial"]) is None


async def test_without_an_issuer_nobody_is_google(db_dsn: str, tmp_path: Path) -> None:
    async with Google() as google, open_counter(db_dsn, tmp_path) as counter:
        body = google.callback(f"{ISSUER}.x", f"{ISSUER}.x")
        headers = {"Content-Type": "application/json"}
        answered = await counter.served.call("POST", CALLBACK, data=body, headers=headers)
        assert answered.status == 401
        assert google.seen == []


async def test_a_pass_has_a_link_that_saves_it_as_long_as_it_can_be_used(house: House) -> None:
    told = await house.counter.taken()
    payload = payload_of(told["links"]["google"], house.google)
    [object_] = payload["offerObjects"]
    assert objections("OfferObject", object_) == []
    async with house.counter.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
    serial = read_code(object_["barcode"]["value"], keyring=house.counter.keyring, now=now)
    assert str(serial) == told["serial"]
    listed = (await house.counter.ask("GET", "/v1/passes", by="kim")).json["items"]
    shown = (await house.counter.ask("GET", f"/v1/passes/{told['serial']}", by="kim")).json
    assert [each["links"]["google"] for each in [*listed, shown]] == [told["links"]["google"]] * 2
    assert await house.waiting() == 0
    assert (await house.counter.redeem(told["code"])).status == 201
    used = (await house.counter.ask("GET", f"/v1/passes/{told['serial']}", by="kim")).json
    assert used["links"]["google"] is None


async def test_a_changing_barcode_is_scanned_once_over_http(db_dsn: str, tmp_path: Path) -> None:
    async with (
        Google() as google,
        google_parts(tmp_path, google, rotating=True) as parts,
        open_counter(db_dsn, tmp_path, parts={"google": parts}) as counter,
    ):
        told = await counter.taken()
        payload = payload_of(told["links"]["google"], google)
        assert payload == {
            "offerObjects": [{"id": f"{ISSUER}.{told['serial']}", "classId": f"{ISSUER}.{counter.offer_id}"}]
        }
        channels = await counter.value("SELECT array_agg(channel || ' ' || state) FROM deliveries")
        assert channels == ["google_wallet queued"]
        sealed = await counter.value("SELECT totp_sealed FROM google_objects")
        now = await counter.value("SELECT clock_timestamp()")
        key = parts.issuer.open_secret(sealed, serial=UUID(told["serial"]), table="google_objects", now=now)
        assert key is not None
        code = await shown(counter, key, told["serial"])
        first, second = await counter.redeem(code), await counter.redeem(code)
        assert (first.status, second.status, second.json["code"]) == (201, 409, "already_redeemed")
        assert second.json["store_id"] == str(counter.store_id)
        stale = await counter.redeem(code.split(".")[0] + ".00000000")
        assert (stale.status, stale.json["code"]) == (404, "unknown_code")
        assert await counter.value("SELECT count FROM wrong_codes") == 1


async def shown(counter: Counter, key: bytes, serial: str) -> str:
    """What the phone shows now."""
    from server.wallet.codes import CHANGING, issue_code
    from tests.pipeline.test_redeem_changing import PERIOD_S, digits

    now = await counter.value("SELECT clock_timestamp()")
    name = issue_code(UUID(serial), keyring=counter.keyring, key_id=1, now=now, version=CHANGING)
    return f"{name}.{digits(key, int(now.timestamp()) // PERIOD_S)}"
