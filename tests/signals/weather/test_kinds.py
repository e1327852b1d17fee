"""When the wind is what the weather is."""

from __future__ import annotations

import pytest

from server.model.weather import Kind
from server.signals.weather.kinds import with_wind


@pytest.mark.parametrize(
    ("kind", "wind_mps", "told"),
    [
        ("clear", 17.1, "clear"),
        ("clear", 17.2, "wind"),
        ("clouds", 30.0, "wind"),
        ("rain", 30.0, "rain"),
        ("thunderstorm", 30.0, "thunderstorm"),
        ("clouds", None, "clouds"),
        (None, 30.0, None),
    ],
)
def test_a_gale_under_a_dry_sky_is_wind(kind: Kind | None, wind_mps: float | None, told: Kind | None) -> None:
    assert with_wind(kind, wind_mps) == told
