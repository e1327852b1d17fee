"""Weather is cited by what it says, and is in the database before it is cited there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.errors import Unavailable
from server.model.weather import Sky, Weather
from server.pipeline.skies import Skies, reading_of, weather_of
from server.store import skies as table
from server.store.pool import Connection
from tests.builders import NOON, after

RAIN = Weather(Sky(NOON, "rain", 6.1, None, 0.8), (Sky(after(3600), "snow", 0.0, wind_mps=4.5),))
HOUR = timedelta(hours=1)


def later(weather: Weather, by: timedelta) -> Weather:
    """The same reading, made that much later."""
    move = lambda sky: Sky(sky.at + by, sky.kind, sky.temperature_c, sky.apparent_c, sky.precipitation_mm, sky.wind_mps)  # noqa: E731
    return Weather(move(weather.now), tuple(move(sky) for sky in weather.ahead))


def test_what_is_read_back_is_the_weather_that_was_cited() -> None:
    assert weather_of([list(row) for row in reading_of(RAIN)], at=NOON) == RAIN  # type: ignore[call-overload]
    assert weather_of([list(row) for row in reading_of(RAIN)], at=NOON + HOUR) == later(RAIN, HOUR)  # type: ignore[call-overload]


def test_the_same_reading_has_the_same_id_whenever_and_wherever_it_is_made() -> None:
    one, other = Skies(), Skies()
    assert one.cite(RAIN, after(1.5)) == (one.cite(RAIN, NOON).id, 1500)
    assert one.cite(later(RAIN, HOUR), after(3600)) == (other.cite(RAIN, NOON).id, 0)
    warmer = Weather(Sky(NOON, "rain", 6.2, None, 0.8), RAIN.ahead)
    assert one.cite(warmer, NOON).id != one.cite(RAIN, NOON).id


async def test_a_reading_is_written_once_and_again_where_the_database_was_away(db: Connection) -> None:
    skies = Skies()
    name = skies.cite(RAIN, NOON).id

    class Away:
        async def execute(self, *values: object) -> None:
            raise Unavailable("away")

    with pytest.raises(Unavailable):
        await skies.keep(Away(), NOON)  # type: ignore[arg-type]
    await skies.keep(db, NOON)
    assert weather_of((await table.read(db, ids=[name]))[name], at=NOON) == RAIN
    skies.cite(RAIN, NOON)
    await skies.keep(Away(), NOON)  # type: ignore[arg-type]  # nothing is left to write
