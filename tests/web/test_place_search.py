"""The query of lists of places: what is taken, what is refused by its name, and how fine a grid is."""

from __future__ import annotations

import pytest

from server.errors import Invalid
from server.store.sought import Bounds, Sought
from server.web.place_search import PlaceFilter, grid_of, read_sought


def test_what_is_looked_for_is_read() -> None:
    sought = read_sought(PlaceFilter(bbox="13,52.1,14.5,53", q="  Kaffee  Markt ", tag=" coffee "))
    assert sought == Sought(Bounds(13.0, 52.1, 14.5, 53.0), ["Kaffee", "Markt"], "coffee")
    assert read_sought(PlaceFilter()) == Sought(None, [], None)
    assert read_sought(PlaceFilter(bbox="179,-1,-179,1")).bounds == Bounds(179.0, -1.0, -179.0, 1.0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((PlaceFilter(bbox=text), "bbox") for text in (
            "", "x", "1,2,3", "1,2,3,4,5", "1,2,,4", "nan,0,1,1", "0,nan,1,1", "0,inf,1,1", "-181,0,1,1", "0,0,181,1",
            "0,-91,1,1", "0,0,1,91", "0,2,1,1",
        )),
        (PlaceFilter(q=" "), "q"),
        (PlaceFilter(q="x" * 101), "q"),
        (PlaceFilter(tag=""), "tag"),
        (PlaceFilter(tag="x" * 65), "tag"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_named(query: PlaceFilter, field: str) -> None:
    with pytest.raises(Invalid) as told:
        read_sought(query)
    assert [error.field for error in told.value.errors] == [field]


@pytest.mark.parametrize(
    "bounds",
    [
        None,
        Bounds(-180, -90, 180, 90),
        Bounds(5, 47, 15, 55),
        Bounds(13.40, 52.51, 13.42, 52.53),
        Bounds(170, -20, -170, -10),
        Bounds(1, 1, 1, 1),
    ],
)
def test_a_grid_is_a_dozen_squares_wide_whatever_the_part_of_the_map(bounds: Bounds | None) -> None:
    side = grid_of(Sought(bounds))
    west, south, east, north = bounds or Bounds(-180, -90, 180, 90)
    width = east - west if west <= east else east + 360 - west
    assert max(width, north - south) / side <= 16
    assert max(width, north - south, 0.001) / side > 8
    assert grid_of(Sought(bounds)) == side


def test_the_squares_stay_where_they_are_while_the_map_moves() -> None:
    assert {grid_of(Sought(Bounds(5 + n / 7, 47, 15 + n / 7, 55))) for n in range(50)} == {1.0}
