"""People with a phone, for tests of second factors: a clock that can be put forward, and a browser that has logged in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from server.store.pool import Pool
from server.wallet.keyring import open_keyring
from tests.authenticator import code_at
from tests.web.house import SENTENCE, Browser, House, cookie_of, housed
from tests.web.serving import Answered


class Clock:
    """This machine's time, put forward by hand: every code can be the next one."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def step(self) -> None:
        """Go on to the next code but one, so that no code of before is near."""
        self.ahead += timedelta(seconds=90)


class Town(NamedTuple):
    """A house whose people have phones."""

    house: House
    clock: Clock

    def code(self, secret: str) -> str:
        """What a phone shows now."""
        return code_at(secret, self.clock.now().timestamp())

    async def with_phone(self, *roles: str) -> tuple[Browser, str, list[str]]:
        """Somebody logged in with a second factor: the browser, the secret, the recovery codes."""
        browser = await self.house.entered(*roles)
        begun = await browser.ask("POST", "/v1/account/second-factor")
        assert begun.status == 201, begun.body
        secret: str = begun.json["secret"]
        done = await browser.ask("POST", "/v1/account/second-factor/confirm", json={"code": self.code(secret)})
        assert done.status == 200, done.body
        self.clock.step()
        return browser, secret, done.json["recovery_codes"]

    async def half(self, email: str = "kim@example.com", password: str = SENTENCE) -> str:
        """The cookie of a half log-in."""
        answered = await self.house.log_in(email, password)
        assert (answered.status, answered.headers["Location"]) == (303, "/login/code")
        return cookie_of(answered)

    async def give(self, half: str, code: str, **headers: str) -> Answered:
        """Send the second form."""
        return await self.house.served.call(
            "POST", "/login/code", data={"code": code}, headers={"Cookie": half} | headers
        )


@contextlib.asynccontextmanager
async def town(pool: Pool, folder: Path, **changes: Any) -> AsyncIterator[Town]:
    """Serve a house whose people have phones."""
    clock = Clock()
    keyring = open_keyring(folder, now=clock.now() - timedelta(days=1))
    async with housed(pool, secrets=keyring, clock=clock, **changes) as house:
        yield Town(house, clock)
