"""Which fixes are believed; distances against geopy's geodesic."""

from __future__ import annotations

import pytest
from geopy.distance import geodesic
from hypothesis import example, given
from hypothesis import strategies as st

from server.decision.trust import Standing, distance_m, implied_mps, is_coarse, standing_of
from server.model.customer import State
from server.model.place import Point
from tests.builders import after, fix, last_fix

LATITUDES = st.floats(-89.9, 89.9)
LONGITUDES = st.floats(-180, 180)
HERE = State(last_fix=last_fix(at=after(0)))


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
@example(0.0, 0.0, 0.0, 0.0)
@example(52.0, 179.9, 52.0, -179.9)
def test_a_distance_is_good_enough_to_tell_a_jump(lat: float, lon: float, to_lat: float, to_lon: float) -> None:
    truth = geodesic((lat, lon), (to_lat, to_lon)).meters
    if truth < 19_500_000:  # towards the far end of the earth Lambert's correction loses its meaning, and so do jumps
        assert distance_m(Point(lat, lon), Point(to_lat, to_lon)) == pytest.approx(truth, rel=2e-4, abs=0.01)


def test_opposite_ends_of_the_earth_have_a_distance_too() -> None:
    assert distance_m(Point(0, 0), Point(0, 180)) == pytest.approx(20_003_931, rel=0.01)


def test_without_a_past_every_fix_is_believed() -> None:
    assert standing_of(State(), fix()) == Standing(False, (), None)
    assert implied_mps(State(), fix()) is None


def test_a_fix_older_than_the_newest_is_late_and_one_of_the_same_time_is_not() -> None:
    assert standing_of(HERE, fix(at=after(-0.001))).late
    assert not standing_of(HERE, fix(at=after(0))).late


def test_a_speed_subtracts_both_accuracies() -> None:
    assert implied_mps(HERE, fix(1018, at=after(10))) == pytest.approx(100.0, abs=0.001)


@pytest.mark.parametrize(("metres", "believed"), [(1017, True), (1019, False)])
def test_a_jump_is_what_needs_more_than_100_metres_a_second(metres: float, believed: bool) -> None:
    standing = standing_of(HERE, fix(metres, at=after(10)))
    assert (standing.doubts == ()) is believed
    assert (standing.held is None) is believed


def test_the_rounding_of_the_stored_fix_is_no_jump_within_a_second() -> None:
    assert standing_of(HERE, fix(55, 55, at=after(0.2))).doubts == ()


def test_a_held_fix_is_believed_once_a_second_one_thirty_seconds_later_agrees() -> None:
    first = standing_of(HERE, fix(50_000, at=after(10)))
    assert first.held == fix(50_000, at=after(10))
    waiting = State(last_fix=HERE.last_fix, held=first.held)
    early = standing_of(waiting, fix(50_010, at=after(39.999)))
    assert (early.doubts, early.held) == (("teleport",), first.held)
    assert standing_of(waiting, fix(50_010, at=after(40))).doubts == ()
    assert standing_of(waiting, fix(50_499, at=after(40))).doubts == ()
    other = standing_of(waiting, fix(50_501, at=after(40)))
    assert (other.doubts, other.held) == (("teleport",), fix(50_501, at=after(40)))


def test_coming_back_to_the_known_way_drops_what_was_held() -> None:
    waiting = State(last_fix=HERE.last_fix, held=fix(50_000, at=after(10)))
    assert standing_of(waiting, fix(15, at=after(20))) == Standing(False, (), None)


def test_a_mocked_fix_is_neither_held_nor_does_it_confirm() -> None:
    assert standing_of(HERE, fix(at=after(5), mock=True)).doubts == ("mock",)
    far = standing_of(HERE, fix(50_000, at=after(10), mock=True))
    assert (far.doubts, far.held) == (("mock", "teleport"), None)
    waiting = State(last_fix=HERE.last_fix, held=fix(50_000, at=after(10)))
    assert standing_of(waiting, fix(50_000, at=after(60), mock=True)).held == waiting.held
    assert standing_of(waiting, fix(0, at=after(60), mock=True)).held == waiting.held


def test_a_coarse_fix_is_never_held() -> None:
    assert standing_of(HERE, fix(50_000, at=after(10), accuracy_m=201)).held is None
    assert standing_of(HERE, fix(50_000, at=after(10), accuracy_m=200)).held is not None


def test_a_fix_that_steps_back_before_the_held_one_takes_its_place() -> None:
    waiting = State(last_fix=HERE.last_fix, held=fix(50_000, at=after(40)))
    assert standing_of(waiting, fix(50_000, at=after(30))).held == fix(50_000, at=after(30))


@pytest.mark.parametrize(
    ("accuracy", "radius", "coarse"),
    [(40, 20, False), (41, 20, True), (200, 100, False), (200.5, 100, True), (200, 5000, False), (201, 5000, True)],
)
def test_a_fix_is_coarse_beyond_200_metres_or_twice_the_radius(accuracy: float, radius: float, coarse: bool) -> None:
    assert is_coarse(accuracy, radius) is coarse
