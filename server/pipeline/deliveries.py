"""Rows of `deliveries` as a queue: what pushes and updates of passes have in common, whichever service takes them.

Rule 1: a row is taken and looked at in one transaction: what must not go any more ends in it, with the reason.
Rule 2: each try looks again. What was true when the row was written is no reason to send it now.
Rule 3: a row that breaks us is a dead letter, and holds up no other; what was sent is never sent again because of a bug.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog

from server.channels.base import Receipt
from server.errors import KairosError
from server.pipeline.queue import Ended, Tally
from server.store import outbox
from server.store.outbox import End, Leased
from server.store.pool import Connection, Pool

_log = structlog.get_logger("kairos.outbox")

Thing = TypeVar("Thing")
Address = TypeVar("Address")


@dataclass(frozen=True, slots=True)
class Ready(Generic[Thing, Address]):
    """A leased row that may go: what is sent, and where to. The address is in no repr."""

    leased: Leased
    thing: Thing
    address: Address = field(repr=False)

    @property
    def attempts(self) -> int:
        """The row's."""
        return self.leased.attempts

    @property
    def deliver_by(self) -> datetime:
        """The row's."""
        return self.leased.deliver_by


class Prepared(NamedTuple, Generic[Thing, Address]):
    """Of the rows that were leased, those that may go, and the ends of all others."""

    ready: Sequence[Ready[Thing, Address]]
    ends: Sequence[End]


class Way(Protocol[Thing, Address]):
    """One service that takes rows of `deliveries`.

    `lease`, `prepare` and `settle` run within transactions of the queue's and may be run again. A wallet's `lease` is
    `store.outbox.lease` with its own channel and way; `prepare` reads, in one query for all rows, what may have changed since
    they were written; `send` is its channel's; `settle` does what else follows from receipts (a GONE address is turned
    off) and need not write the rows themselves. It may be called for a row whose lease was lost: what a receipt says has
    happened in any case. Statements that lock moments or passes belong into `settle`: it comes before the rows' own.
    """

    @property
    def name(self) -> str:
        """The word in `deliveries.way`."""

    @property
    def channel(self) -> str:
        """The word in `deliveries.channel`."""

    async def lease(self, db: Connection, *, limit: int, now: datetime, for_s: float) -> Sequence[Leased]:
        """Take rows that are due."""

    async def prepare(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[Thing, Address]:
        """Say of each row what is to be sent where, or how it ends."""

    async def send(self, ready: Ready[Thing, Address], *, now: datetime) -> Receipt:
        """Send once."""

    async def settle(self, db: Connection, ended: Sequence[Ended[Ready[Thing, Address]]], *, now: datetime) -> None:
        """Do what follows from receipts besides."""


class DeliveryQueue(Generic[Thing, Address]):
    """The Queue of one way."""

    def __init__(self, pool: Pool, way: Way[Thing, Address], *, tally: Tally) -> None:
        """Take rows of this way by connections of this pool."""
        self._pool, self._way, self._tally = pool, way, tally
        self._careful = False

    @property
    def name(self) -> str:
        """The way's."""
        return self._way.name

    @property
    def channel(self) -> str:
        """The way's."""
        return self._way.channel

    async def lease(self, *, limit: int, now: datetime, for_s: float) -> Sequence[Ready[Thing, Address]]:
        """Take rows, and end those that must not go."""

        async def take(db: Connection) -> Prepared[Thing, Address]:
            leased = await self._way.lease(db, limit=limit, now=now, for_s=for_s)
            if not leased:
                return Prepared((), ())
            prepare = self._one_by_one if self._careful else self._way.prepare
            prepared = await prepare(db, leased, now=now)
            if prepared.ends:
                await outbox.end(db, ends=prepared.ends, now=now)
            return prepared

        try:
            prepared = await self._pool.attempt(take)
        except KairosError:
            raise
        except Exception:
            self._careful = True  # one of these rows broke it; the next look finds out which
            raise
        self._careful = False
        for each in prepared.ends:
            self._tally.ended(self.name, each.state)
        return prepared.ready

    async def _one_by_one(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[Thing, Address]:
        """Prepare each row by itself: whichever breaks it is a dead letter."""
        ready: list[Ready[Thing, Address]] = []
        ends: list[End] = []
        for each in leased:
            try:
                async with db.transaction():  # a savepoint: what one row broke is undone for it alone
                    one = await self._way.prepare(db, [each], now=now)
            except Exception:
                if db.is_closed():
                    raise
                _log.exception("a delivery cannot be read", way=self.name, delivery=str(each.id))
                ends.append(End(each, "dead", "unreadable", counted=False))
            else:
                ready += one.ready
                ends += one.ends
        return Prepared(ready, ends)

    async def send(self, item: Ready[Thing, Address], *, now: datetime) -> Receipt:
        """Send it by the way."""
        return await self._way.send(item, now=now)

    async def renew(self, items: Sequence[Ready[Thing, Address]], *, until: datetime) -> Collection[int]:
        """Keep the rows' leases."""
        async with self._pool.acquire() as db:
            held = await outbox.renew(db, leased=[each.leased for each in items], until=until)
        return {place for place, each in enumerate(items) if each.leased.id in held}

    async def end(self, ended: Sequence[Ended[Ready[Thing, Address]]], *, now: datetime) -> None:
        """Write what became of rows, after whatever else follows from it."""

        ends = [End(each.item.leased, each.state, each.reason, each.not_before) for each in ended]
        tried = [each for each in ended if each.receipt is not None]

        async def write(db: Connection) -> None:
            if tried:
                await self._way.settle(db, tried, now=now)
            await outbox.end(db, ends=ends, now=now)

        try:
            await self._pool.attempt(write)
        except KairosError:
            raise
        except Exception:
            _log.exception("what follows from sending cannot be written", way=self.name)
            await self._pool.attempt(lambda db: outbox.end(db, ends=ends, now=now))

    async def release(self, items: Sequence[Ready[Thing, Address]], *, now: datetime) -> None:
        """Put rows back."""
        ends = outbox.release([each.leased for each in items], now=now)
        await self._pool.attempt(lambda db: outbox.end(db, ends=ends, now=now))
