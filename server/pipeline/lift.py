"""How much showing an offer does: two arms compared, with an interval, or plainly not enough to tell.

Rule 1: shares are compared by Newcombe's score interval, means by Welch's t. Neither believes that the arms are alike.
Rule 2: an interval that would mislead is not told: too few customers, nothing that happened, nothing that varies.
Rule 3: the library of distributions is loaded when the first interval is asked for, and never by who decides on pings.

Sources: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17
(1998), method 10; B. L. Welch, The generalization of "Student's" problem, Biometrika 34 (1947).
"""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

LEVEL: Final = 0.95


class Arm(NamedTuple):
    """What the customers of one arm did: how many they are, the sum of what is measured, and that of its squares."""

    customers: int
    total: int
    squares: int

    @property
    def mean(self) -> float | None:
        """What a customer did on average; None where there is nobody."""
        return self.total / self.customers if self.customers else None

    @property
    def variance(self) -> float:
        """The sample's variance; in whole numbers up to the last division, so that nothing cancels."""
        n = self.customers
        return (n * self.squares - self.total**2) / (n * (n - 1)) if n > 1 else 0.0


class Interval(NamedTuple):
    """Where the difference of two means lies, with the confidence of LEVEL."""

    low: float
    high: float


class Measure(NamedTuple):
    """One comparison: treated minus control, also as a share of the control's mean; without an interval `note` says why."""

    treated: Arm
    control: Arm
    difference: float | None = None
    relative: float | None = None
    interval: Interval | None = None
    note: str | None = None


def compare_shares(treated: Arm, control: Arm, *, least: int) -> Measure:
    """Compare how many of each arm did something (`total` of `customers`)."""
    note = _too_few(treated, control, least)
    if note is None and treated.total == control.total == 0:
        note = "not enough data: it happened to nobody yet"
    return _measure(treated, control, None if note else newcombe(treated, control), note)


def compare_means(treated: Arm, control: Arm, *, least: int) -> Measure:
    """Compare what customers of each arm did on average."""
    note = _too_few(treated, control, least)
    if note is None and not (treated.variance or control.variance):
        note = "not enough data: no two customers differ"
    return _measure(treated, control, None if note else welch(treated, control), note)


def _too_few(treated: Arm, control: Arm, least: int) -> str | None:
    """Say which arm is too small."""
    for name, arm in (("control", control), ("treated", treated)):
        if arm.customers < least:
            return f"not enough data: the {name} group has fewer than {least} customers whose time is over"
    return None


def _measure(treated: Arm, control: Arm, interval: Interval | None, note: str | None) -> Measure:
    one, other = treated.mean, control.mean
    if interval is None or one is None or other is None:
        return Measure(treated, control, note=note)
    difference = one - other
    return Measure(treated, control, difference, difference / other if other else None, interval)


def newcombe(treated: Arm, control: Arm) -> Interval:
    """Give the interval of the difference of two shares: the two Wilson intervals, put together by squares."""
    (p1, low1, high1), (p2, low2, high2) = (_wilson(each.total, each.customers) for each in (treated, control))
    difference = p1 - p2
    return Interval(
        difference - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2),
        difference + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2),
    )


def _wilson(hits: int, customers: int) -> tuple[float, float, float]:
    """Give a share and the ends of its score interval."""
    from scipy.special import ndtri  # noqa: PLC0415  some 40 MB: for reports alone

    z, share = float(ndtri((1 + LEVEL) / 2)), hits / customers
    middle = share + z * z / (2 * customers)
    half = z * sqrt(share * (1 - share) / customers + z * z / (4 * customers * customers))
    whole = 1 + z * z / customers
    return share, (middle - half) / whole, (middle + half) / whole


def welch(treated: Arm, control: Arm) -> Interval:
    """Give the interval of the difference of two means, each with a variance of its own."""
    from scipy.special import stdtrit  # noqa: PLC0415  some 40 MB: for reports alone

    errors = [arm.variance / arm.customers for arm in (treated, control)]
    whole = sum(errors)
    freedom = whole**2 / sum(
        error**2 / (arm.customers - 1) for error, arm in zip(errors, (treated, control), strict=True)
    )
    difference = treated.total / treated.customers - control.total / control.customers
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * sqrt(whole)
    return Interval(difference - half, difference + half)
