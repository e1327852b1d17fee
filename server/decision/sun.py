"""How high the sun stands: a place and an instant in, degrees out. Nothing is asked but arithmetic (astral's, which is NOAA's).

Rule 1: the sun is up while its upper limb is over the horizon of a flat land: its centre is 0.833 degrees under it at most
        (34' of refraction and 16' of radius, as almanacs define sunrise and sunset).
Rule 2: heights are compared, rises and sets are never looked for: on a polar day there are none, and no library can find one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from astral import Observer
from astral.sun import elevation

from server.model.place import Point

HORIZON_DEG: Final = -0.833
"""Where the sun's centre stands as it rises and sets."""


@lru_cache(maxsize=4096)  # the offers of one place ask for the same instant
def sun_height(point: Point, at: datetime) -> float:
    """Give the height of the sun's centre over the horizon in degrees, without refraction; negative at night.

    Good to a hundredth of a degree (a few seconds of time) in this century; beyond 89.8 degrees of latitude it is that of 89.8.
    """
    return elevation(Observer(point.lat, point.lon), at.astimezone(UTC), with_refraction=False)


def is_up(height: float) -> bool:
    """Tell whether it is day at this height of the sun."""
    return height >= HORIZON_DEG
