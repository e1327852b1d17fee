"""Pings arrive: they join the next group of their lane, and are answered when that group is committed.

    arrive → Flood (too many of one customer: 429) → Lane (too many of all: 503) → Groups (load, decide, commit) → answer

Rule 1: no timer makes groups. A group is whatever came while the one before was being committed.
Rule 2: everybody is answered within three seconds, also where the database hangs.
Rule 3: who goes away while waiting changes nothing: what was taken in is decided, and told again when they repeat it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID

from server.errors import Unavailable
from server.model.ids import bucket_of
from server.pipeline.batch import Answer, Batch
from server.pipeline.facts import Keeps
from server.pipeline.groups import Groups
from server.pipeline.lanes import Flood, Lane, Patience, Ticket, Waiting
from server.pipeline.rules import Rules
from server.settings import Settings
from server.signals.assemble import Sky
from server.store.clock import DatabaseClock
from server.store.knocks import nudged
from server.store.pool import Pool

LANES = 2
"""While one group is being committed another is decided. Every further lane makes groups smaller, and a group costs some
milliseconds whoever is in it: four answered 0.7 of the pings that two did. One alone would let one slow group hold all.
"""

ANSWER_S = 2.7
"""Nobody waits longer, but for the moment until it is noticed: the promise is three seconds, door and network included."""


class Arrivals:
    """The entrance of the street, one per process. Made by the app, ended by `close`."""

    def __init__(self, *, pool: Pool, rules: Rules, clock: DatabaseClock, sky: Sky, settings: Settings) -> None:
        """Make the lanes; `sky` tells what is known of the weather at a point, without waiting."""
        self._clock, limits = clock, settings.limits
        self._flood = Flood(limits.pings_per_minute, clock.monotonic)
        self._streams: dict[UUID, set[Callable[[], None]]] = {}
        groups = Groups(
            pool=pool,
            rules=rules,
            clock=clock,
            sky=sky,
            keeps=Keeps(settings.privacy.position_decimals, settings.receipts.plain_share),
            listens=self._streams.__contains__,
            told=self.wake,
        )
        self._lanes = [
            Lane(groups.process, most=limits.group_fixes, queue_s=limits.queue_s, monotonic=clock.monotonic)
            for _ in range(LANES)
        ]
        self._patience = Patience(ANSWER_S, clock.monotonic)
        self._closed = False

    async def arrive(self, batch: Batch) -> Answer:
        """Decide a report, and give its answer when it is durable.

        Raises TooMany (nothing was used), Unavailable (try again: what was done is told then), ConsentRequired,
        Unauthenticated (the customer is gone).
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.take(batch, answer)
        try:
            return await answer
        finally:
            if answer.done() and not answer.cancelled():
                answer.exception()  # whoever asked may have been called off: then nobody is to complain

    def take(self, batch: Batch, answer: Waiting) -> None:
        """Take a report in; `answer` is told what came of it, later. Raises TooMany and Unavailable at once."""
        if self._closed:
            raise Unavailable("This process is about to end.", retry_after_s=1)
        if not batch.timer and not batch.occasions:
            self._flood.take(batch.customer_id, len(batch.fixes))
        ticket = Ticket(batch, self._clock.monotonic(), answer)
        self._lanes[bucket_of(batch.customer_id) % LANES].put(ticket)
        self._patience.watch(ticket)

    async def ring(self, customers: Iterable[UUID]) -> None:
        """Ring the dwell timers of customers that are due: they are decided as if a fix had come."""
        batches = [Batch(each, None, (), timer=True) for each in customers]
        await asyncio.gather(*(self.arrive(each) for each in batches), return_exceptions=True)

    def subscribe(self, customer_id: UUID, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` whenever this process made a moment for the customer; gives the way to stop it."""
        self._streams.setdefault(customer_id, set()).add(wake)

        def stop() -> None:
            mine = self._streams.get(customer_id, set())
            mine.discard(wake)
            if not mine:
                self._streams.pop(customer_id, None)

        return stop

    def streams(self, customer_id: UUID) -> int:
        """Tell how many streams of the customer are open in this process."""
        return len(self._streams.get(customer_id, ()))

    def wake(self, customer_id: UUID) -> None:
        """Tell the customer's streams that there is something to read."""
        for wake in tuple(self._streams.get(customer_id, ())):
            wake()

    def hear(self, word: str | None) -> None:
        """Wake the streams that a knock of another process means; None: some knocks may have been missed."""
        if not self._streams:
            return
        told = nudged(word) if word is not None else None
        for customer_id in tuple(self._streams) if word is None else (told,) if told is not None else ():
            self.wake(customer_id)

    async def close(self) -> None:
        """Take no more, and wait until all that was taken in is answered."""
        self._closed = True
        for lane in self._lanes:
            await lane.drain()
        self._patience.close()
