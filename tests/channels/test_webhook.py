"""Messages as a receiver sees them, judged by the `standardwebhooks` of PyPI and by CloudEvents' rules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Judge
from standardwebhooks import WebhookVerificationError

from server.channels.base import Outcome, Receipt
from server.channels.outward import open_outward
from server.channels.reach import STAND_INS
from server.channels.signed import write_secret
from server.channels.webhook import Endpoint, Message, Webhook, body_for, headers_for, receipt_from
from tests.standins.webhook import Orders, Receiver

ID = UUID("01937d5a-0000-7000-8000-000000000001")
AT = datetime(2026, 11, 3, 8, 7, 30, 123456, tzinfo=UTC)
OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary(min_size=1, max_size=64), st.uuids(), st.text(max_size=200))
def test_whatever_is_signed_is_verified_by_another_library(secret: bytes, message_id: UUID, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    headers = headers_for(Message(message_id, body), [secret], now=datetime.now(UTC))
    assert Judge(write_secret(secret)).verify(body, headers) == {"text": text}
    with pytest.raises(WebhookVerificationError):
        Judge(write_secret(secret)).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Judge(write_secret(secret + b"x")).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Judge(write_secret(secret)).verify(body, headers | {"webhook-id": "other"})


def test_while_two_secrets_sign_either_of_them_verifies() -> None:
    message = Message(ID, b"{}")
    headers = headers_for(message, [NEW, OLD], now=datetime.now(UTC))
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (OLD, NEW):
        assert Judge(write_secret(secret)).verify(b"{}", headers) == {}
    alone = headers_for(message, [NEW], now=datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Judge(write_secret(OLD)).verify(b"{}", alone)


def test_a_message_that_was_signed_long_ago_is_not_believed() -> None:
    headers = headers_for(Message(ID, b"{}"), [NEW], now=datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="too old"):
        Judge(write_secret(NEW)).verify(b"{}", headers)


def test_a_body_is_a_cloud_event() -> None:
    whole = body_for(
        id=ID, source="https://kairos.example", type="kairos.pass.issued", at=AT, subject="s", data={"serial": "s"}
    )
    assert json.loads(whole) == {
        "specversion": "1.0",
        "id": str(ID),
        "source": "https://kairos.example",
        "type": "kairos.pass.issued",
        "subject": "s",
        "time": "2026-11-03T08:07:30.123Z",
        "datacontenttype": "application/json",
        "data": {"serial": "s"},
    }


def test_neither_secret_nor_address_nor_body_is_in_a_repr() -> None:
    shown = repr(Endpoint("https://hooks.example/canary-token", [b"canary-secret"])) + repr(Message(ID, b"canary-body"))
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SENT), (201, Outcome.SENT), (202, Outcome.SENT), (204, Outcome.SENT), (299, Outcome.SENT),
        (100, Outcome.LATER), (301, Outcome.LATER), (302, Outcome.LATER), (307, Outcome.LATER), (400, Outcome.LATER),
        (401, Outcome.LATER), (404, Outcome.LATER), (410, Outcome.GONE), (413, Outcome.LATER), (429, Outcome.LATER),
        (500, Outcome.LATER), (503, Outcome.LATER), (999, Outcome.LATER),
    ],
)  # fmt: skip
def test_the_status_decides(status: int, outcome: Outcome) -> None:
    assert receipt_from(status, {}, now=AT) == Receipt(outcome, f"status {status}")


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("99999999999999999999999", 86_400.0),
        ("Tue, 03 Nov 2026 08:08:30 GMT", 59.876544),
        ("Mon, 02 Nov 2026 08:08:30 GMT", 0.0),
        ("Fri, 03 Nov 2028 08:08:30 GMT", 86_400.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("٣", None),
        ("Tue, 03 Nov 20260 08:08:30 GMT", None),
    ],
)
def test_whoever_asks_for_time_is_given_it(header: str, wait_s: float | None) -> None:
    assert receipt_from(503, {"RETRY-AFTER": header}, now=AT).retry_after_s == wait_s


@pytest.fixture
async def channel() -> AsyncIterator[Webhook]:
    made = Webhook(open_outward(STAND_INS), deadline_s=0.3)
    yield made
    await made.close()


async def tried(channel: Webhook, receiver: Receiver, secrets: Sequence[bytes] = (NEW,)) -> Receipt:
    body = body_for(id=ID, source="s", type="t", at=AT, subject="x", data={"ü": "ß"})
    return await channel.send(Message(ID, body), Endpoint(receiver.url, secrets), now=datetime.now(UTC))


async def test_a_receiver_takes_what_it_can_verify_and_nothing_else(channel: Webhook) -> None:
    async with Receiver(secrets=[write_secret(NEW)]) as receiver:
        assert await tried(channel, receiver) == Receipt(Outcome.SENT, "status 204")
        assert await tried(channel, receiver, [OLD, NEW]) == Receipt(Outcome.SENT, "status 204")
        assert await tried(channel, receiver, [OLD]) == Receipt(Outcome.LATER, "status 401")
    first = receiver.heard[0]
    assert (first.id, first.path, first.verified) == (str(ID), "/hook", True)
    assert first.headers["Content-Type"] == "application/cloudevents+json"
    assert first.event["data"] == {"ü": "ß"}
    assert len({each.body for each in receiver.heard}) == 1


@pytest.mark.parametrize(
    ("order", "receipt"),
    [
        ("503", Receipt(Outcome.LATER, "status 503", retry_after_s=7.0)),
        ("307", Receipt(Outcome.LATER, "status 307", retry_after_s=7.0)),
        ("410", Receipt(Outcome.GONE, "status 410")),
        ("reset", Receipt(Outcome.LATER, "broken_answer")),
        ("garbage", Receipt(Outcome.LATER, "broken_answer")),
        ("hang", Receipt(Outcome.LATER, "timeout")),
        ("drip", Receipt(Outcome.SENT, "status 200")),
        ("flood", Receipt(Outcome.SENT, "status 200")),
    ],
)
async def test_a_receiver_that_fails_is_a_receipt(channel: Webhook, order: str, receipt: Receipt) -> None:
    orders = Orders(retry_after="7")
    orders.plan.append(order)
    async with Receiver(secrets=[write_secret(NEW)], orders=orders) as receiver:
        assert await tried(channel, receiver) == receipt
        assert await tried(channel, receiver) == Receipt(Outcome.SENT, "status 204")
    assert [each.path for each in receiver.heard] == ["/hook", "/hook"]


async def test_a_receiver_that_is_away_is_a_receipt_too(channel: Webhook) -> None:
    async with Receiver() as receiver:
        pass
    gone: Any = await tried(channel, receiver)
    assert gone == Receipt(Outcome.LATER, "no_connection")
