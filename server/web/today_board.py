"""The board with today's figures: one look a second for everybody who watches in this process, and none where nobody does.

Rule 1: who watches is woken when the figures changed, and reads them from the board: a slow reader misses steps, never the end.
Rule 2: a database that is away stops no board: it shows what it knew, and looks again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from server.errors import KairosError

T = TypeVar("T")


class Board(Generic[T]):
    """What is on the board, and who watches it."""

    def __init__(self) -> None:
        """Begin with nothing on it, and nobody watching."""
        self.shown: T | None = None
        self._watching: set[asyncio.Event] = set()
        self._by: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None

    def watchers(self, who: str) -> int:
        """Tell how often somebody watches in this process."""
        return self._by[who]

    @contextlib.contextmanager
    def watch(self, who: str, look: Callable[[], Awaitable[T]], *, every_s: float) -> Iterator[asyncio.Event]:
        """Watch while the block lasts; the event is set whenever something new is shown."""
        woken = asyncio.Event()
        self._watching.add(woken)
        self._by[who] += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(look, every_s))
        elif self.shown is not None:
            woken.set()
        try:
            yield woken
        finally:
            self._watching.discard(woken)
            self._by[who] -= 1
            if not self._by[who]:
                del self._by[who]
            if not self._watching:
                self._looking.cancel()
                self._looking = self.shown = None

    async def _look(self, look: Callable[[], Awaitable[T]], every_s: float) -> None:
        while True:
            with contextlib.suppress(KairosError):
                found = await look()
                if found != self.shown:
                    self.shown = found
                    for each in self._watching:
                        each.set()
            await asyncio.sleep(every_s)
