"""Weather at hand: one observation per cell of a tenth of a degree, fetched behind everybody's back.

Rule 1: `get` looks into memory and nowhere else. A ping never waits for a weather server.
Rule 2: only cells that were announced (`watch`: those of the stores) are fetched, so nobody's whereabouts reach the
provider and no traveller makes it work. Their number is bounded, and so is what is kept of each.
Rule 3: a fetch that fails leaves the older observation in place; whether it is still fresh enough is asked where it is
used (rules.md: strictly older than `max_age` is unknown).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from math import floor
from typing import Final

from server.model.place import Point
from server.model.weather import Weather
from server.signals.weather.base import Provider

_log = logging.getLogger(__name__)

CELLS_MAX: Final = (
    10_000  # some 50 MB with two days of forecast each; 22,000 stores of one chain all over the world lie in 5,862
)
CONCURRENCY: Final = 8

_PER_DEGREE: Final = 10
_COLUMNS: Final = 360 * _PER_DEGREE
_RETRY: Final = timedelta(seconds=60)
_PATIENCE_S: Final = 30.0  # how long the run sleeps at most: also what a provider's clock may be off without harm

Cell = tuple[int, int]


def cell_of(point: Point) -> Cell:
    """Row and column of the cell that holds a point; the last parallel belongs to the last row."""
    row = min(floor((point.lat + 90) * _PER_DEGREE), 180 * _PER_DEGREE - 1)
    return row, floor((point.lon + 180) * _PER_DEGREE) % _COLUMNS


def middle_of(cell: Cell) -> Point:
    """The point that a cell's weather is asked for."""
    return Point((cell[0] + 0.5) / _PER_DEGREE - 90, (cell[1] + 0.5) / _PER_DEGREE - 180)


class WeatherCache:
    """The weather of the watched cells, kept fresh by `run`."""

    def __init__(
        self,
        provider: Provider,
        *,
        refresh_s: float,
        concurrency: int = CONCURRENCY,
        cells_max: int = CELLS_MAX,
    ) -> None:
        """Empty; each watched cell is asked for every `refresh_s` seconds, at most `concurrency` at once."""
        self._provider = provider
        self._refresh = timedelta(seconds=refresh_s)
        self._retry = min(_RETRY, self._refresh)
        self._concurrency, self._cells_max = concurrency, cells_max
        self._known: dict[Cell, Weather] = {}
        self._due: dict[Cell, datetime | None] = {}  # every watched cell, None where it was never asked for
        self._new: list[Cell] = []
        self._news = asyncio.Event()

    def get(self, point: Point, now: datetime) -> Weather | None:
        """The last observation of the point's cell, or None. Never waits; its age is judged where it is used."""
        return self._known.get(cell_of(point))

    def watch(self, points: Iterable[Point]) -> None:
        """The points of which weather is wanted from now on: new cells are fetched at once, others are forgotten."""
        cells = dict.fromkeys(cell_of(point) for point in points)
        if len(cells) > self._cells_max:
            _log.warning("weather: %d cells are wanted, %d are kept", len(cells), self._cells_max)
        self._due = {cell: self._due.get(cell) for cell in list(cells)[: self._cells_max]}
        self._known = {cell: weather for cell, weather in self._known.items() if cell in self._due}
        self._new = [cell for cell, due in self._due.items() if due is None]
        if self._new:
            self._news.set()

    async def refresh(self, now: datetime) -> int:
        """Fetch every cell that is due, once; tell how many observations came.

        Cells that are newly watched meanwhile come next, before those that merely grow old.
        """
        old = [cell for cell, due in self._due.items() if due is not None and due <= now]
        came = 0

        async def work() -> None:
            nonlocal came
            while (cell := self._next(old, now)) is not None:
                got = await self._fetch(cell, now)
                came += got  # in two steps: `came += await …` would take the sum from before the wait

        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(work())
        return came

    async def run(self, clock: Callable[[], datetime], sleep: Callable[[float], Awaitable[None]]) -> None:
        """Keep the watched cells fresh until cancelled; a newly watched cell ends a sleep."""
        while True:
            self._news.clear()
            await self.refresh(clock())
            await self._rest(sleep)

    async def _rest(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        seconds = min(_PATIENCE_S, self._retry.total_seconds())
        naps = {asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(self._news.wait())}
        try:
            done, _ = await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()
            await asyncio.gather(*naps, return_exceptions=True)
        for nap in done:
            nap.result()  # a sleep that failed must not become a loop that never sleeps

    def _next(self, old: list[Cell], now: datetime) -> Cell | None:
        """Take the next cell: from now on it is due again only after a while, whatever becomes of the question."""
        for source in (self._new, old):
            while source:
                cell = source.pop()
                if cell in self._due and ((due := self._due[cell]) is None or due <= now):
                    self._due[cell] = now + self._retry
                    return cell
        return None

    async def _fetch(self, cell: Cell, now: datetime) -> int:
        try:
            weather = await self._provider.at(middle_of(cell), now)
        except Exception:  # whatever a provider does, the other cells go on
            _log.exception("weather: %s failed", self._provider.name)
            return 0
        if weather is None or cell not in self._due:  # not watched any more: forgotten while it was asked for
            return 0
        self._due[cell] = now + self._refresh
        self._known[cell] = weather
        return 1
