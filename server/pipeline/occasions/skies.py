"""The weather has changed over some cells: one firing for all that changed at once, each change told once.

Rule 1: only cells with places of offers that wait for weather are looked at; without such an offer nothing is.
Rule 2: the first look at a cell is no change. An observation too old to decide by is none.
Rule 3: whoever swaps a cell's episode tells of it; firing and episodes are written in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from server.model.ids import firing_id
from server.pipeline.occasions.listening import listening_of
from server.pipeline.occasions.spread import cell_name
from server.pipeline.rules import Rules
from server.signals.weather.base import Source
from server.signals.weather.cache import middle_of
from server.signals.weather.episode import Taken, take
from server.store import firings, weather_cells
from server.store.firings import Firing
from server.store.pool import Connection, Pool
from server.store.weather_cells import CellRow


async def compare(pool: Pool, rules: Rules, source: Source, *, now: datetime) -> int:
    """Compare the weather at hand with what it was, and tell over how many cells it has changed."""
    ruleset = rules.current.ruleset
    cells = listening_of(ruleset).cells
    if not cells:
        return 0
    observed = {}
    oldest = now - timedelta(seconds=ruleset.programme.weather_max_age_s)
    for cell in cells:
        weather = source.get(middle_of(cell), now)
        if weather is not None and weather.now.at >= oldest:
            observed[cell_name(*cell)] = weather.now
    async with pool.acquire() as db:
        known = await weather_cells.read(db)
    new, changed = [], []
    for name, sky in observed.items():
        before = known.get(name)
        after = take(_taken(before), sky)
        if after is None:
            continue
        if before is None:
            new.append(CellRow(name, after.kind, after.wet, 0, sky.at))
        elif (after.kind, after.wet) != (before.kind, before.wet):
            changed.append(CellRow(name, after.kind, after.wet, before.episode, sky.at))
    if not new and not changed:
        return 0
    return await pool.attempt(lambda db: _tell(db, new, changed, now))


def _taken(row: CellRow | None) -> Taken | None:
    return Taken(row.kind, row.wet) if row is not None else None  # type: ignore[arg-type]  # we wrote the kind


async def _tell(db: Connection, new: list[CellRow], changed: list[CellRow], now: datetime) -> int:
    """Write what is new and what has changed, and fire for the changes that are ours to tell."""
    if new:
        await weather_cells.begin(db, cells=new)
    mine = await weather_cells.change(db, cells=changed) if changed else set()
    if mine:
        episodes: Mapping[str, int] = {row.cell: row.episode for row in changed}
        words = (f"{cell}#{episodes[cell]}" for cell in sorted(mine))
        firing = Firing(firing_id("weather_change", *words), "weather_change", now, cells=tuple(sorted(mine)))
        await firings.fire(db, firing=firing)
    return len(mine)
