"""What time it is: the database's time, carried on by this machine's monotonic clock between two looks.

Wall clocks of machines differ and are set; the database's is the one that all processes share (`clock_timestamp()`). Every
load of customers' states brings a new look, and `sync` takes one where nobody loads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from server.errors import KairosError, Unavailable
from server.store.pool import Connection, Pool

NOW = "SELECT clock_timestamp()"

_KEEPS_S = 30.0
"""Even a good look is given up for a worse one after so long: quartz drifts by some milliseconds in that time."""


class DatabaseClock:
    """The database's clock as this process knows it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, *, shift: timedelta = timedelta(0)) -> None:
        """Know nothing yet; `monotonic` gives seconds that only grow. `shift` is for tests: everything is so much later."""
        self._monotonic, self._shift = monotonic, shift
        self._zero: datetime | None = None
        self._error_s = 0.0
        self._looked_s = self._since_s = 0.0

    def monotonic(self) -> float:
        """Give the seconds of this machine's monotonic clock: for waiting times, not for dates."""
        return self._monotonic()

    def now(self) -> datetime:
        """Give the database's time (UTC); raises Unavailable while no look was possible yet."""
        if self._zero is None:
            raise Unavailable("The database's clock is not known yet.", retry_after_s=1)
        return self._zero + timedelta(seconds=self._monotonic())

    def at(self, monotonic_s: float) -> datetime:
        """Give the database's time at an instant of the monotonic clock; raises Unavailable like `now`."""
        if self._zero is None:
            raise Unavailable("The database's clock is not known yet.", retry_after_s=1)
        return self._zero + timedelta(seconds=monotonic_s)

    def note(self, told: datetime, *, asked_s: float, heard_s: float) -> None:
        """Learn from an answer: `told` was the database's time between the two monotonic instants.

        The middle of the two is off by half their distance at most, so a slow answer does not displace a quick one
        that is still young.
        """
        if asked_s < self._since_s:
            return
        error = (heard_s - asked_s) / 2
        if self._zero is not None and error > self._error_s and heard_s - self._looked_s < _KEEPS_S:
            return
        self._zero = told + self._shift - timedelta(seconds=(asked_s + heard_s) / 2)
        self._error_s, self._looked_s = error, heard_s

    def forget(self) -> None:
        """Forget every look, also those that are under way: the database's own clock was set to another time."""
        self._zero, self._since_s = None, self._monotonic()

    def shifted(self, told: datetime) -> datetime:
        """Give a time of the database as this house counts it: the same, but for tests that move the day."""
        return told + self._shift

    async def sync(self, db: Connection) -> datetime:
        """Look at the database's clock now, and give its time."""
        asked = self._monotonic()
        told: datetime = await db.fetchval(NOW)
        self.note(told, asked_s=asked, heard_s=self._monotonic())
        return told + self._shift

    async def begin_anew(self, db: Connection) -> None:
        """Look at a database whose clock was just set, and forget every other look; nobody finds the time unknown meanwhile."""
        asked = self._monotonic()
        told: datetime = await db.fetchval(NOW)
        self.forget()
        self._since_s = asked
        self.note(told, asked_s=asked, heard_s=self._monotonic())

    async def follow(self, pool: Pool, *, every_s: float) -> None:
        """Look again and again, for a process that is quiet; ends by being cancelled. A database that is away is waited for."""
        while True:
            await asyncio.sleep(every_s)
            with contextlib.suppress(KairosError):
                async with pool.acquire() as db:
                    await self.sync(db)
