"""What one fix says of one fence: as it is measured now, or as it was written down when it came.

A fix of the past has no position any more. What is kept of it beside a fence is what decides, and no distance: how likely
it was inside in hundredths, rounded down, so that it compares with a confidence in hundredths as it did then.
"""

from __future__ import annotations

from math import floor

from server.decision.probability import p_inside
from server.decision.trust import is_coarse
from server.model.context import Hit, Recorded

GONE_P = 0.1
"""A fix counts as outside only where being inside is at most this likely."""

MARGIN_M = 25.0
MARGIN_SHARE = 0.15

_HAIR = 1e-9  # 0.29 * 100 is 28.999999999999996


def margin_m(radius_m: float) -> float:
    """Give how far (m) beyond the edge of a fence of this radius (m) a phone is still not outside."""
    return max(MARGIN_M, MARGIN_SHARE * radius_m)


def seen(hit: Hit, accuracy_m: float) -> tuple[float, bool]:
    """Give how likely a fix of this accuracy (m) is inside a fence, and whether it is too coarse to tell."""
    if hit.recorded is not None:
        return hit.recorded.p, hit.recorded.coarse
    return p_inside(hit, accuracy_m), is_coarse(accuracy_m, hit.radius_m)


def is_outside(hit: Hit, p: float, confidence: float) -> bool:
    """Tell whether a fix speaks for having left: beyond the margin, hardly possible inside, and no enter by itself."""
    if hit.recorded is not None:
        return hit.recorded.outside and p < confidence
    return p <= GONE_P and p < confidence and hit.edge_m > margin_m(hit.radius_m)


def is_within_margin(hit: Hit) -> bool:
    """Tell whether a fix lies inside, or so near to the edge that nobody has left by it."""
    return hit.recorded.margin if hit.recorded is not None else hit.edge_m <= margin_m(hit.radius_m)


def record(hit: Hit, accuracy_m: float) -> Recorded:
    """Write down what a fix of this accuracy (m) says of a fence."""
    if hit.recorded is not None:
        return hit.recorded
    p, coarse = seen(hit, accuracy_m)
    margin = hit.edge_m <= margin_m(hit.radius_m)
    return Recorded(floor(100 * p + _HAIR) / 100, not margin and p <= GONE_P, margin, coarse)
