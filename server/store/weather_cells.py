"""The weather over each cell as it was taken last: a change is compared and swapped, so that each is told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from server.store.pool import Connection


class CellRow(NamedTuple):
    """What the weather over a cell counts as; `episode` counts its changes."""

    cell: str
    kind: str
    wet: bool
    episode: int
    observed_at: datetime


READ = "SELECT cell, kind, wet, episode, observed_at FROM weather_cells"


async def read(db: Connection) -> Mapping[str, CellRow]:
    """Read all cells."""
    return {row["cell"]: CellRow(**row) for row in await db.fetch(READ)}


BEGIN = """
INSERT INTO weather_cells (cell, kind, wet, observed_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[]) AS c (cell, kind, wet, observed_at)
ORDER BY cell ON CONFLICT DO NOTHING
"""


async def begin(db: Connection, *, cells: Sequence[CellRow]) -> None:
    """Write cells that were not looked at before: their weather is no change."""
    await db.execute(BEGIN, *_columns(cells))


CHANGE = """
UPDATE weather_cells w SET kind = c.kind, wet = c.wet, observed_at = c.observed_at, episode = w.episode + 1
FROM unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[], $5::bigint[]) AS c (cell, kind, wet, observed_at, episode)
WHERE w.cell = c.cell AND w.episode = c.episode AND w.observed_at < c.observed_at
RETURNING w.cell
"""


async def change(db: Connection, *, cells: Sequence[CellRow]) -> set[str]:
    """Write what cells have changed to, in the episode that was seen, and tell which ones this did."""
    ordered = sorted(cells)
    rows = await db.fetch(CHANGE, *_columns(ordered), [each.episode for each in ordered])
    return {row["cell"] for row in rows}


def _columns(cells: Sequence[CellRow]) -> list[list[object]]:
    return [
        [each.cell for each in cells],
        [each.kind for each in cells],
        [each.wet for each in cells],
        [each.observed_at for each in cells],
    ]
