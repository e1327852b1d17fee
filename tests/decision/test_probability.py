"""The blur of a fix against scipy's noncentral chi-squared, the normal distribution, and plain sampling."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.probability import p_inside, ring_m, sigma_of
from server.model.context import Hit
from tests.builders import fence_id, hit

ACCURACIES = st.floats(1, 2000)


def oracle(measured: Hit, accuracy_m: float) -> float:
    """P(inside) as scipy knows it, which is loaded by who asks: it takes a second, and every process collects this file."""
    from scipy.stats import ncx2, norm

    sigma = max(accuracy_m, 5) / math.sqrt(-2 * math.log(0.32))
    if measured.straight:
        return float(norm.cdf(-measured.edge_m / sigma))
    off = measured.center_m if measured.center_m > 1e-100 else 0.0  # scipy loses digits where the square is denormal
    return float(ncx2.cdf((measured.radius_m / sigma) ** 2, 2, (off / sigma) ** 2))


def circle(center_m: float, radius_m: float) -> Hit:
    """A circle measured from so far off its centre."""
    return Hit(fence_id(1), center_m, center_m - radius_m, radius_m, False)


@given(st.floats(0, 60_000), st.floats(20, 50_000), ACCURACIES)
def test_a_circle_anywhere_agrees_with_the_noncentral_chi_squared(
    center: float, radius: float, accuracy: float
) -> None:
    measured = circle(center, radius)
    found = p_inside(measured, accuracy)
    if abs(measured.edge_m) > ring_m(accuracy):
        assert found == (1.0 if measured.edge_m < 0 else 0.0)
        assert (
            abs(found - oracle(measured, accuracy)) < 0.0112
        )  # exp(-4.5): a circle of three deviations, from its middle
    else:
        assert found == pytest.approx(oracle(measured, accuracy), abs=1e-9)


@given(st.floats(-3, 3), st.floats(0.01, 10_000), st.floats(5, 500))
def test_in_the_ring_circles_of_any_size_agree_to_nine_digits(depth: float, size: float, accuracy: float) -> None:
    sigma = sigma_of(accuracy)
    measured = circle(max(0.0, (size + depth * 0.999) * sigma), size * sigma)
    assert p_inside(measured, accuracy) == pytest.approx(oracle(measured, accuracy), abs=1e-9)


@given(st.floats(-3, 3), st.floats(5, 500))
def test_an_areas_edge_counts_as_straight(depth: float, accuracy: float) -> None:
    measured = hit(depth * 0.999 * sigma_of(accuracy), straight=True)
    assert p_inside(measured, accuracy) == pytest.approx(oracle(measured, accuracy), abs=1e-12)


@given(st.floats(0, 600), st.floats(0.1, 100), st.floats(20, 500), st.floats(5, 200))
def test_further_away_is_never_likelier(center: float, step: float, radius: float, accuracy: float) -> None:
    near, far = p_inside(circle(center, radius), accuracy), p_inside(circle(center + step, radius), accuracy)
    assert 0.0 <= far <= near + 1e-12 <= 1.0 + 1e-12


def test_the_accuracy_is_the_radius_that_holds_68_percent() -> None:
    assert p_inside(circle(0.0, 40.0), 40.0) == pytest.approx(0.68, abs=1e-12)


def test_accuracies_under_five_metres_count_as_five() -> None:
    assert sigma_of(0.5) == sigma_of(5.0) == pytest.approx(5 / 1.5096, rel=1e-5)
    assert p_inside(hit(2.0), 1.9) == p_inside(hit(2.0), 5.0)


def test_a_coarse_fix_far_outside_is_hardly_inside() -> None:
    """1,414 m of accuracy, 1.3 km from a zone of 100 m: where others count it as inside, it is one in 500."""
    assert p_inside(circle(1300.0, 100.0), 1414.0) == pytest.approx(0.0022, abs=0.0003)


def test_beyond_three_deviations_nothing_is_computed() -> None:
    edge = ring_m(30.0)
    assert p_inside(hit(edge + 0.001), 30.0) == 0.0
    assert p_inside(hit(-edge - 0.001), 30.0) == 1.0
    assert 0.0 < p_inside(hit(edge - 0.001), 30.0) < 0.0014
    assert 0.988 < p_inside(hit(-edge + 0.001), 30.0) < 1.0


def test_the_middle_of_a_fence_smaller_than_the_blur_is_not_surely_inside() -> None:
    assert p_inside(circle(0.0, 20.0), 100.0) == pytest.approx(
        1 - math.exp(-((20 / sigma_of(100)) ** 2) / 2), abs=1e-12
    )
