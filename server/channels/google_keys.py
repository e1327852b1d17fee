"""Google's root keys for callbacks: fetched rarely, kept as long as Google says, and a while longer when it is away.

https://developers.google.com/wallet/generic/use-cases/use-callbacks-for-saves-and-deletions

Rule 1: whatever comes in, Google is asked at most once in half a minute, by one request at a time.
Rule 2: keys that could not be renewed are good for a day more. Each key's own end is judged by whoever uses it.
Rule 3: an answer that holds no keys replaces none.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aiohttp import ClientSession
from yarl import URL

from server.channels.rest import Unheard, ask
from server.errors import Unavailable

PAUSE: Final = timedelta(seconds=30)
STALE: Final = timedelta(days=1)
_DEADLINE_S: Final = 3.0
_USUAL, _SHORTEST, _LONGEST = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=([0-9]{1,9})(?:$|[,\s])")
_LIMIT: Final = 65_536


class NoKeys(Unavailable):
    """Google's keys cannot be had just now, so nobody's signature can be checked; try again."""


class _Held(NamedTuple):
    raw: bytes
    fresh_until: datetime


class RootKeys:
    """The keys as Google publishes them (JSON), for `passes.google.callback.read_callback`."""

    def __init__(self, session: ClientSession, url: URL, *, ssl_context: ssl.SSLContext | None = None) -> None:
        """Keep where they are; nothing is asked yet."""
        self._session, self._url, self._ssl = session, url, ssl_context
        self._held: _Held | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked_at: datetime | None = None

    async def get(self, *, now: datetime) -> bytes:
        """Give the keys; raises NoKeys where there are none that may still be used."""
        if self._held is None or now >= self._held.fresh_until:
            await self._renew(now)
        held = self._held
        if held is None or now >= held.fresh_until + STALE:
            raise NoKeys(retry_after_s=int(PAUSE.total_seconds()))
        return held.raw

    async def renewed(self, *, now: datetime) -> bytes | None:
        """Ask again for somebody whose key is not among them; None where that was done a moment ago or changed nothing."""
        before = self._held
        await self._renew(now)
        held = self._held
        return held.raw if held is not None and (before is None or held.raw != before.raw) else None

    async def close(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _renew(self, now: datetime) -> None:
        """Join the request that is under way, or make one if the pause is over."""
        if self._asking is None:
            if self._asked_at is not None and abs(now - self._asked_at) < PAUSE:
                return
            self._asked_at = now
            self._asking = asyncio.get_running_loop().create_task(self._ask(now))
            self._asking.add_done_callback(self._done)
        await asyncio.shield(self._asking)

    def _done(self, _: asyncio.Task[None]) -> None:
        self._asking = None

    async def _ask(self, now: datetime) -> None:
        try:
            heard = await ask(
                self._session,
                "GET",
                self._url,
                headers={},
                ssl_context=self._ssl,
                deadline_s=_DEADLINE_S,
                limit_bytes=_LIMIT,
            )
        except Unheard:
            return
        if heard.status == 200 and _has_keys(heard.body):
            self._held = _Held(heard.body, now + _age(heard.headers.get("Cache-Control", "")))


def _has_keys(raw: bytes) -> bool:
    try:
        keys = json.loads(raw)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(keys, list) and bool(keys)


def _age(cache_control: str) -> timedelta:
    found = _MAX_AGE.search(cache_control.lower())
    return _USUAL if found is None else min(max(timedelta(seconds=int(found[1])), _SHORTEST), _LONGEST)
