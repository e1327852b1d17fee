"""Lanes of work: each takes what has come while it was busy, and does it as one group. No timer decides when.

Rule 1: a customer always uses the same lane, so that in one process nobody races against themselves.
Rule 2: who would wait too long is turned away at the entrance, before anything was done for them.
Rule 3: one group's misfortune is told to all of it; one member's own is not.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from server.errors import Refusal, TooMany, Unavailable
from server.pipeline.batch import Answer, Batch

_LOOKS = 25
"""So many times within a wait it is looked who has waited too long."""

_DECAY = 0.9
"""The last ten groups tell how fast the next ones will be."""


class Pace:
    """How long groups take: so much each, and so much for every fix. A line through the last groups, young ones first."""

    def __init__(self, most: int) -> None:
        """Know nothing; `most` fixes go into one group."""
        self._most = most
        self._w = self._x = self._y = self._xx = self._xy = 0.0

    def note(self, fixes: int, seconds: float) -> None:
        """Learn from a group."""
        self._w, self._x, self._y = self._w * _DECAY + 1, self._x * _DECAY + fixes, self._y * _DECAY + seconds
        self._xx, self._xy = self._xx * _DECAY + fixes * fixes, self._xy * _DECAY + fixes * seconds

    def wait_s(self, fixes: int) -> float:
        """Estimate how long (s) a queue of so many fixes takes; 0 while nothing is known."""
        if not self._w or not fixes:
            return 0.0
        spread = self._xx - self._x * self._x / self._w
        # Groups of one size tell nothing of what one more fix costs: then all of their time counts as a group's.
        slope = max(0.0, (self._xy - self._x * self._y / self._w) / spread) if spread > 1e-9 * self._xx else 0.0
        each = max(0.0, (self._y - slope * self._x) / self._w)
        return math.ceil(fixes / self._most) * each + fixes * slope


class Flood:
    """At most so many fixes per customer in any sixty seconds, exactly, in this process."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        """Begin with nothing counted; `monotonic` gives seconds."""
        self._most, self._monotonic = per_minute, monotonic
        self._seen: dict[UUID, deque[tuple[float, int]]] = {}
        self._swept_s = monotonic()

    def take(self, customer_id: UUID, fixes: int) -> None:
        """Count the fixes of one request; raises TooMany, and counts nothing, where they are too many."""
        now = self._monotonic()
        self._sweep(now)
        seen = self._seen.setdefault(customer_id, deque())
        while seen and seen[0][0] <= now - 60:
            seen.popleft()
        over = sum(count for _, count in seen) + fixes - self._most
        if over > 0:
            raise TooMany(
                f"limits.pings_per_minute is {self._most}; nothing of this request was used.",
                retry_after_s=self._wait_s(seen, over, now),
            )
        seen.append((now, fixes))

    @staticmethod
    def _wait_s(seen: deque[tuple[float, int]], over: int, now: float) -> int:
        for at, count in seen:
            over -= count
            if over <= 0:
                return max(1, math.ceil(at + 60 - now))
        return 60  # more than a minute's worth in one request: it has to be cut

    def _sweep(self, now: float) -> None:
        if now - self._swept_s >= 60:
            self._seen = {key: seen for key, seen in self._seen.items() if seen and seen[-1][0] > now - 60}
            self._swept_s = now


class Waiting(Protocol):
    """Whoever waits for an answer, and is told once: a future, or a connection that writes it out itself.

    `done` once it was told, or does not want to be told any more. Telling it never raises.
    """

    def done(self) -> bool:
        """Whether there is nothing more to tell."""

    def set_result(self, answer: Answer, /) -> None:
        """Be told the answer."""

    def set_exception(self, error: Exception, /) -> None:
        """Be told why there is none."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A report on its way; `came_s` by the monotonic clock, `received` the same by the database's once it is known."""

    batch: Batch
    came_s: float
    answer: Waiting
    received: datetime | None = None

    @property
    def size(self) -> int:
        """How many fixes it counts for."""
        return max(1, len(self.batch.fixes))

    def tell(self, answer: Answer) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def refuse(self, error: Exception) -> None:
        """Say why there is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Patience:
    """Tells everybody who has waited too long that there is no answer: one timer for all of them."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        """Nobody waits longer than `seconds` and a twenty-fifth of that."""
        self._seconds, self._monotonic = seconds, monotonic
        self._tickets: deque[Ticket] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, ticket: Ticket) -> None:
        """Watch over a ticket that has just come."""
        self._tickets.append(ticket)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds / _LOOKS, self._look)

    def _look(self) -> None:
        tickets, over = self._tickets, self._monotonic() - self._seconds
        while tickets and (tickets[0].answer.done() or tickets[0].came_s <= over):
            tickets.popleft().refuse(Unavailable("The database did not answer in time.", retry_after_s=1))
        again = asyncio.get_running_loop().call_later
        self._timer = again(self._seconds / _LOOKS, self._look) if tickets else None

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()


Work = Callable[[Sequence[Ticket]], Awaitable[None]]


class Lane:
    """A queue and the one task that empties it."""

    def __init__(self, work: Work, *, most: int, queue_s: float, monotonic: Callable[[], float]) -> None:
        """`work` answers every ticket of a group of at most `most` fixes."""
        self._work, self._most, self._queue_s, self._monotonic = work, most, queue_s, monotonic
        self._queue: deque[Ticket] = deque()
        self._waiting = self._busy = 0
        self._pace = Pace(most)
        self._task: asyncio.Task[None] | None = None

    def put(self, ticket: Ticket) -> None:
        """Let a ticket in; raises Unavailable where it would wait too long."""
        if self._pace.wait_s(self._waiting + self._busy) > self._queue_s:
            raise Unavailable("More pings came than can be decided now; try again.", retry_after_s=1)
        self._queue.append(ticket)
        self._waiting += ticket.size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._empty(), name="lane of pings")

    async def drain(self) -> None:
        """Wait until everything let in was answered."""
        if self._task is not None:
            await self._task

    async def _empty(self) -> None:
        while self._queue:
            group = self._take()
            begun = self._monotonic()
            await self._do(group)
            self._pace.note(self._busy, self._monotonic() - begun)
            self._busy = 0

    def _take(self) -> list[Ticket]:
        group = [self._queue.popleft()]
        self._busy = group[0].size
        while self._queue and self._busy + self._queue[0].size <= self._most:
            group.append(self._queue.popleft())
            self._busy += group[-1].size
        self._waiting -= self._busy
        return [ticket for ticket in group if not ticket.answer.done()]

    async def _do(self, group: Sequence[Ticket]) -> None:
        try:
            await self._work(group)
        except Refusal as error:
            for ticket in group:
                ticket.refuse(error)
        except Exception as error:
            if len(group) == 1:
                group[0].refuse(error)
                return
            for ticket in group:  # rule 3: whoever breaks a group breaks alone
                if not ticket.answer.done():
                    await self._do([ticket])
