"""Notifications on Android: what is sent, and what Firebase (a stand-in that checks what Firebase checks) says of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession
from yarl import URL

from passes.google.credentials import read_service_account
from server.channels.base import Alert, Outcome, collapse_id
from server.channels.fcm import NOBODY, OURS, OUTCOMES, SCOPE, Fcm, headers_for, payload_for, receipt_from
from server.channels.oauth import TokenSource
from server.channels.rest import Heard
from tests.apple_home import Heard as Log
from tests.passes.google.samples import account as stranger
from tests.standins import fcm as standins
from tests.standins.fcm import PROJECT, STATUS, objections

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  the stand-in judges assertions by the real clock, as Google does
HOUR = timedelta(hours=1)
MOMENT = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
TOKEN = "cXl3:APA91bH_-" + "x" * 120


def alert(**changed: Any) -> Alert:
    whole: dict[str, Any] = {
        "id": uuid4(), "moment_id": MOMENT, "title": "Warm bleiben", "body": "Ein Kaffee für dich, zwei Minuten weit.",
        "collapse_id": collapse_id("coffee", MOMENT), "expires_at": NOW + HOUR,
        "image_url": "https://brand.example/cup.jpg", "action": {"type": "pass"},
    }  # fmt: skip
    return Alert(**{**whole, **changed})


def written(one: Alert, *, ttl: timedelta = HOUR) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(payload_for(one, TOKEN, ttl=ttl))["message"]
    assert objections(message) == []
    return message


@pytest.fixture
async def firebase() -> AsyncIterator[standins.Fcm]:
    async with standins.Fcm() as standin:
        yield standin


@contextlib.asynccontextmanager
async def channel(firebase: standins.Fcm, *, log: Log | None = None, **changes: Any) -> AsyncIterator[Fcm]:
    session = ClientSession()
    account = changes.pop("account", None) or read_service_account(firebase.account)
    tokens = TokenSource(session, account, scope=SCOPE, token_url=URL(changes.pop("token_url", firebase.token_url)))
    told = {"base_url": URL(firebase.url), "project": PROJECT, "timeout_s": 5.0, "log": log or Log()}
    made = Fcm(session, tokens, **{**told, **changes})
    try:
        yield made
    finally:
        await made.close()
        assert session.closed


# --- what is sent ---


def test_the_message_tells_the_moment_in_strings_alone() -> None:
    one = alert()
    assert written(one) == {
        "token": TOKEN,
        "notification": {"title": one.title, "body": one.body, "image": one.image_url},
        "data": {"moment_id": str(MOMENT), "delivery_id": str(one.id), "action": '{"type": "pass"}'},
        "android": {
            "priority": "HIGH",
            "ttl": "3600s",
            "collapse_key": one.collapse_id,
            "notification": {"tag": one.collapse_id},
        },
    }
    assert headers_for("t") == {"Authorization": "Bearer t", "Content-Type": "application/json"}


def test_what_a_moment_does_not_have_is_left_out() -> None:
    message = written(alert(image_url=None, action={}, collapse_id=""))
    assert set(message["notification"]) == {"title", "body"}
    assert set(message["data"]) == {"moment_id", "delivery_id"}
    assert set(message["android"]) == {"priority", "ttl"}


@pytest.mark.parametrize(
    ("ttl", "said"),
    [(timedelta(seconds=1.9), "1s"), (timedelta(milliseconds=5), "0s"), (timedelta(days=40), f"{28 * 86_400}s")],
)
def test_firebase_keeps_it_as_long_as_it_is_wanted_and_never_for_more_than_four_weeks(
    ttl: timedelta, said: str
) -> None:
    assert written(alert(), ttl=ttl)["android"]["ttl"] == said


@pytest.mark.parametrize("filler", ["x", "ä", "👩‍👩‍👧", '"', "\n", "\U0001f1e9\U0001f1ea"])
@pytest.mark.parametrize("where", ["title", "body", "both"])
def test_a_message_is_never_too_large_and_keeps_the_moments_id(filler: str, where: str) -> None:
    long = filler * 5000
    words = (
        {"title": long} if where == "title" else {"body": long} if where == "body" else {"title": long, "body": long}
    )
    message = written(alert(**words))  # the stand-in counts the bytes
    assert message["data"]["moment_id"] == str(MOMENT)
    assert (message["notification"]["title"] + message["notification"]["body"]).rstrip().endswith("…")
    assert message["notification"]["title"]


def test_a_picture_goes_before_the_action_and_the_action_before_the_words() -> None:
    large = alert(image_url="https://brand.example/" + "x" * 3800)
    assert "image" not in written(large)["notification"]
    assert "action" in written(large)["data"]
    larger = alert(action={"type": "url", "url": "https://brand.example/" + "x" * 3900})
    assert set(written(larger)["data"]) == {"moment_id", "delivery_id"}
    assert written(larger)["notification"]["body"] == larger.body


# --- what is answered ---


def refused(word: str, **told: Any) -> Heard:
    answer = standins.refusal(word, told.get("fields", []), headers={})
    assert isinstance(answer.body, bytes)
    return Heard(answer.status, told.get("headers", {}), answer.body)


def test_every_word_of_firebases_has_an_outcome() -> None:
    for word in STATUS:
        receipt = receipt_from(refused(word, fields=["message.android.ttl"]), now=NOW)
        assert receipt.outcome is OUTCOMES[word]
        assert receipt.reason.split()[0] == word


def test_a_token_is_given_up_only_where_it_is_to_blame() -> None:
    gone = [refused("UNREGISTERED"), refused("INVALID_ARGUMENT", fields=["message.token"]), refused("INVALID_ARGUMENT")]
    assert {receipt_from(each, now=NOW).outcome for each in gone} == {Outcome.GONE}
    assert {receipt_from(refused(word), now=NOW).outcome for word in OURS} == {Outcome.LATER}
    for fields in (["message.android.ttl"], ["message.token", "message.data"]):
        receipt = receipt_from(refused("INVALID_ARGUMENT", fields=fields), now=NOW)
        assert receipt == receipt.__class__(Outcome.REFUSED, " ".join(("INVALID_ARGUMENT", *fields)))


def test_a_time_to_wait_is_kept_to_and_a_quota_without_one_is_left_alone_for_a_minute() -> None:
    told = receipt_from(refused("QUOTA_EXCEEDED", headers={"Retry-After": "7"}), now=NOW)
    assert (told.outcome, told.retry_after_s) == (Outcome.LATER, 7.0)
    assert receipt_from(refused("QUOTA_EXCEEDED"), now=NOW).retry_after_s == 60.0
    assert receipt_from(refused("SENDER_ID_MISMATCH"), now=NOW).retry_after_s == 60.0
    assert receipt_from(refused("UNAVAILABLE"), now=NOW).retry_after_s is None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Outcome.LATER), (302, Outcome.LATER), (404, Outcome.LATER), (403, Outcome.LATER), (502, Outcome.LATER),
     (400, Outcome.REFUSED), (413, Outcome.REFUSED)],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"<html>log in first", b"", b"\xff", b"[" * 9000, b"[]", b"null"])
def test_an_answer_that_is_not_firebases_takes_no_token_away(status: int, outcome: Outcome, body: bytes) -> None:
    receipt = receipt_from(Heard(status, {}, body), now=NOW)
    assert receipt.outcome is outcome
    assert receipt.reason in (f"status {status}", "an answer that is not Firebase's")


@pytest.mark.parametrize(
    "body",
    [b'{"error": 1}', b'{"error": {"status": "\\u0000", "details": {}}}',
     b'{"error": {"status": 7, "details": [1, {"errorCode": [], "fieldViolations": [1, {"field": 2}]}]}}'],
)  # fmt: skip
def test_a_refusal_that_is_no_refusal_is_sorted_by_its_status(body: bytes) -> None:
    for status, outcome in ((400, Outcome.REFUSED), (404, Outcome.LATER), (500, Outcome.LATER)):
        receipt = receipt_from(Heard(status, {}, body), now=NOW)
        assert (receipt.outcome, receipt.reason) == (outcome, f"status {status}")


# --- through the stand-in ---


async def test_what_is_sent_arrives_and_all_share_one_token(firebase: standins.Fcm) -> None:
    async with channel(firebase) as fcm:
        sent = [alert() for _ in range(40)]
        receipts = await asyncio.gather(*(fcm.send(each, TOKEN, now=NOW) for each in sent))
    assert {(each.outcome, each.reason) for each in receipts} == {(Outcome.SENT, "ok")}
    assert firebase.asked == 1
    assert {each.message["data"]["delivery_id"] for each in firebase.taken} == {str(each.id) for each in sent}


async def test_tries_of_one_delivery_are_the_same_but_for_what_is_left_of_its_time(firebase: standins.Fcm) -> None:
    one = alert()
    async with channel(firebase) as fcm:
        for late in (timedelta(0), timedelta(minutes=10)):
            assert (await fcm.send(one, TOKEN, now=NOW + late)).outcome is Outcome.SENT
    first, second = (each.message for each in firebase.taken)
    assert (first["android"].pop("ttl"), second["android"].pop("ttl")) == ("3600s", "3000s")
    assert first == second


async def test_a_token_that_is_no_longer_taken_is_renewed_once(firebase: standins.Fcm) -> None:
    async with channel(firebase) as fcm:
        assert (await fcm.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
        firebase.tokens.clear()
        assert (await fcm.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
        assert firebase.asked == 2
        firebase.orders.plan += ["UNAUTHENTICATED"] * 2
        receipt = await fcm.send(alert(), TOKEN, now=NOW)
        assert (receipt.outcome, receipt.reason) == (Outcome.LATER, "UNAUTHENTICATED")
        assert len(firebase.seen) == 5


async def test_a_401_that_is_about_no_token_of_ours_renews_none(firebase: standins.Fcm) -> None:
    firebase.orders.plan.append("THIRD_PARTY_AUTH_ERROR")
    async with channel(firebase) as fcm:
        receipt = await fcm.send(alert(), TOKEN, now=NOW)
        assert (receipt.outcome, receipt.reason) == (Outcome.LATER, "THIRD_PARTY_AUTH_ERROR")
        assert (await fcm.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
    assert (firebase.asked, len(firebase.seen)) == (1, 2)


async def test_firebases_refusals_are_sorted_and_ours_are_told_loudly(firebase: standins.Fcm) -> None:
    log = Log()
    firebase.gone, firebase.foreign = {"old"}, {"foreign"}
    async with channel(firebase, log=log) as fcm:
        assert (await fcm.send(alert(), "old", now=NOW)).outcome is Outcome.GONE
        assert (await fcm.send(alert(), NOBODY, now=NOW)).outcome is Outcome.GONE
        assert log.said == []
        for _ in range(3):
            assert (await fcm.send(alert(), "foreign", now=NOW)).outcome is Outcome.LATER
    assert [each["reason"] for each in log.said] == ["SENDER_ID_MISMATCH"]
    assert TOKEN not in str(log.said)


@pytest.mark.parametrize("order", ["reset", "cut", "garbage", "hang", "UNAVAILABLE", "INTERNAL", "QUOTA_EXCEEDED"])
async def test_whatever_goes_wrong_on_the_way_it_is_for_later(firebase: standins.Fcm, order: str) -> None:
    firebase.orders.plan.append(order)
    async with channel(firebase, timeout_s=0.3) as fcm:
        assert (await fcm.send(alert(), TOKEN, now=NOW)).outcome is Outcome.LATER
        again = await fcm.send(alert(), TOKEN, now=NOW)
        assert again.outcome is Outcome.SENT


async def test_without_a_token_nothing_is_sent_and_it_is_told_why(firebase: standins.Fcm) -> None:
    log = Log()
    async with channel(firebase, log=log, account=stranger()) as fcm:
        receipt = await fcm.send(alert(), TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.LATER, "no token: 400 invalid_grant")
    assert receipt.retry_after_s is not None
    assert "fcm.service_account_file" in str(log.said[0]["look_at"])
    assert firebase.seen == []


async def test_what_is_over_is_not_sent(firebase: standins.Fcm) -> None:
    async with channel(firebase) as fcm:
        receipt = await fcm.send(alert(expires_at=NOW), TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason, firebase.asked) == (Outcome.REFUSED, "expired", 0)


async def test_a_house_whose_clock_is_moved_proves_itself_by_the_true_one(firebase: standins.Fcm) -> None:
    shift = timedelta(days=30)
    async with channel(firebase, shift=shift) as fcm:
        sent = await fcm.send(alert(expires_at=NOW + shift + HOUR), TOKEN, now=NOW + shift)
    assert sent.outcome is Outcome.SENT
    assert firebase.taken[0].message["android"]["ttl"] == "3600s"


async def test_who_reaches_firebase_is_known_there_and_nothing_is_sent(firebase: standins.Fcm) -> None:
    async with channel(firebase) as fcm:
        assert (await fcm.reach(uuid4(), now=NOW)).outcome is Outcome.GONE
        firebase.named = False  # Firebase does not always name the field
        assert (await fcm.reach(uuid4(), now=NOW)).outcome is Outcome.GONE
    async with channel(firebase, project="another") as fcm:
        assert (await fcm.reach(uuid4(), now=NOW)).reason == "NOT_FOUND"
    assert {each.validate_only for each in firebase.seen} == {True}
    assert firebase.taken == []
