"""Rain that hovers around a limit begins once and ends once."""

from __future__ import annotations

import pytest

from server.model.weather import Sky
from server.signals.weather.episode import Taken, take
from tests.builders import NOON

DRY, WET = Taken("clouds", wet=False), Taken("rain", wet=True)


def sky(amount: float | None = None, kind: str | None = "rain") -> Sky:
    return Sky(NOON, kind=kind, precipitation_mm=amount)


@pytest.mark.parametrize(
    ("before", "amount", "after"),
    [
        (DRY, 0.29, DRY),
        (DRY, 0.3, WET),
        (WET, 0.3, WET),
        (WET, 0.11, WET),
        (WET, 0.1, DRY),
        (DRY, 0.0, DRY),
        (None, 0.3, WET),
        (None, 0.2, DRY),
        (None, 0.0, DRY),
    ],
)
def test_rain_is_on_from_three_tenths_and_off_at_one(before, amount, after):
    assert take(before, sky(amount)) == after


def test_a_shower_that_hovers_is_one_episode():
    taken, changes = DRY, 0
    for amount in (0.0, 0.2, 0.31, 0.25, 0.12, 0.29, 0.4, 0.11, 0.09, 0.2, 0.29, 0.05):
        after = take(taken, sky(amount))
        changes += after != taken
        taken = after
    assert (taken, changes) == (DRY, 2)


@pytest.mark.parametrize(
    ("before", "amount", "kind", "after"),
    [
        (DRY, None, "snow", Taken("snow", wet=True)),
        (WET, None, "clear", Taken("clear", wet=False)),
        (WET, None, None, WET),
        (None, None, None, None),
        (WET, 2.0, "snow", Taken("snow", wet=True)),
        (DRY, 2.0, "clouds", WET),
        (DRY, 2.0, None, WET),
        (DRY, 0.0, "fog", Taken("fog", wet=False)),
        (Taken("fog", wet=False), 0.05, "drizzle", Taken("fog", wet=False)),
        (Taken("fog", wet=False), 0.0, None, Taken("fog", wet=False)),
    ],
)
def test_other_weather_changes_by_its_kind(before, amount, kind, after):
    assert take(before, sky(amount, kind)) == after
