"""How likely a phone is inside a fence: its fix is a blur, not a point.

A fix is read as a two-dimensional Gaussian whose 68 % radius is the accuracy that the phone claims, as Android defines
it (https://developer.android.com/reference/android/location/Location#getAccuracy()). Inside a circle that is one minus
Marcum's Q of order one, the cumulative noncentral chi-squared with two degrees of freedom; beside a straight edge it is
the normal distribution.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, erf, erfc, exp, log, pi, sin, sqrt, tau

from server.model.context import Hit

FINEST_M = 5.0
"""Accuracies under 5 m count as 5 m: no phone knows better, some claim to."""

RING = 3.0
"""Beyond this many standard deviations from the edge the answer is 0 or 1 without computing."""

_SIGMAS_OF_68 = sqrt(-2 * log(1 - 0.68))  # 1.5096: the radius that holds 68 % of a two-dimensional Gaussian
_WIDE = 8.0  # from here on a circle is integrated as a straight edge less a thin crescent
_CRESCENT = 8.0  # erfc(8 / sqrt 2) is 1e-15: nothing is left of the crescent beyond
_CRESCENT_NODES = 20  # Gauss-Legendre on [0, 8]: 1e-12 with 16


def sigma_of(accuracy_m: float) -> float:
    """Give the standard deviation (m) of a fix in each direction from its 68 % radius (m)."""
    return max(accuracy_m, FINEST_M) / _SIGMAS_OF_68


def ring_m(accuracy_m: float) -> float:
    """Give how far (m) from an edge a fix of this accuracy (m) still leaves a doubt."""
    return RING * sigma_of(accuracy_m)


def p_inside(hit: Hit, accuracy_m: float) -> float:
    """Give the probability (0..1) that the phone is inside the fence it was measured against.

    Exactly 1.0 or 0.0 further than three standard deviations from the edge.
    """
    sigma = sigma_of(accuracy_m)
    depth = -hit.edge_m / sigma
    if depth > RING:
        return 1.0
    if depth < -RING:
        return 0.0
    if hit.straight:
        return _normal(depth)
    return _within_circle(hit.center_m / sigma, hit.radius_m / sigma)


def _normal(x: float) -> float:
    """The standard normal distribution's cumulative function."""
    return 0.5 * erfc(-x / sqrt(2.0))


def _density(x: float) -> float:
    """The standard normal distribution's density."""
    return exp(-0.5 * x * x) / sqrt(tau)


def _within_circle(a: float, b: float) -> float:
    """Give P(|X| <= b) for X normal in the plane around a point at distance a, all in standard deviations."""
    found = _small_circle(a, b) if b < _WIDE else _wide_circle(a, b)
    return min(1.0, max(0.0, found))


def _small_circle(a: float, b: float) -> float:
    """Integrate over chords: of x = b sin t, density(x - a) · P(|Y| <= b cos t).

    As a function of t the integrand is analytic and periodic, so equal steps converge faster than any power.
    """
    steps = 10 + int(4 * b)  # 1e-14 up to b = 10, measured against scipy
    total = 0.0
    for step in range(steps):
        angle = pi * ((step + 0.5) / steps - 0.5)
        half_chord = b * cos(angle)
        total += _density(b * sin(angle) - a) * erf(half_chord / sqrt(2.0)) * half_chord
    return total * pi / steps


def _wide_circle(a: float, b: float) -> float:
    """The half-plane up to the circle's edge, less the crescents beyond the ends of its chords.

    A chord's half length s is the variable, x = sqrt(b² - s²): the crescents' weight erfc(s / sqrt 2) ends them at 8.
    What lies beyond the circle's far side is under 1e-11 here, since the caller asks only within three deviations of b.
    """
    crescents = 0.0
    for node, weight in _legendre(_CRESCENT_NODES):
        s = _CRESCENT * 0.5 * (node + 1)
        x = sqrt(b * b - s * s)
        crescents += weight * _density(x - a) * erfc(s / sqrt(2.0)) * s / x
    return _normal(b - a) - crescents * _CRESCENT * 0.5


@lru_cache(maxsize=1)
def _legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1], by Newton's method on the polynomial's recurrence."""
    found = []
    for index in range(count):
        x = cos(pi * (index + 0.75) / (count + 0.5))
        for _ in range(8):  # starts within 1e-3 of the root and doubles its digits each time
            before, value = 1.0, x
            for degree in range(2, count + 1):
                before, value = value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree
            slope = count * (x * value - before) / (x * x - 1)
            x -= value / slope
        found.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(found)
