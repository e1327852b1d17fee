"""The REST client against a stand-in that judges every body by Google's own description, and fails as told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from passes.google.credentials import SCOPE
from passes.google.objects import changes, class_body, kind_of, message_body, object_body
from passes.google.rotating import rotating_barcode
from passes.styles import STYLES
from server.channels.base import Outcome
from server.channels.google_wallet import Card, GoogleWallet, receipt_from, word_of
from server.channels.oauth import TokenSource
from server.channels.rest import Heard
from tests.google_scene import account_of
from tests.passes.google.samples import ISSUER, design
from tests.passes.samples import coupon
from tests.standins.google import Fault, Google

NOW = datetime.now(UTC)
ID = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
DESIGN = design()
CLASS = class_body(DESIGN, issuer_id=ISSUER)
OBJECT = object_body(coupon(), DESIGN, issuer_id=ISSUER)
ADDRESS = OBJECT["id"]


def card(**given: Any) -> Card:
    values = {"id": ID, "kind": "offer", "class_body": CLASS, "class_known": False, "class_fresh": False}
    return Card(**(values | {"object_body": OBJECT} | given))


@contextlib.asynccontextmanager
async def wallet(google: Google, *, calls_per_s: float = 10_000) -> AsyncIterator[GoogleWallet]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        tokens = TokenSource(session, account_of(google), scope=SCOPE)
        made = GoogleWallet(session, tokens, base_url=URL(google.base_url), calls_per_s=calls_per_s)
        yield made
        await made.close()


def steps(google: Google) -> list[str]:
    found = []
    for method, path, _, status in google.seen:
        if path != "/token":
            found.append(f"{method} {path.rpartition('/v1/')[2].replace(f'/{ISSUER}.', '/…')} {status}")
    return found


@pytest.mark.parametrize("style", sorted(STYLES))
async def test_a_pass_of_each_kind_is_inserted_with_its_class_and_google_takes_every_body(style: str) -> None:
    own = design(style=style)
    body = object_body(coupon(style=style), own, issuer_id=ISSUER)
    one = card(kind=kind_of(style), class_body=class_body(own, issuer_id=ISSUER), object_body=body)
    async with Google() as google, wallet(google) as channel:
        receipt = await channel.send(one, body["id"], now=NOW)
    assert receipt.outcome is Outcome.SENT
    assert [line.rpartition(" ")[2] for line in steps(google)] == ["200", "200"]
    assert google.objects[body["id"]] == body


async def test_a_pass_that_google_has_is_patched_with_what_changed_alone() -> None:
    after = object_body(coupon(voided=True), DESIGN, issuer_id=ISSUER)
    async with Google() as google, wallet(google) as channel:
        await channel.send(card(), ADDRESS, now=NOW)
        one = card(class_known=True, class_fresh=True, changes=changes(OBJECT, after), object_body=after)
        receipt = await channel.send(one, ADDRESS, now=NOW)
        assert google.calls("PATCH") == [{"state": "COMPLETED"}]
        assert google.objects[ADDRESS]["state"] == "COMPLETED"
        assert (receipt.outcome, receipt.reason) == (Outcome.SENT, "200")
        before = len(google.seen)
        await channel.send(replace(one, changes={}), ADDRESS, now=NOW)
        assert len(google.seen) == before


async def test_whatever_is_there_or_not_against_expectation_is_mended() -> None:
    async with Google() as google, wallet(google) as channel:
        known = card(class_known=True, class_fresh=True, changes={"state": "COMPLETED"})
        assert (await channel.send(known, ADDRESS, now=NOW)).outcome is Outcome.SENT
        assert steps(google) == [
            f"PATCH offerObject/…{ADDRESS.partition('.')[2]} 404",
            "POST offerObject 404",
            "POST offerClass 200",
            "POST offerObject 200",
        ]
        google.seen.clear()
        assert (await channel.send(card(class_known=True), ADDRESS, now=NOW)).outcome is Outcome.SENT
        assert steps(google) == [
            f"PUT offerClass/…{CLASS['id'].partition('.')[2]} 200",
            "POST offerObject 409",
            f"PATCH offerObject/…{ADDRESS.partition('.')[2]} 200",
        ]
        google.seen.clear()
        assert (await channel.send(card(), ADDRESS, now=NOW)).outcome is Outcome.SENT
        assert steps(google)[:2] == ["POST offerClass 409", f"PUT offerClass/…{CLASS['id'].partition('.')[2]} 200"]


async def test_a_body_that_google_refuses_is_for_ever_and_the_receipt_names_the_field_and_no_value() -> None:
    wrong = {**OBJECT, "state": "secret-state", "barcode": {**OBJECT["barcode"], "typo": "secret"}}
    async with Google() as google, wallet(google) as channel:
        receipt = await channel.send(card(object_body=wrong), ADDRESS, now=NOW)
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.reason == "400 INVALID_ARGUMENT state barcode.typo"


@pytest.mark.parametrize("status", ["403", "429", "500", "503"])
async def test_quotas_permissions_and_failures_are_for_later_when_google_says(status: str) -> None:
    async with Google() as google, wallet(google) as channel:
        google.faults.append(Fault(status, where="offerClass", retry_after="42"))
        receipt = await channel.send(card(), ADDRESS, now=NOW)
        assert (receipt.outcome, receipt.retry_after_s) == (Outcome.LATER, 42)
        assert receipt.reason.startswith(status)
        assert (await channel.send(card(), ADDRESS, now=NOW)).outcome is Outcome.SENT


@pytest.mark.parametrize("what", ["reset", "garbage"])
async def test_what_the_network_does_is_for_later(what: str) -> None:
    async with Google() as google, wallet(google) as channel:
        google.faults.append(Fault(what, where="Object", taken=True))
        receipt = await channel.send(card(), ADDRESS, now=NOW)
        if what == "reset":
            assert receipt.outcome is Outcome.LATER
            again = await channel.send(card(), ADDRESS, now=NOW)  # it had been done: 409, then patched
            assert again.outcome is Outcome.SENT
            assert len(google.objects) == 1
        else:
            assert receipt.outcome is Outcome.SENT


async def test_without_a_token_it_is_for_later_and_a_token_that_is_refused_is_replaced_once() -> None:
    async with Google() as google, wallet(google) as channel:
        google.faults.append(Fault("500", where="token"))
        receipt = await channel.send(card(), ADDRESS, now=NOW)
        assert (receipt.outcome, receipt.reason, receipt.retry_after_s) == (Outcome.LATER, "no token: 500", 1)
    async with Google() as google, wallet(google) as channel:
        await channel.send(card(), ADDRESS, now=NOW)
        google.tokens.clear()
        assert (await channel.send(card(class_known=True), ADDRESS, now=NOW)).outcome is Outcome.SENT
        assert len(google.calls("POST", "/token")) == 2


async def test_a_message_comes_after_the_change_and_the_fourth_of_a_day_makes_no_sound() -> None:
    async with Google() as google, wallet(google) as channel:
        for number in range(4):
            message = message_body(message_id=f"m{number}", header="Valid again", body="Use it", notify=True)
            one = card(class_known=True, class_fresh=number > 0, changes={} if number else None, message=message)
            assert (await channel.send(one, ADDRESS, now=NOW)).outcome is Outcome.SENT
        kinds = [each["messageType"] for each in google.objects[ADDRESS]["messages"]]
    assert kinds == ["TEXT_AND_NOTIFY"] * 3 + ["TEXT"]


async def test_calls_keep_the_distance_that_the_quota_asks_for() -> None:
    gaps = []
    async with Google() as google, wallet(google, calls_per_s=50) as channel:
        turns: list[float] = []
        for _ in range(5):
            await channel._turn()
            turns.append(channel._next)
        gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert min(gaps) >= 0.02 - 1e-9


async def test_the_issuer_is_reached_or_it_is_said_what_stands_in_the_way() -> None:
    async with Google() as google, wallet(google) as channel:
        assert await channel.reach(ISSUER, now=NOW) == "200"
        assert await channel.reach("12", now=NOW) == "403 PERMISSION_DENIED"
        google.faults.append(Fault("reset", times=2))  # a question is asked once more over a new connection
        assert await channel.reach(ISSUER, now=NOW) == "ServerDisconnectedError"


def test_no_code_and_no_secret_is_in_what_is_printed() -> None:
    rotating = rotating_barcode(prefix="CODE", key=b"k" * 20)
    body = object_body(coupon(), DESIGN, issuer_id=ISSUER, rotating=rotating)
    shown = repr(card(object_body=body, changes=body, message={"message": {"body": "secret"}}))
    for hidden in ("CODE", (b"k" * 20).hex().upper(), "secret"):
        assert hidden not in shown


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "400"),
        (b"[]", "400"),
        (b'{"error": "x"}', "400"),
        (b'{"error": {"status": "X y", "details": 3, "errors": [1]}}', "400"),
        (
            b'{"error": {"errors": [{"reason": "invalidValue", "location": "offer.title"}]}}',
            "400 invalidValue offer.title",
        ),
        (b'{"error": {"status": "A", "details": [{"fieldViolations": [{"field": "a b"}]}]}}', "400 A"),
    ],
)
def test_words_of_strangers_are_kept_only_where_they_look_like_words(body: bytes, said: str) -> None:
    assert word_of(400, body) == said


def test_a_redirect_is_no_success() -> None:
    assert receipt_from(Heard(302, {}, b""), now=NOW).outcome is Outcome.LATER
