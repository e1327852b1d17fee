"""What weather can be on earth: the bounds by which a lie, a unit mixed up or a broken sensor is told from a reading."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Records of the World Meteorological Organization's archive (wmo.asu.edu), with room to spare.
BOUNDS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "temperature_c": (-95.0, 65.0),  # -89.2 Vostok, 56.7 Furnace Creek
        "apparent_c": (-130.0, 90.0),
        "precipitation_mm": (0.0, 2500.0),  # per hour: 31.2 mm fell in one minute at Unionville
        "wind_mps": (0.0, 140.0),  # 113.3 Barrow Island
        "humidity": (0.0, 100.0),  # percent
        "uv": (0.0, 45.0),  # 43.3 Licancabur
    }
)


def is_possible(quantity: str, value: float) -> bool:
    """Whether a quantity of `Sky` can have a value; not-a-number can be nothing."""
    low, high = BOUNDS[quantity]
    return low <= value <= high
