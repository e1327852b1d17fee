"""The outbox's engine: takes what is due, sends much of it at once, and loses none of it, whoever dies meanwhile.

    wait (a knock, a time, a free place) → lease → send, each by itself → write what became of them → wait

Rule 1: nothing is held while the network is waited for but a lease, and a lease is renewed as long as its send runs.
Rule 2: only as much is leased as there is room for, so that a slow send holds up nobody but itself, and each has an end.
Rule 3: what is written down is what a receipt says; where PostgreSQL is away it is kept until it is back.
Rule 4: what was sent twice, because somebody died between sending and writing, has the same id both times.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic

import structlog

from server.channels.base import Outcome, Receipt
from server.errors import KairosError
from server.pipeline.queue import Ended, Queue, T, Tally, Terms, ended_by

REST_S = 1.0
"""So long a sender rests when PostgreSQL is away."""
RENEWALS = 3
"""How often a lease is renewed within its own length: two renewals may fail."""

_log = structlog.get_logger("kairos.outbox")


@dataclass(slots=True)
class _Flight(Generic[T]):
    """An item that is ours: it is being sent, or what became of it waits to be written."""

    item: T
    task: asyncio.Task[None] | None = None
    ended: Ended[T] | None = None


class Sender(Generic[T]):
    """Works one queue off, in one process, until it is told to stop."""

    def __init__(
        self,
        queue: Queue[T],
        *,
        terms: Terms,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        tally: Tally,
        rest_s: float = REST_S,
    ) -> None:
        """Keep what is needed; `run` begins. `rest_s` is for when PostgreSQL is away."""
        self._rest_s, self._sips = rest_s, bool(getattr(queue, "sips", False))
        self._queue, self._terms, self._clock, self._chance, self._tally = queue, terms, clock, chance, tally
        self._flights: dict[int, _Flight[T]] = {}
        self._bell, self._landed, self._writing = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._stopping = self._hungry = self._away = False

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._queue.name

    def hear(self, word: str | None) -> None:
        """Look, if the word means this queue or its channel; None means everybody."""
        if word is None or word in (self._queue.channel, self._queue.name):
            self._bell.set()

    async def run(self, stopping: asyncio.Event, *, shutdown_s: float) -> None:
        """Send until `stopping`; then let what is under way end, at most so many seconds, and put the rest back."""
        beside = [asyncio.create_task(each) for each in (self._renew(), self._write(), self._mind(stopping))]
        try:
            while not self._stopping:
                await self._look()
                await self._rest()
            await self._finish(shutdown_s)
        finally:
            tasks = [*beside, *(flight.task for flight in self._flights.values() if flight.task is not None)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _mind(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._stopping = True
        self._bell.set()

    async def _look(self) -> None:
        """Lease as much as there is room for, and send it."""
        self._bell.clear()
        room = self._terms.at_once - len(self._flights)
        self._hungry = room <= 0
        if self._hungry:
            return
        try:
            items = await self._queue.lease(limit=room, now=self._clock(), for_s=self._terms.lease_s)
        except Exception as error:
            await self._pause(error)
            self._bell.set()
            return
        self._back()
        # What filled the room is not all there is, perhaps: the next free place is a reason to look.
        self._hungry = len(items) >= room or (self._sips and bool(items))
        for item in items:
            flight = self._flights[id(item)] = _Flight(item)
            flight.task = asyncio.create_task(self._send(flight))

    async def _rest(self) -> None:
        """Wait for a reason to look: a knock, a free place where more waits, a retry that is due, or a while gone by."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._terms.poll_s):
                await self._bell.wait()

    async def _send(self, flight: _Flight[T]) -> None:
        item, now = flight.item, self._clock()
        if item.deliver_by <= now:
            flight.ended = Ended(item, "expired", "too_late")
        elif item.attempts > self._terms.attempts:  # its senders died, one after the other
            flight.ended = Ended(item, "dead", "never_answered")
        else:
            receipt = await self._try(item, now)
            self._tally.tried(self.name, receipt.outcome.value)
            flight.ended = ended_by(receipt, item, now=self._clock(), terms=self._terms, chance=self._chance)
        self._landed.set()

    async def _try(self, item: T, now: datetime) -> Receipt:
        try:
            async with asyncio.timeout(self._terms.send_s):
                return await self._queue.send(item, now=now)
        except TimeoutError:
            return Receipt(Outcome.LATER, "timeout")
        except Exception:
            _log.exception("sending broke", way=self.name)
            return Receipt(Outcome.LATER, "broke")

    async def _write(self) -> None:
        """Write what became of items, as many together as came while the last ones were being written."""
        while True:
            await self._landed.wait()
            self._landed.clear()
            async with self._writing:
                await self._write_some()

    async def _write_some(self) -> None:
        ended = {key: flight.ended for key, flight in self._flights.items() if flight.ended is not None}
        if not ended:
            return
        try:
            await self._queue.end(list(ended.values()), now=self._clock())
        except Exception as error:
            if not isinstance(error, KairosError):
                self._forget(ended)  # leases run out, and the items come again
            else:
                self._landed.set()
            await self._pause(error)
            return
        self._back()
        self._forget(ended)
        for each in ended.values():
            self._tally.ended(self.name, each.state)
            if each.not_before is not None:
                self._look_at(each.not_before)

    def _look_at(self, due: datetime) -> None:
        """Look when a retry is due, if that is before the next look anyway."""
        wait_s = (due - self._clock()).total_seconds()
        if wait_s < self._terms.poll_s:
            asyncio.get_running_loop().call_later(max(0.0, wait_s), self._bell.set)

    def _forget(self, keys: Collection[int]) -> None:
        for key in keys:
            self._flights.pop(key, None)
        if self._hungry:
            self._bell.set()

    async def _renew(self) -> None:
        """Keep what is out ours; what is not any more need not be sent."""
        while True:
            await asyncio.sleep(self._terms.lease_s / RENEWALS)
            flights = list(self._flights.values())
            if not flights:
                continue
            until = self._clock() + timedelta(seconds=self._terms.lease_s)
            try:
                held = await self._queue.renew([flight.item for flight in flights], until=until)
            except Exception as error:
                await self._pause(error)
                continue
            for place, flight in enumerate(flights):
                if place not in held and flight.ended is None and flight.task is not None:
                    flight.task.cancel()
                    self._forget([id(flight.item)])

    async def _finish(self, shutdown_s: float) -> None:
        """Let what is under way end, write it, and put back what did not."""
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=shutdown_s)
        async with self._writing:
            await self._write_some()
        left = [flight for flight in self._flights.values() if flight.ended is None]
        for flight in left:
            if flight.task is not None:
                flight.task.cancel()
        if left:
            with contextlib.suppress(KairosError):  # then their leases run out
                await self._queue.release([flight.item for flight in left], now=self._clock())

    async def _pause(self, error: Exception) -> None:
        """Say once that PostgreSQL is away (each time where it is a bug), and rest a little."""
        if not isinstance(error, KairosError):
            _log.error("the outbox broke", way=self.name, exc_info=error)
        elif not self._away:
            self._away = True
            _log.warning("the outbox waits", way=self.name, reason=str(error))
        await asyncio.sleep(self._rest_s)

    def _back(self) -> None:
        if self._away:
            self._away = False
            _log.info("the outbox goes on", way=self.name)
