"""Tokens: one request for many, a new one in time, a pause after failures. The stand-in checks signatures by arithmetic."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from passes.google.credentials import MARGIN, SCOPE
from server.channels.oauth import RENEW, NoToken, TokenSource
from tests.google_scene import account_of
from tests.passes.google.samples import account as stranger
from tests.standins.google import Fault, Google

NOW = datetime.now(UTC)


@contextlib.asynccontextmanager
async def source(google: Google, **changes: object) -> AsyncIterator[TokenSource]:
    given: dict[str, object] = {"scope": SCOPE} | changes
    account = given.pop("account", None) or account_of(google)
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        made = TokenSource(session, account, **given)  # type: ignore[arg-type]
        yield made
        await made.close()


def asked(google: Google) -> int:
    return len(google.calls("POST", "/token"))


async def test_many_who_wait_share_one_request_and_later_ones_its_token() -> None:
    async with Google() as google, source(google) as tokens:
        google.faults.append(Fault("slow", delay_s=0.1))
        found = await asyncio.gather(*(tokens.token(now=NOW) for _ in range(50)))
        assert set(found) == google.tokens
        assert await tokens.token(now=NOW + timedelta(minutes=40)) in google.tokens
        assert asked(google) == 1


async def test_a_waiter_that_gives_up_takes_nobodys_token_away() -> None:
    async with Google() as google, source(google) as tokens:
        google.faults.append(Fault("slow", delay_s=0.1))
        first, second = (asyncio.create_task(tokens.token(now=NOW)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second in google.tokens
        assert asked(google) == 1


async def test_a_token_is_renewed_before_its_end_while_the_old_one_is_still_given() -> None:
    async with Google() as google, source(google) as tokens:
        old = await tokens.token(now=NOW)
        late = NOW + timedelta(seconds=google.token_life_s) - MARGIN - RENEW
        google.ahead_s = (late - NOW).total_seconds()
        assert await tokens.token(now=late) == old
        async with asyncio.timeout(20):
            while asked(google) < 2:
                await asyncio.sleep(0.01)
        new = await tokens.token(now=NOW + timedelta(seconds=google.token_life_s))
        assert new in google.tokens - {old}
        assert asked(google) == 2


async def test_a_token_that_a_service_refused_is_asked_for_anew_once() -> None:
    async with Google() as google, source(google) as tokens:
        old = await tokens.token(now=NOW)
        tokens.drop(old)
        tokens.drop("another")
        new = await tokens.token(now=NOW)
        tokens.drop(old)  # somebody who was told later: the new one stays
        assert await tokens.token(now=NOW) == new != old
        assert asked(google) == 2


async def test_after_a_failure_nobody_asks_for_a_while_that_grows() -> None:
    async with Google() as google, source(google) as tokens:
        google.faults.append(Fault("500", times=3))
        now = NOW
        for wait_s in (1, 2, 4):
            with pytest.raises(NoToken, match="no token: 500") as caught:
                await tokens.token(now=now)
            assert caught.value.retry_after_s == wait_s
            with pytest.raises(NoToken) as caught:
                await tokens.token(now=now + timedelta(seconds=wait_s * 0.9))
            assert caught.value.retry_after_s == pytest.approx(wait_s * 0.1)
            now += timedelta(seconds=wait_s)
        assert asked(google) == 3
        assert await tokens.token(now=now) in google.tokens


async def test_the_server_says_when_it_wants_to_be_asked_again() -> None:
    async with Google() as google, source(google) as tokens:
        google.faults.append(Fault("429", retry_after="17"))
        with pytest.raises(NoToken) as caught:
            await tokens.token(now=NOW)
        assert caught.value.retry_after_s == 17


@pytest.mark.parametrize(("what", "word"), [("garbage", "an answer without a token"), ("reset", "Disconnected")])
async def test_what_is_no_answer_is_no_token(what: str, word: str) -> None:
    async with Google() as google, source(google) as tokens:
        google.faults.append(Fault(what))
        with pytest.raises(NoToken, match=word):
            await tokens.token(now=NOW)


async def test_a_stranger_and_a_wrong_scope_are_told_googles_word_for_it() -> None:
    async with Google() as google:
        async with source(google, account=stranger(), token_url=URL(google.token_url)) as tokens:
            with pytest.raises(NoToken, match="no token: 400 invalid_grant"):
                await tokens.token(now=NOW)
        async with source(google, scope="https://www.googleapis.com/auth/drive") as tokens:
            with pytest.raises(NoToken, match="no token: 400 invalid_scope"):
                await tokens.token(now=NOW)


async def test_the_address_of_the_settings_is_audience_too() -> None:
    async with Google() as google, source(google, token_url=URL(f"{google.url}/token?x=1")) as tokens:
        with pytest.raises(NoToken, match="invalid_grant"):
            await tokens.token(now=NOW)


async def test_no_token_is_in_what_is_printed() -> None:
    async with Google() as google, source(google) as tokens:
        token = await tokens.token(now=NOW)
        assert token not in repr(tokens)
        assert "wallet@kairos" in repr(tokens)
