"""What a phone may watch by itself until it reports again: the nearest fences that matter, and for how long that is enough."""

from __future__ import annotations

from server.model.ping import Fix
from server.pipeline.batch import Watch, Watched
from server.signals.fences import FenceIndex

MOST = 19
"""Phones watch twenty regions for an app (Apple's CLLocationManager); one is left for the app's own."""

WITHIN_M = 100_000.0
"""A fence farther away is not reached before the next report."""

_SOONEST_S, _LATEST_S = 15, 900
_WALKING_MPS = 1.4


def watch_from(fix: Fix, live: FenceIndex) -> Watch:
    """Tell a phone at this fix which of the live offers' fences to watch, and when (s) to report at the latest.

    It reports when it could have got half the way to the nearest boundary at its speed (walking, where it tells none).
    """
    hits = live.nearest(fix.point, MOST, WITHIN_M)
    if not hits:
        return Watch((), _LATEST_S)
    speed = max(_WALKING_MPS, fix.speed_mps or 0.0)
    soon = abs(hits[0].edge_m) / speed / 2
    circles = ((hit.id, live.enclosing(hit.id)) for hit in hits)
    return Watch(
        tuple(Watched(identifier, circle) for identifier, circle in circles if circle is not None),
        int(min(max(soon, _SOONEST_S), _LATEST_S)),
    )
