"""Root keys: fetched rarely, by one, and kept over Google's bad days."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from server.channels.google_keys import PAUSE, STALE, NoKeys, RootKeys
from tests.standins.google import Fault, Google

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@contextlib.asynccontextmanager
async def keys_of(google: Google) -> AsyncIterator[RootKeys]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        made = RootKeys(session, URL(google.root_keys_url))
        yield made
        await made.close()


def asked(google: Google) -> int:
    return len(google.calls("GET", "/keys"))


async def test_keys_are_fetched_once_for_all_who_ask_until_they_are_old() -> None:
    async with Google() as google, keys_of(google) as keys:
        found = await asyncio.gather(*(keys.get(now=NOW) for _ in range(20)))
        assert set(found) == {google.signer.root_keys()} or len(set(found)) == 1
        await keys.get(now=NOW + HOUR - timedelta(seconds=1))
        assert asked(google) == 1
        await keys.get(now=NOW + HOUR)
        assert asked(google) == 2


@pytest.mark.parametrize(
    ("said", "good_for"),
    [
        ("public, max-age=120", timedelta(seconds=120)),
        ("max-age=0", timedelta(minutes=1)),
        ("max-age=99999999", timedelta(days=1)),
        ("no-cache", HOUR),
        ("s-max-age=9", HOUR),
    ],
)
async def test_google_says_how_long_they_are_good_within_reason(said: str, good_for: timedelta) -> None:
    async with Google(max_age=said) as google, keys_of(google) as keys:
        await keys.get(now=NOW)
        await keys.get(now=NOW + good_for - timedelta(seconds=1))
        assert asked(google) == 1
        await keys.get(now=NOW + good_for)
        assert asked(google) == 2


@pytest.mark.parametrize("what", ["503", "garbage", "reset", "404"])
async def test_old_keys_bridge_a_day_on_which_google_is_away_and_no_more(what: str) -> None:
    async with Google() as google, keys_of(google) as keys:
        raw = await keys.get(now=NOW)
        google.faults.append(Fault(what, times=100))
        assert await keys.get(now=NOW + HOUR) == raw
        assert await keys.get(now=NOW + HOUR + STALE - timedelta(seconds=1)) == raw
        with pytest.raises(NoKeys) as caught:
            await keys.get(now=NOW + HOUR + STALE)
        assert (caught.value.status, caught.value.retry_after_s) == (503, 30)


async def test_however_many_come_google_is_asked_at_most_once_in_half_a_minute() -> None:
    async with Google() as google, keys_of(google) as keys:
        google.faults.append(Fault("503", times=100))
        for second in range(60):
            with pytest.raises(NoKeys):
                await keys.get(now=NOW + timedelta(seconds=second))
        assert asked(google) == 2


async def test_a_root_that_came_since_is_asked_for_but_not_by_everybody() -> None:
    async with Google() as google, keys_of(google) as keys:
        old = await keys.get(now=NOW)
        google.signer.rotate()
        assert await keys.renewed(now=NOW + timedelta(seconds=5)) is None
        new = await keys.renewed(now=NOW + PAUSE)
        assert new not in (None, old)
        assert await keys.get(now=NOW + PAUSE) == new
        assert asked(google) == 2
