"""Alerts to iPhones: what is sent, and what Apple (a stand-in that checks what Apple checks) says of it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from yarl import URL

from server.channels.apns import Apns, headers_for, payload_for
from server.channels.base import Alert, Outcome, collapse_id
from server.channels.connection import Patience
from server.channels.http2 import Http2
from server.channels.provider_token import ProviderToken
from tests.apple_home import Heard
from tests.channels.lines import TOKEN
from tests.standins import apns as standins

KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  the stand-in checks by the real clock, as Apple does
HOUR = timedelta(hours=1)
MOMENT = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")


def alert(**changed: Any) -> Alert:
    whole: dict[str, Any] = {
        "id": uuid4(), "moment_id": MOMENT, "title": "Warm bleiben", "body": "Ein Kaffee für dich, zwei Minuten weit.",
        "collapse_id": collapse_id("coffee", MOMENT), "expires_at": NOW + HOUR,
        "image_url": "https://brand.example/cup.jpg", "action": {"type": "pass"},
    }  # fmt: skip
    return Alert(**{**whole, **changed})


def told(written: bytes) -> dict[str, Any]:
    return json.loads(written)


def headers(one: Alert, *, bearer: str | None = "t") -> Mapping[str, str]:
    shared, once = headers_for(one, "example.app", token=bearer, ends=one.expires_at)
    return {**shared, **once}


def test_the_headers_are_apples() -> None:
    one = alert()
    assert headers(one) == {
        "apns-topic": "example.app",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-id": str(one.id),
        "apns-expiration": str(int(one.expires_at.timestamp())),
        "apns-collapse-id": one.collapse_id,
        "authorization": "bearer t",
    }
    assert "authorization" not in headers(one, bearer=None)


def test_ids_stay_the_same_over_all_tries() -> None:
    one = alert()
    assert headers(one) == headers(one)


@pytest.mark.parametrize("text", ["x" * 65, "ä" * 40, "ä"])
def test_a_collapse_id_is_of_at_most_64_bytes_and_still_its_own(text: str) -> None:
    found = headers(alert(collapse_id=text))["apns-collapse-id"]
    assert len(found.encode()) <= 64
    assert found.isascii()
    assert found == headers(alert(collapse_id=text))["apns-collapse-id"]
    assert found != headers(alert(collapse_id=text + "y"))["apns-collapse-id"]


def test_the_payload_tells_the_moment() -> None:
    assert told(payload_for(alert())) == {
        "aps": {
            "alert": {"title": "Warm bleiben", "body": "Ein Kaffee für dich, zwei Minuten weit."},
            "sound": "default",
            "mutable-content": 1,
        },
        "moment_id": str(MOMENT),
        "image_url": "https://brand.example/cup.jpg",
        "action": {"type": "pass"},
    }
    plain = told(payload_for(alert(image_url=None, action={})))
    assert set(plain) == {"aps", "moment_id"}
    assert "mutable-content" not in plain["aps"]


def test_words_that_are_too_long_are_cut_and_everything_else_stays() -> None:
    written = payload_for(alert(body='Kaffee & "Kuchen" ☕ ' * 400))
    assert 4050 < len(written) <= 4096
    read = told(written)
    assert read["aps"]["alert"]["body"].endswith("…")
    assert (read["moment_id"], read["action"]) == (str(MOMENT), {"type": "pass"})


def test_a_picture_goes_before_the_words_then_the_action_then_the_title_and_the_moments_id_never() -> None:
    long = {"type": "link", "url": "https://brand.example/" + "x" * 3900}
    read = told(payload_for(alert(image_url="https://brand.example/" + "y" * 3900)))
    assert "image_url" not in read
    assert read["action"] == {"type": "pass"}
    assert read["aps"]["alert"]["body"] == "Ein Kaffee für dich, zwei Minuten weit."
    assert "mutable-content" not in read["aps"]
    read = told(payload_for(alert(action=long, body="Kaffee " * 100)))
    assert "action" not in read
    assert read["aps"]["alert"]["body"] == "Kaffee " * 100
    read = told(payload_for(alert(title="Warm " * 1000)))
    assert read["aps"]["alert"]["body"] in ("", "…")
    assert read["aps"]["alert"]["title"].startswith("Warm Warm")
    for each in (read, told(payload_for(alert(title="ü" * 9000, body="ü" * 9000, action=long)))):
        assert each["moment_id"] == str(MOMENT)


@pytest.fixture
async def apple() -> AsyncIterator[standins.Apns]:
    keys = {"ABC123DEFG": standins.key_from(KEY, "TEAM123456")}
    async with standins.Apns(keys=keys, orders=standins.Orders(topics={"example.app"})) as standin:
        yield standin


def channel(apple: standins.Apns, log: Heard | None = None, **changed: Any) -> Apns:
    named = {"key_id": "ABC123DEFG", "team_id": "TEAM123456", "topic": "example.app", "pem": KEY, **changed}
    http2 = Http2(
        URL(apple.url), tls=ssl.create_default_context(cafile=apple.ca_file), patience=Patience(streams=100, pause_s=60)
    )
    bearer = ProviderToken(named["pem"], key_id=named["key_id"], team_id=named["team_id"])
    return Apns(
        http2,
        topic=named["topic"],
        bearer=bearer,
        timeout_s=60,
        log=log or Heard(),
        shift=changed.get("shift", timedelta()),
    )


async def test_apple_takes_an_alert_and_sees_the_deliverys_id(apple: standins.Apns) -> None:
    own, one = channel(apple), alert()
    receipt = await own.send(one, TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.SENT, "ok")
    (seen,) = apple.seen
    assert (seen.token, seen.headers["apns-id"]) == (TOKEN, str(one.id))
    assert told(seen.body)["moment_id"] == str(MOMENT)
    await own.close()


async def test_the_largest_payload_is_taken(apple: standins.Apns) -> None:
    own = channel(apple)
    for size in range(0, 6000, 250):
        await own.send(alert(title="ü" * (size // 8), body="☕" * size), TOKEN, now=NOW)
    assert apple.counts() == {"": 24}
    assert max(len(seen.body) for seen in apple.seen) > 4050
    await own.close()


async def test_many_alerts_go_over_one_connection(apple: standins.Apns) -> None:
    own = channel(apple)
    receipts = await asyncio.gather(*(own.send(alert(), TOKEN, now=NOW) for _ in range(150)))
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}
    assert apple.connections == 1
    assert len({seen.headers["authorization"] for seen in apple.seen}) == 1
    await own.close()


async def test_a_dead_token_is_gone_since_apple_says_so(apple: standins.Apns) -> None:
    own = channel(apple)
    apple.orders.gone[TOKEN] = 1_793_692_920_000
    receipt = await own.send(alert(), TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.GONE, "Unregistered")
    assert receipt.gone_since == datetime.fromtimestamp(1_793_692_920, UTC)
    await own.close()


async def test_an_expired_provider_token_is_replaced_by_the_next_try(apple: standins.Apns) -> None:
    own = channel(apple)
    assert (await own.send(alert(), TOKEN, now=NOW - timedelta(seconds=2))).outcome is Outcome.SENT
    apple.expire_tokens()
    first = await own.send(alert(), TOKEN, now=NOW)
    assert (first.outcome, first.reason, first.retry_after_s) == (Outcome.LATER, "ExpiredProviderToken", 0.0)
    assert (await own.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
    await own.close()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"key_id": "OTHER12345"}, "InvalidProviderToken"),
        ({"team_id": "OTHER12345"}, "InvalidProviderToken"),
        ({"topic": "other.app"}, "TopicDisallowed"),
        ({"shift": timedelta(hours=2)}, "ExpiredProviderToken"),
    ],
)
async def test_a_wrong_set_up_gives_up_no_token_and_says_what_to_look_at(
    apple: standins.Apns, wrong: dict[str, Any], reason: str
) -> None:
    log = Heard()
    own = channel(apple, log, **wrong)
    for _ in range(3):
        receipt = await own.send(alert(), TOKEN, now=NOW)
        assert (receipt.outcome, receipt.reason) == (Outcome.LATER, reason)
    assert [each["reason"] for each in log.said] == [reason]
    assert TOKEN not in str(log.said)
    assert "bearer" not in str(log.said)
    await own.close()


async def test_a_clock_that_is_moved_moves_nothing_at_apple(apple: standins.Apns) -> None:
    shift = timedelta(days=-400)
    own = channel(apple, shift=shift)
    receipt = await own.send(alert(expires_at=NOW + shift + HOUR), TOKEN, now=NOW + shift)
    assert receipt.outcome is Outcome.SENT
    assert abs(int(apple.seen[0].headers["apns-expiration"]) - (NOW + HOUR).timestamp()) <= 1
    await own.close()


async def test_nobody_is_reached_where_everything_is_right(apple: standins.Apns) -> None:
    own = channel(apple)
    assert (await own.reach(uuid4(), now=NOW)).reason == "BadDeviceToken"
    await own.close()
