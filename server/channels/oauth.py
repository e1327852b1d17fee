"""Access tokens for a service account (RFC 7523): asked for once, shared by all, renewed before they end.

https://developers.google.com/identity/protocols/oauth2/service-account

Rule 1: however many wait, one request is under way. A waiter that gives up takes nobody's answer away.
Rule 2: a token is renewed while it is still good; those who need one meanwhile take the old one.
Rule 3: after a failure nobody is asked for a while (1 s, 2 s, … up to a minute, or as long as the server wishes).
Rule 4: neither assertion nor token is in any log, error or repr.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession
from yarl import URL

from passes.errors import GoogleError
from passes.google.credentials import ServiceAccount, Token, assertion, read_token, token_request
from server.channels.rest import Unheard, ask, retry_after_s

RENEW: Final = timedelta(minutes=5)
"""So long before a token is no longer to be used its successor is asked for."""

_FIRST_S, _MOST_S = 1.0, 60.0
_LIMIT: Final = 65_536
_WORD: Final = re.compile(r"[a-z_]{1,40}")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class NoToken(Exception):
    """There is no token now; the text is the server's word for why, or the network's."""

    def __init__(self, reason: str, *, retry_after_s: float) -> None:
        """Keep the word, and after how many seconds it is worth asking again."""
        super().__init__(reason)
        self.reason, self.retry_after_s = reason, retry_after_s


class TokenSource:
    """Tokens of one account for one scope. `token_url` replaces the account's own, as address and as audience."""

    def __init__(
        self,
        session: ClientSession,
        account: ServiceAccount,
        *,
        scope: str,
        token_url: URL | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Keep who asks and where; nothing is asked yet."""
        self._session, self._account, self._scope = session, account, scope
        self._url, self._ssl = token_url, ssl_context
        self._token: Token | None = None
        self._asking: asyncio.Task[Token] | None = None
        self._failures = 0
        self._not_before: datetime | None = None
        self._reason = ""

    def __repr__(self) -> str:
        """Name the account, never a token."""
        return f"TokenSource({self._account.email!r}, {self._scope!r})"

    async def token(self, *, now: datetime) -> str:
        """Give a token that is good at `now`; raises NoToken where there is none to be had."""
        held = self._token
        if held is not None and now < held.until:
            if now >= held.until - RENEW:
                self._start(now)
            return held.value
        asking = self._start(now)
        if asking is None:
            raise NoToken(self._reason, retry_after_s=self._wait_s(now))
        return (await asyncio.shield(asking)).value

    def drop(self, value: str) -> None:
        """Forget a token that a service no longer takes; a newer one stays."""
        if self._token is not None and self._token.value == value:
            self._token = None

    async def close(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _start(self, now: datetime) -> asyncio.Task[Token] | None:
        """Give the request that is under way, or begin one; None while nobody is to be asked."""
        if self._asking is not None:
            return self._asking
        if self._wait_s(now) > 0:
            return None
        task = asyncio.get_running_loop().create_task(self._ask(now))
        task.add_done_callback(self._done)
        self._asking = task
        return task

    def _done(self, task: asyncio.Task[Token]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # a failed renewal that nobody waited for is no unheard error

    def _wait_s(self, now: datetime) -> float:
        return 0.0 if self._not_before is None else max(0.0, (self._not_before - now).total_seconds())

    async def _ask(self, now: datetime) -> Token:
        url = self._url or URL(self._account.token_uri)
        signed = assertion(self._account, now=now, scope=self._scope, token_url=str(url))
        try:
            heard = await ask(
                self._session,
                "POST",
                url,
                headers=_FORM,
                body=token_request(signed),
                ssl_context=self._ssl,
                limit_bytes=_LIMIT,
            )
        except Unheard as unheard:
            raise self._failed(str(unheard), None, now) from None
        if heard.status != 200:
            raise self._failed(_word_of(heard.status, heard.body), retry_after_s(heard.headers, now=now), now)
        try:
            token = read_token(heard.body, now=now)
        except GoogleError:
            raise self._failed("an answer without a token", None, now) from None
        self._token, self._failures, self._not_before = token, 0, None
        return token

    def _failed(self, reason: str, wish_s: float | None, now: datetime) -> NoToken:
        wait_s = wish_s if wish_s is not None else min(_FIRST_S * 2**self._failures, _MOST_S)
        self._failures = min(self._failures + 1, 10)
        self._not_before, self._reason = now + timedelta(seconds=wait_s), f"no token: {reason}"
        return NoToken(self._reason, retry_after_s=wait_s)


def _word_of(status: int, body: bytes) -> str:
    """Name a refusal by its status and the word of RFC 6749 §5.2, where there is one."""
    try:
        word = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        word = None
    return f"{status} {word}" if isinstance(word, str) and _WORD.fullmatch(word) else str(status)
