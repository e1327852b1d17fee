"""Moments in browsers: RFC 8291's own example, and a browser that opens what it gets by the RFC's steps."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from server.channels.base import Alert, Outcome, Subscription, collapse_id
from server.channels.outward import Answer, open_outward
from server.channels.reach import PUBLIC, STAND_INS, Policy
from server.channels.vapid import Vapid, new_key
from server.channels.webpush import (
    LARGEST,
    OVERHEAD,
    SIZES,
    NoKeys,
    WebPush,
    encrypted,
    headers_for,
    origin_of,
    payload_for,
    receipt_from,
    topic_of,
)
from tests.apple_home import Heard as Log
from tests.standins import webpush as standins
from tests.standins.webpush import Browser, bytes_of, opened, text_of

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  the stand-in judges tokens by the real clock
HOUR = timedelta(hours=1)
MOMENT = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
VAPID = Vapid(new_key(), subject="mailto:push@brand.example", setting="")


def alert(**changed: Any) -> Alert:
    whole: dict[str, Any] = {
        "id": uuid4(), "moment_id": MOMENT, "title": "Warm bleiben", "body": "Ein Kaffee für dich, zwei Minuten weit.",
        "collapse_id": collapse_id("coffee", MOMENT), "expires_at": NOW + HOUR,
        "image_url": "https://brand.example/cup.jpg", "action": {"type": "pass"},
    }  # fmt: skip
    return Alert(**{**whole, **changed})


def address(told: dict[str, Any]) -> Subscription:
    return Subscription(told["endpoint"], bytes_of(told["keys"]["p256dh"]), bytes_of(told["keys"]["auth"]))


@contextlib.asynccontextmanager
async def channel(*, policy: Policy = STAND_INS, log: Log | None = None, **changes: Any) -> AsyncIterator[WebPush]:
    made = WebPush(open_outward(policy), VAPID, **{"timeout_s": 5.0, "log": log or Log(), **changes})
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def service() -> AsyncIterator[standins.WebPush]:
    async with standins.WebPush() as standin:
        yield standin


# --- what is encrypted ---


def test_the_example_of_the_rfc_comes_out_byte_by_byte() -> None:
    """RFC 8291, section 5 and appendix A."""
    private = ec.derive_private_key(
        int.from_bytes(bytes_of("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    browser = bytes_of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    body = encrypted(
        b"When I grow up, I want to be a watermelon",
        Subscription("", browser, bytes_of("BTBZMqHH6r4Tts7J_aSIgg")),
        salt=bytes_of("DGv6ra1nlYgDCS1FRnbzlw"),
        own=private,
    )
    assert text_of(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_the_browser_of_the_rfc_reads_its_example_by_our_own_reading_of_the_steps() -> None:
    """The judge is judged: what opens messages in these tests opens the RFC's."""
    private = ec.derive_private_key(
        int.from_bytes(bytes_of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"), ec.SECP256R1()
    )
    body = bytes_of(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert opened(body, private, bytes_of("BTBZMqHH6r4Tts7J_aSIgg")) == b"When I grow up, I want to be a watermelon"


def test_two_messages_share_neither_salt_nor_key() -> None:
    browser = Browser("")
    there = Subscription("", browser.point, browser.auth)
    first, second = encrypted(b"same", there), encrypted(b"same", there)
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    assert opened(first, browser.private, browser.auth) == opened(second, browser.private, browser.auth) == b"same"
    with pytest.raises(ValueError, match="not for this browser"):
        opened(first, Browser("").private, browser.auth)


@pytest.mark.parametrize(
    ("point", "auth"),
    [(b"", b"x" * 16), (b"\4" + b"\1" * 64, b"x" * 16), (Browser("").point, b"x" * 15)],
    ids=["no key", "no point of the curve", "too short a secret"],
)
def test_keys_that_are_none_are_refused(point: bytes, auth: bytes) -> None:
    with pytest.raises(NoKeys):
        encrypted(b"x", Subscription("", point, auth))


@pytest.mark.parametrize("limit", SIZES)
@pytest.mark.parametrize("filler", ["x", "ä", "👩‍👩‍👧", '"'])
def test_a_body_is_never_too_large_and_keeps_the_moments_id(filler: str, limit: int) -> None:
    browser = Browser("")
    plain = payload_for(alert(title=filler * 3000, body=filler * 3000), limit=limit)
    body = encrypted(plain, Subscription("", browser.point, browser.auth))
    assert len(body) == len(plain) + OVERHEAD <= LARGEST
    assert len(plain) <= limit
    assert json.loads(plain)["moment_id"] == str(MOMENT)
    assert json.loads(opened(body, browser.private, browser.auth)) == json.loads(plain)


def test_the_message_and_its_headers_tell_the_moment() -> None:
    one = alert()
    assert json.loads(payload_for(one)) == {
        "title": one.title, "body": one.body, "moment_id": str(MOMENT), "delivery_id": str(one.id),
        "tag": one.collapse_id, "image_url": one.image_url, "action": {"type": "pass"},
    }  # fmt: skip
    assert headers_for(one, "vapid t=…", ttl=timedelta(seconds=90.7)) == {
        "Authorization": "vapid t=…", "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
        "TTL": "90", "Urgency": "high", "Topic": topic_of(one.collapse_id),
    }  # fmt: skip
    assert headers_for(one, "", ttl=timedelta(days=99))["TTL"] == str(28 * 86_400)
    bare = alert(collapse_id="", image_url=None, action={})
    assert set(json.loads(payload_for(bare))) == {"title", "body", "moment_id", "delivery_id"}
    assert "Topic" not in headers_for(bare, "", ttl=HOUR)


@pytest.mark.parametrize("text", ["x" * 33, "ä", "a b", collapse_id("coffee", MOMENT)])
def test_a_topic_is_of_at_most_32_characters_and_still_its_own(text: str) -> None:
    found = topic_of(text)
    assert len(found) == 32
    assert text_of(bytes_of(found)) == found == topic_of(text) != topic_of(text + "y")
    assert topic_of("coffee_-7") == "coffee_-7"


def test_a_token_is_for_the_origin_of_the_address() -> None:
    assert origin_of("https://push.example/send/abc?x=1") == "https://push.example"
    assert origin_of("https://push.example:8443/send") == "https://push.example:8443"
    assert origin_of("nothing") == origin_of("https://[x") == ""


# --- what is answered ---


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Outcome.SENT), (201, Outcome.SENT), (202, Outcome.SENT), (404, Outcome.GONE), (410, Outcome.GONE),
     (301, Outcome.REFUSED), (400, Outcome.REFUSED), (413, Outcome.REFUSED), (401, Outcome.LATER), (403, Outcome.LATER),
     (408, Outcome.LATER), (429, Outcome.LATER), (500, Outcome.LATER), (503, Outcome.LATER)],
)  # fmt: skip
def test_answers_are_sorted_by_their_status(status: int, outcome: Outcome) -> None:
    receipt = receipt_from(Answer(status, {"retry-after": "9"}, b"secret"), now=NOW)
    assert receipt.outcome is outcome
    assert receipt.reason == ("ok" if outcome is Outcome.SENT else f"status {status}")
    assert receipt.retry_after_s == (9.0 if outcome is Outcome.LATER else None)


def test_who_does_not_know_us_is_left_alone_for_a_minute() -> None:
    assert receipt_from(Answer(403, {}, b""), now=NOW).retry_after_s == 60.0
    assert receipt_from(Answer(503, {}, b""), now=NOW).retry_after_s is None


# --- through the stand-in ---


async def test_what_is_sent_is_read_by_the_browser_that_subscribed_with_our_key(service: standins.WebPush) -> None:
    one, there = alert(), [address(service.subscribe(VAPID.public)) for _ in range(20)]
    async with channel() as webpush:
        receipts = await asyncio.gather(*(webpush.send(one, each, now=NOW) for each in there))
    assert {each.outcome for each in receipts} == {Outcome.SENT}
    assert len(service.taken) == 20
    assert {each.browser for each in service.taken} == set(service.browsers)
    assert all(each.told == json.loads(payload_for(one)) for each in service.taken)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_over_is_given_up(service: standins.WebPush, status: int) -> None:
    there = address(service.subscribe(VAPID.public))
    service.gone[next(iter(service.browsers))] = status
    async with channel() as webpush:
        assert (await webpush.send(alert(), there, now=NOW)).outcome is Outcome.GONE


async def test_a_subscription_with_another_key_is_not_given_up_but_told(service: standins.WebPush) -> None:
    log, there = Log(), address(service.subscribe(Vapid(new_key(), subject="", setting="").public))
    async with channel(log=log) as webpush:
        receipt = await webpush.send(alert(), there, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.LATER, "status 403")
    assert [(each["event"], each["reason"]) for each in log.said] == [("browsers_take_nothing", "status 403")]
    assert there.endpoint not in str(log.said)


async def test_a_service_that_takes_less_gets_fewer_words(service: standins.WebPush) -> None:
    there, long = address(service.subscribe(VAPID.public)), alert(body="Kaffee " * 2000)
    async with channel() as webpush:
        for largest, tries in ((LARGEST, 1), (3000, 2), (1500, 3)):
            service.largest, before = largest, len(service.seen)
            assert (await webpush.send(long, there, now=NOW)).outcome is Outcome.SENT
            assert len(service.seen) - before == tries
            assert service.taken[-1].told["moment_id"] == str(MOMENT)
            assert service.taken[-1].told["body"].endswith("…")
        service.largest = 100
        receipt = await webpush.send(long, there, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "status 413")


@pytest.mark.parametrize("order", ["reset", "cut", "garbage", "hang", "503", "500", "429"])
async def test_whatever_goes_wrong_on_the_way_it_is_for_later(service: standins.WebPush, order: str) -> None:
    there = address(service.subscribe(VAPID.public))
    service.orders.plan.append(order)
    service.orders.retry_after = "5"
    async with channel(timeout_s=0.3) as webpush:
        receipt = await webpush.send(alert(), there, now=NOW)
        assert receipt.outcome is Outcome.LATER
        assert receipt.retry_after_s == (5.0 if order in ("503", "429") else None)
        assert (await webpush.send(alert(), there, now=NOW)).outcome is Outcome.SENT


async def test_an_address_within_the_house_is_never_reached(service: standins.WebPush) -> None:
    there = address(service.subscribe(VAPID.public))
    inside = Subscription("https://127.0.0.1/push", there.p256dh, there.auth)
    async with channel(policy=PUBLIC) as webpush:
        for each in (there, inside, Subscription("nothing", there.p256dh, there.auth)):
            receipt = await webpush.send(alert(), each, now=NOW)
            assert (receipt.outcome, receipt.reason) == (Outcome.GONE, "address_refused")
    assert service.seen == []


async def test_keys_of_no_browser_give_the_subscription_up(service: standins.WebPush) -> None:
    there = Subscription(service.subscribe()["endpoint"], b"\4" * 65, b"x" * 16)
    async with channel() as webpush:
        receipt = await webpush.send(alert(), there, now=NOW)
    assert (receipt.outcome, receipt.reason, service.seen) == (Outcome.GONE, "bad_keys", [])


async def test_what_is_over_is_not_sent_and_a_moved_clock_is_none_of_the_services(service: standins.WebPush) -> None:
    there, shift = address(service.subscribe(VAPID.public)), timedelta(days=30)
    async with channel(shift=shift) as webpush:
        late = alert(expires_at=NOW + shift + HOUR)
        assert (await webpush.send(late, there, now=NOW + shift + HOUR)).reason == "expired"
        assert (await webpush.send(late, there, now=NOW + shift)).outcome is Outcome.SENT
        service.orders.plan.append("503")
        service.orders.retry_after = format_datetime(NOW + timedelta(minutes=10), usegmt=True)
        told = await webpush.send(late, there, now=NOW + shift)
    assert [each.headers["TTL"] for each in service.seen] == ["3600", "3600"]
    assert told.retry_after_s is not None
    assert 598 < told.retry_after_s <= 600
