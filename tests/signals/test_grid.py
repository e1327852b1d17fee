"""Boxes hold what they promise, and a grid finds every entry whose box is touched, before and after changes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Point
from server.signals.grid import CELLS_PER_ENTRY, LEVELS, Box, Grid, box_around, cover
from server.signals.records import RECORD, named, once
from tests.signals.spread import away, spread

latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)


def entry(number: int, lat: float = 0.0) -> bytes:
    return RECORD.pack(lat, 0.0, 0.0, UUID(int=number).bytes)


def ids(found: Sequence[bytes]) -> list[UUID]:
    """The ids in some portions, each once."""
    return [named(each.name) for each in once(found)]


@given(lat=latitudes, lon=longitudes, bearing=st.floats(0, 360), metres=st.floats(0, 300_000))
@settings(max_examples=200, deadline=None)
def test_a_box_around_a_point_holds_whatever_is_within_the_distance(
    lat: float, lon: float, bearing: float, metres: float
) -> None:
    there = away(Point(lat, lon), bearing=bearing, metres=metres)
    assert box_around(lat, lon, metres).holds(there.lat, there.lon)


def test_a_box_around_a_point_is_not_much_larger_than_needed() -> None:
    box = box_around(52.5, 13.4, 100)
    assert not box.holds(*away(Point(52.5, 13.4), bearing=0, metres=102))
    assert not box.holds(*away(Point(52.5, 13.4), bearing=90, metres=102))


def test_a_box_that_touches_a_pole_takes_all_longitudes() -> None:
    assert box_around(89.95, 10, 1000)[1::2] == (-180, 180)
    assert box_around(-89.9999, 10, 1000) == Box(-90, -180, -89.9999 + (1000 / 110_574 + 1e-9), 180)


def test_a_shop_lies_in_a_few_of_the_finest_cells() -> None:
    for a, b, _, d in spread(300):
        level, keys = cover(box_around((2 * a - 1) * 60, (2 * b - 1) * 180, 20 + d * 180))
        assert level == 0
        assert 1 <= len(set(keys)) == len(keys) <= CELLS_PER_ENTRY


def test_the_world_itself_can_be_kept() -> None:
    level, keys = cover(Box(-90, -180, 90, 180))
    assert level == LEVELS - 1
    assert len(set(keys)) == len(keys) == 91 * 180


boxes = st.builds(
    box_around,
    latitudes,
    longitudes,
    st.one_of(st.floats(0, 500), st.floats(0, 60_000), st.floats(0, 3_000_000)),
)


def touch(a: Box, b: Box) -> bool:
    """Whether two boxes share a point, by trying the turns of the world."""
    if a.south > b.north or b.south > a.north:
        return False
    return any(a.west + turn <= b.east and b.west <= a.east + turn for turn in (-720, -360, 0, 360, 720))


@given(kept=st.lists(boxes, min_size=1, max_size=12), asked=boxes, gone=st.sets(st.integers(0, 11)))
@settings(max_examples=100, deadline=None)
def test_a_grid_finds_every_entry_whose_box_is_touched_and_none_that_was_dropped(
    kept: list[Box], asked: Box, gone: set[int]
) -> None:
    pairs = [(box, entry(number)) for number, box in enumerate(kept)]
    grid = Grid().changed(put=pairs, drop=())
    due = {UUID(int=number) for number, (box, _) in enumerate(pairs) if touch(box, asked)}
    found = ids(grid.touching(asked))
    assert due <= set(found)

    fewer = grid.changed(put=(), drop=[pair for number, pair in enumerate(pairs) if number in gone])
    left = {UUID(int=number) for number, (box, _) in enumerate(pairs) if number not in gone and touch(box, asked)}
    after = set(ids(fewer.touching(asked)))
    assert left <= after
    assert after.isdisjoint(UUID(int=number) for number in gone)
    assert ids(grid.touching(asked)) == found, "the old grid must not change"
    again = fewer.changed(put=[pair for number, pair in enumerate(pairs) if number in gone], drop=())
    assert set(ids(again.touching(asked))) == set(found)


def test_a_grid_from_which_all_was_dropped_holds_no_cell() -> None:
    pairs = [
        (box_around((2 * a - 1) * 90, (2 * b - 1) * 180, 10 ** (1 + 5 * c)), entry(n))
        for n, (a, b, c, _) in enumerate(spread(200))
    ]
    full = Grid().changed(put=pairs, drop=())
    empty = full.changed(put=(), drop=pairs)
    assert len(ids(full.touching(Box(-90, -180, 90, 180)))) == 200
    assert empty.touching(Box(-90, -180, 90, 180)) == []
    assert all(len(cells) == 0 for cells in (*empty.levels, *empty._masks))
    assert empty.looks == ()


@given(lat=latitudes, lon=longitudes, metres=st.one_of(st.floats(0, 400), st.floats(0, 60_000)))
@settings(max_examples=200, deadline=None)
def test_a_circle_lies_in_the_cells_of_its_box(lat: float, lon: float, metres: float) -> None:
    record, box = RECORD.pack(lat, lon, metres, bytes(16)), box_around(lat, lon, metres)
    by_itself, by_its_box = Grid().changed(put=[(None, record)], drop=()), Grid().changed(put=[(box, record)], drop=())
    assert by_itself.levels == by_its_box.levels
    assert by_itself._masks == by_its_box._masks


def test_a_wide_question_finds_the_same_as_many_narrow_ones() -> None:
    pairs = [
        (box_around(52 + a / 4, 13 + b / 4, 50 + c * 3000), entry(n)) for n, (a, b, c, _) in enumerate(spread(200))
    ]
    grid = Grid().changed(put=pairs, drop=())
    wide = set(ids(grid.touching(Box(51.9, 12.9, 52.4, 13.4))))
    step = 1 / 256
    narrow = set()
    for row in range(128):
        for column in range(128):
            south, west = 51.9 + row * step, 12.9 + column * step
            narrow.update(ids(grid.touching(Box(south, west, south, west))))
    assert wide == narrow == {UUID(int=number) for number in range(200)}


def test_a_narrow_question_meets_few_entries_that_are_far_away() -> None:
    pairs = [(box_around(52 + a, 13 + b, 100), entry(n)) for n, (a, b, _, _) in enumerate(spread(5000))]
    grid = Grid().changed(put=pairs, drop=())
    met = [len(ids(grid.touching(box_around(52 + a, 13 + b, 50)))) for a, b, _, _ in spread(200, start=9000)]
    assert sum(met) / len(met) < 2, "a cell holds its own neighbourhood, not the town"


def test_a_question_around_the_whole_world_meets_every_entry_once() -> None:
    pairs = [
        (box_around((2 * a - 1) * 90, (2 * b - 1) * 180, 10 ** (1 + 5 * c)), entry(n))
        for n, (a, b, c, _) in enumerate(spread(150))
    ]
    grid = Grid().changed(put=pairs, drop=())
    assert sorted(ids(grid.touching(Box(-90, -540, 90, 540)))) == [UUID(int=number) for number in range(150)]


def test_changing_nothing_changes_nothing() -> None:
    box = box_around(52.5, 13.4, 100)
    one = entry(1)
    grid = Grid().changed(put=[(box, one)], drop=())
    same = grid.changed(put=(), drop=())
    assert same.touching(box)[0] is one
    assert all(mine is theirs for mine, theirs in zip(grid.levels, same.levels, strict=True))


def test_dropping_and_putting_the_same_place_again_in_one_change_keeps_the_new_entry() -> None:
    box = box_around(52.5, 13.4, 100)
    old, new = entry(1), entry(1, 52.5)
    grid = Grid().changed(put=[(box, old)], drop=()).changed(put=[(box, new)], drop=[(box, old)])
    assert list(grid.touching(box)) == [new]
