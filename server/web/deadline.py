"""One look-out over everything under way: what takes longer than the deadline is given up.

A timer for each request (asyncio.timeout) costs a tenth of a small request's whole time. Here a request costs one entry
in a dict, and one timer looks through all of them twenty times within a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

_LOOKS = 20


class Deadline:
    """Gives up what takes longer than `seconds` (and up to a twentieth of that more)."""

    def __init__(self, seconds: float) -> None:
        """Begin with nothing under way."""
        self._seconds = seconds
        self._due: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def hold(self, work: Awaitable[T]) -> T:
        """Do the work in this task; raises TimeoutError where it was given up. Not to be nested in one task."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._due[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / _LOOKS, self._look, loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() == 0:  # else somebody else cancelled it, too
                raise TimeoutError from None
            raise
        finally:
            del self._due[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in self._due.items():
            if due <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = loop.call_later(self._seconds / _LOOKS, self._look, loop) if self._due else None
