"""The funnel's picture: heights are shares, slopes join, nothing leaves the frame."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web.picture import HEIGHT, WIDTH, draw


def corners(points: str) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in points.split()]


def height(points: str) -> float:
    ys = [y for _, y in corners(points)]
    return max(ys) - min(ys)


def test_each_step_is_as_high_as_its_share_of_the_largest() -> None:
    columns = draw([200, 100, 50, 0])
    assert [height(column.body) for column in columns] == [HEIGHT, HEIGHT / 2, HEIGHT / 4, 0]


def test_slopes_lead_from_one_step_to_the_next_and_the_last_has_none() -> None:
    columns = draw([200, 100, 50])
    for column, following in itertools.pairwise(columns):
        slope, body, after = corners(column.slope), corners(column.body), corners(following.body)
        assert (slope[0], slope[3]) == (body[1], body[2])
        assert (slope[1], slope[2]) == (after[0], after[3])
    assert columns[-1].slope == ""


def test_a_step_that_anybody_took_can_be_seen() -> None:
    assert height(draw([1_000_000, 1])[1].body) == 2


def test_nothing_is_drawn_flat() -> None:
    assert [height(column.body) for column in draw([0, 0, 0])] == [0, 0, 0]
    assert draw([]) == []


@pytest.mark.parametrize("counts", [[-5, 3], [3, -5], [-1]])
def test_a_negative_count_is_drawn_as_nothing(counts: list[int]) -> None:
    drawn = [height(column.body) for column in draw(counts)]
    assert [high == 0 for high in drawn] == [count < 0 for count in counts]


@given(st.lists(st.integers(min_value=-10, max_value=10**12), min_size=1, max_size=12))
def test_nothing_leaves_the_frame(counts: list[int]) -> None:
    for column in draw(counts):
        for points in (column.body, column.slope):
            for x, y in corners(points):
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT
