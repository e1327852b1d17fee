"""Which fixes are believed: out of order, mocked, teleporting, too coarse.

Rule 1: a fix older than the newest one that moved the state comes too late: it never moves the state.
Rule 2: a fix that would need more than 100 m/s is held, until a second one at least 30 s later agrees within 500 m.
Rule 3: a mocked fix is recorded; it moves only the readings of offers that allow it, and never confirms anything.
"""

from __future__ import annotations

from datetime import timedelta
from math import asin, atan, cos, radians, sin, sqrt, tan
from typing import NamedTuple

from server.model.customer import LastFix, State
from server.model.ping import Fix
from server.model.place import Point

FASTEST_MPS = 100.0
"""Above what any road or most rails allow; what flies is believed at its second fix."""

AGREE_AFTER = timedelta(seconds=30)
AGREE_WITHIN_M = 500.0

COARSEST_M = 200.0
"""A fix worse than this never changes the state of any fence."""

_SHORTEST_S = 1.0  # the stored fix is rounded to some 80 m: over less than a second that alone would be a jump
_EQUATOR_M = 6_378_137.0  # WGS 84
_FLATTENING = 1 / 298.257223563
_DEGREE_M = 111_700.0  # no degree of latitude or longitude is longer than 111,694 m


class Standing(NamedTuple):
    """How a fix stands: late behind the state, its doubts ("mock", "teleport"), and the fix that is held afterwards."""

    late: bool
    doubts: tuple[str, ...]
    held: Fix | None


def standing_of(state: State, fix: Fix) -> Standing:
    """Judge a fix against the last trusted one and the one that is held."""
    last = state.last_fix
    if last is not None and fix.at < last.at:
        return Standing(True, (), state.held)
    mocked = ("mock",) if fix.mock else ()
    speed = None if last is None or _is_slow(last, fix) else implied_mps(state, fix)
    if speed is None or speed <= FASTEST_MPS:
        return Standing(False, mocked, state.held if fix.mock else None)
    if fix.mock:
        return Standing(False, ("mock", "teleport"), state.held)
    if fix.accuracy_m > COARSEST_M:
        return Standing(False, ("teleport",), state.held)
    held = state.held
    if held is None or distance_m(held.point, fix.point) > AGREE_WITHIN_M or fix.at < held.at:
        return Standing(False, ("teleport",), fix)
    if fix.at - held.at < AGREE_AFTER:
        return Standing(False, ("teleport",), held)
    return Standing(False, (), None)


def _is_slow(last: LastFix, fix: Fix) -> bool:
    """Tell without any geometry that a way was slow enough: along a meridian and then along a parallel it is longer."""
    (lat, lon), (to_lat, to_lon) = last.point, fix.point
    way = _DEGREE_M * (abs(to_lat - lat) + abs(to_lon - lon))
    return way <= FASTEST_MPS * max((fix.at - last.at).total_seconds(), _SHORTEST_S)


def implied_mps(state: State, fix: Fix) -> float | None:
    """Give the speed (m/s) at which the phone must have come here, both accuracies subtracted; None without a past."""
    last = state.last_fix
    if last is None:
        return None
    way = distance_m(last.point, fix.point) - last.accuracy_m - fix.accuracy_m
    return max(0.0, way) / max((fix.at - last.at).total_seconds(), _SHORTEST_S)


def is_coarse(accuracy_m: float, radius_m: float) -> bool:
    """Tell whether a fix is too coarse (m) to change the state of a fence of this radius (m)."""
    return accuracy_m > min(COARSEST_M, 2 * radius_m)


def distance_m(one: Point, other: Point) -> float:
    """Give the distance (m) on WGS 84 by Lambert's formula, off by some 10 m in a thousand kilometres.

    W. D. Lambert, The distance between two widely separated points on the surface of the earth, J. Washington Academy of
    Sciences 32 (1942). Plausibility asks no more; the fences are measured exactly elsewhere.
    """
    one_lat, other_lat = (atan((1 - _FLATTENING) * tan(radians(point.lat))) for point in (one, other))
    half_lon = radians(other.lon - one.lon) / 2
    half_lat = (other_lat - one_lat) / 2
    chord = sin(half_lat) ** 2 + cos(one_lat) * cos(other_lat) * sin(half_lon) ** 2
    if chord <= 0.0:
        return 0.0
    if chord >= 1.0 - 1e-9:  # opposite ends of the earth: the correction has a pole there, and nobody needs it
        return _EQUATOR_M * 2 * asin(min(1.0, sqrt(chord)))
    angle = 2 * asin(sqrt(chord))
    middle = (one_lat + other_lat) / 2
    along = (angle - sin(angle)) * sin(middle) ** 2 * cos(half_lat) ** 2 / (1 - chord)
    across = (angle + sin(angle)) * cos(middle) ** 2 * sin(half_lat) ** 2 / chord
    return _EQUATOR_M * (angle - _FLATTENING / 2 * (along + across))
