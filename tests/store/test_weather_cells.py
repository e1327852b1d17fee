"""An episode is told by whoever swaps it."""

from __future__ import annotations

from datetime import timedelta

from server.store import weather_cells
from server.store.pool import Connection
from server.store.weather_cells import CellRow
from tests.builders import NOON

FIRST = CellRow("1,2", "clouds", False, 0, NOON)
LATER = NOON + timedelta(minutes=15)


async def test_a_cell_begins_once_and_changes_in_the_episode_that_was_seen(undone: Connection) -> None:
    await weather_cells.begin(undone, cells=[FIRST, FIRST._replace(cell="3,4")])
    await weather_cells.begin(undone, cells=[FIRST._replace(kind="snow")])
    assert (await weather_cells.read(undone))["1,2"] == FIRST
    rain = FIRST._replace(kind="rain", wet=True, observed_at=LATER)
    assert await weather_cells.change(undone, cells=[rain]) == {"1,2"}
    assert await weather_cells.change(undone, cells=[rain]) == set()
    assert (await weather_cells.read(undone))["1,2"] == rain._replace(episode=1)
    assert (await weather_cells.read(undone))["3,4"].episode == 0


async def test_an_observation_that_is_not_younger_changes_nothing(undone: Connection) -> None:
    await weather_cells.begin(undone, cells=[FIRST])
    assert await weather_cells.change(undone, cells=[FIRST._replace(kind="rain", wet=True)]) == set()
