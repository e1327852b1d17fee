"""Saying loudly that a service takes nothing of ours: it concerns every device, and a person has to mend it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

_SAY_AGAIN: Final = timedelta(minutes=1)


class Log(Protocol):
    """What is asked of a log: structlog's bound loggers have it."""

    def error(self, event: str, **values: object) -> object:
        """Write what somebody has to mend."""

    def warning(self, event: str, **values: object) -> object:
        """Write what somebody should know."""


class Loud:
    """Says each reason once a minute: thousands of pushes fail for one."""

    def __init__(self, log: Log, *, event: str, way: str) -> None:
        """Write into this log, under this event."""
        self._log, self._event, self._way = log, event, way
        self._said: dict[str, datetime] = {}

    def say(self, reason: str, look_at: str, *, now: datetime) -> None:
        """Log what somebody has to mend. `reason` is one of few: it is kept."""
        last = self._said.get(reason)
        if last is None or abs(now - last) >= _SAY_AGAIN:
            self._said[reason] = now
            self._log.error(self._event, way=self._way, reason=reason, look_at=look_at)
