"""What a source of weather is: a provider that is asked over a network, and what the street asks without waiting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from server.model.place import Point
from server.model.weather import Weather


class Provider(Protocol):
    """One service of weather."""

    @property
    def name(self) -> str:
        """What the service is called in logs and metrics."""

    async def at(self, point: Point, now: datetime) -> Weather | None:
        """The weather at a point as the service tells it, or None where it tells nothing that can be believed.

        Never raises but for cancellation, and never takes longer than a few seconds.
        """


class Source(Protocol):
    """Weather at hand."""

    def get(self, point: Point, now: datetime) -> Weather | None:
        """The weather known of a point, or None. Never waits."""

    def watch(self, points: Iterable[Point]) -> None:
        """The points of which weather is wanted from now on; earlier ones are forgotten."""
