"""A fuse for a service that fails: after some failures nobody asks it for a while, then one question finds out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

FAILURES: Final = 5  # in a row, over all cells: one lost answer is weather, five are the service
PAUSE: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(minutes=10)


class Breaker:
    """Counts failures in a row; open means that nothing may be asked. Times come from the caller."""

    def __init__(self, *, failures: int = FAILURES, pause: timedelta = PAUSE, pause_max: timedelta = PAUSE_MAX) -> None:
        """Closed at first; `pause` doubles with each failed trial up to `pause_max`."""
        self._limit, self._first, self._longest = failures, pause, pause_max
        self._failures = 0
        self._pause = pause
        self._until: datetime | None = None
        self._trial = False

    def admits(self, now: datetime) -> bool:
        """Whether a question may be asked now. When a pause is over, exactly one is let through to find out."""
        if self._until is None:
            return True
        if now < self._until:
            return False
        self._until, self._trial = now + self._pause, True
        return True

    def succeeded(self) -> None:
        """An answer came that could be used: closed again."""
        self._failures, self._pause, self._until, self._trial = 0, self._first, None, False

    def failed(self, now: datetime) -> None:
        """No such answer came. Of many questions under way when the service died, one alone opens the breaker."""
        self._failures += 1
        if self._until is None and self._failures >= self._limit:
            self._until = now + self._pause
        elif self._trial:
            self._pause = min(self._pause * 2, self._longest)
            self._until, self._trial = now + self._pause, False
