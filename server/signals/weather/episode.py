"""When the weather has changed: once per episode, not with every observation that hovers around a limit.

Rule 1: rain begins at 0.3 mm an hour and is over at 0.1 (hysteresis); in between it stays as it was.
Rule 2: while it is wet its kind is the observed one, else rain; while it is dry a kind that is wet by name (a drizzle of
        0.05 mm) is no change.
Rule 3: an observation without an amount is believed by its kind.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from server.model.weather import Kind, Sky

ON_MM, OFF_MM = 0.3, 0.1
"""Millimetres an hour at which something begins to fall, and at which that is over."""

WET: Final[frozenset[Kind]] = frozenset({"drizzle", "rain", "sleet", "snow", "hail", "thunderstorm"})


class Taken(NamedTuple):
    """What the weather counts as: its kind, and whether something falls."""

    kind: Kind
    wet: bool


def take(before: Taken | None, sky: Sky) -> Taken | None:
    """Tell what the weather counts as now, after what it counted as before; None where nothing is observed."""
    wet = _is_wet(before, sky)
    if wet is None:
        return before
    if wet:
        return Taken(sky.kind if sky.kind in WET else "rain", wet=True)
    if sky.kind is not None and sky.kind not in WET:
        return Taken(sky.kind, wet=False)
    return before if before is not None and not before.wet else Taken("clouds", wet=False)


def _is_wet(before: Taken | None, sky: Sky) -> bool | None:
    amount = sky.precipitation_mm
    if amount is None:
        return None if sky.kind is None else sky.kind in WET
    if amount >= ON_MM:
        return True
    if amount <= OFF_MM or before is None:
        return False
    return before.wet
