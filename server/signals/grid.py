"""Where to look: the world in nested cells, and a map of cells that can be changed without disturbing its readers.

Cells are 1/256° wide and high, then eight times as much on each of three further levels (1/32°, 1/4°, 2°). What is
kept lies in every cell of one level that its box touches, on the finest level where these are at most six. Each cell
knows which of its 64 children hold anything, so a wide look-up walks over occupied cells alone.

A `Grid` never changes. `changed` gives a new one that shares all but the touched shards with the old: an update costs
microseconds at a million fences, and who still reads the old grid reads one state of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import cos, floor, radians
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from server.signals.distance import DEGREE_LAT_MIN_M, DEGREE_LON_EQUATOR_M

PER_DEGREE: Final = 256  # finest cells: ≈ 430 m high, so that a shop's fence meets a few of them
SPLIT_BITS: Final = 3  # × 8 per level
LEVELS: Final = 4
COLUMNS: Final = 360 * PER_DEGREE  # divisible by 8³: the last level still closes around the world
CELLS_PER_ENTRY: Final = 6  # three columns by two rows: a fence of 200 m at 60° north still lies in finest cells
SHARDS: Final = 1021  # a prime, so that neighbours fall apart; at a million fences a shard holds some thousand cells

_TOP: Final = LEVELS - 1
_DIRECT_CELLS: Final = 16  # up to so many finest cells it is quicker to ask each level than to walk down
_SLACK_DEG: Final = 1e-9  # 0.1 mm, against the rounding of the boxes themselves
_POLE_LAT: Final = 89.9  # nearer to a pole a box takes all longitudes

if TYPE_CHECKING:
    from server.signals.outline import Outline


class Entry(NamedTuple):
    """What a cell keeps of a fence: a point, how far from it (m) the fence reaches, and the outline of an Area."""

    lat: float
    lon: float
    outer_m: float
    id: UUID
    outline: Outline | None


class Box(NamedTuple):
    """Degrees; west ≤ east, and both may lie beyond ±180 where the box crosses the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, lat: float, lon: float) -> bool:
        """Whether the box holds a point, whichever way around the world its longitude is counted."""
        return self.south <= lat <= self.north and (lon - self.west) % 360 <= self.east - self.west


class Cell(NamedTuple):
    """What one cell keeps, and a bit for each of its 8 × 8 children that keep something."""

    entries: tuple[Entry, ...]
    children: int


Shards = tuple[Mapping[int, Cell], ...]


def box_around(lat: float, lon: float, metres: float) -> Box:
    """A box that holds every point at most so many metres (geodesic) from the given one, and a little more."""
    tall = metres / DEGREE_LAT_MIN_M + _SLACK_DEG
    south, north = max(-90.0, lat - tall), min(90.0, lat + tall)
    far = max(-south, north)
    if far > _POLE_LAT:
        return Box(south, -180.0, north, 180.0)
    wide = metres / (DEGREE_LON_EQUATOR_M * cos(radians(far))) + _SLACK_DEG
    return Box(south, -180.0, north, 180.0) if wide >= 180 else Box(south, lon - wide, north, lon + wide)


def _window(box: Box, level: int) -> tuple[int, int, int, int]:
    """Rows first … last and columns first … last of the cells that a box touches; columns may exceed the world."""
    shift = SPLIT_BITS * level
    west, east = floor((box.west + 180) * PER_DEGREE) >> shift, floor((box.east + 180) * PER_DEGREE) >> shift
    columns = COLUMNS >> shift
    if east - west >= columns:
        west, east = 0, columns - 1
    return floor((box.south + 90) * PER_DEGREE) >> shift, floor((box.north + 90) * PER_DEGREE) >> shift, west, east


def _keys(window: tuple[int, int, int, int], level: int) -> Iterator[int]:
    south, north, west, east = window
    columns = COLUMNS >> (SPLIT_BITS * level)
    for row in range(south, north + 1):
        for column in range(west, east + 1):
            yield row * COLUMNS + column % columns


def cover(box: Box) -> tuple[int, tuple[int, ...]]:
    """The level on which a box is kept and the keys of its cells there."""
    for level in range(_TOP):
        south, north, west, east = window = _window(box, level)
        if (north - south + 1) * (east - west + 1) <= CELLS_PER_ENTRY:
            return level, tuple(_keys(window, level))
    return _TOP, tuple(_keys(_window(box, _TOP), _TOP))


class Grid:
    """An immutable map from cells to what touches them."""

    __slots__ = ("_levels", "_used")

    def __init__(self, levels: tuple[Shards, ...] = (({},) * SHARDS,) * LEVELS) -> None:
        """Take the shards of each level, finest first."""
        self._levels = levels
        self._used = tuple(level for level in range(LEVELS) if any(levels[level]))

    def changed(self, *, put: Iterable[tuple[Box, Entry]], drop: Iterable[tuple[Box, Entry]]) -> Grid:
        """A new grid with entries dropped and put; an entry is dropped by identity from the cells of its box."""
        draft = _Draft(self._levels)
        for (level, key), entries in _by_cell(drop).items():
            draft.drop(level, key, entries)
        for (level, key), entries in _by_cell(put).items():
            draft.put(level, key, entries)
        return Grid(draft.levels())

    def touching(self, box: Box) -> list[Entry]:
        """Each entry once whose box may touch the given one (and some beside it: cells are coarse)."""
        south, north, west, east = _window(box, 0)
        found: list[tuple[Entry, ...]] = []
        if (north - south + 1) * (east - west + 1) <= _DIRECT_CELLS:
            for level in self._used:
                self._ask(_window(box, level), level, found)
        else:
            self._descend(box, found)
        if len(found) == 1:
            return list(found[0])
        return list({id(entry): entry for entries in found for entry in entries}.values())

    def _ask(self, window: tuple[int, int, int, int], level: int, found: list[tuple[Entry, ...]]) -> None:
        shards = self._levels[level]
        for key in _keys(window, level):
            cell = shards[key % SHARDS].get(key)
            if cell is not None and cell.entries:
                found.append(cell.entries)

    def _descend(self, box: Box, found: list[tuple[Entry, ...]]) -> None:
        windows = [_window(box, level) for level in range(LEVELS)]
        waiting = [(_TOP, key) for key in _keys(windows[_TOP], _TOP)]
        while waiting:
            level, key = waiting.pop()
            cell = self._levels[level][key % SHARDS].get(key)
            if cell is None:
                continue
            if cell.entries:
                found.append(cell.entries)
            if cell.children:
                waiting.extend((level - 1, child) for child in _children(key, cell.children, windows[level - 1], level))


def _children(key: int, mask: int, window: tuple[int, int, int, int], level: int) -> Iterator[int]:
    """The keys of a cell's occupied children inside a window of their level."""
    south, north, west, east = window
    row, column = divmod(key, COLUMNS)
    columns = COLUMNS >> (SPLIT_BITS * (level - 1))
    while mask:
        bit = (mask & -mask).bit_length() - 1
        mask &= mask - 1
        child_row, child_column = (row << SPLIT_BITS) + (bit >> SPLIT_BITS), (column << SPLIT_BITS) + (bit & 7)
        if south <= child_row <= north and (child_column - west) % columns <= east - west:
            yield child_row * COLUMNS + child_column


def _by_cell(pairs: Iterable[tuple[Box, Entry]]) -> dict[tuple[int, int], list[Entry]]:
    cells: dict[tuple[int, int], list[Entry]] = {}
    for box, entry in pairs:
        level, keys = cover(box)
        for key in keys:
            cells.setdefault((level, key), []).append(entry)
    return cells


class _Draft:
    """Shards being changed: each is copied when it is first written to."""

    def __init__(self, levels: tuple[Shards, ...]) -> None:
        self._levels: list[list[Mapping[int, Cell]]] = [list(shards) for shards in levels]
        self._own: dict[tuple[int, int], dict[int, Cell]] = {}

    def levels(self) -> tuple[Shards, ...]:
        return tuple(tuple(shards) for shards in self._levels)

    def _shard(self, level: int, key: int) -> dict[int, Cell]:
        number = key % SHARDS
        own = self._own.get((level, number))
        if own is None:
            own = self._own[level, number] = dict(self._levels[level][number])
            self._levels[level][number] = own
        return own

    def put(self, level: int, key: int, entries: list[Entry]) -> None:
        shard = self._shard(level, key)
        cell = shard.get(key)
        if cell is None:
            self._mark(level, key)
            cell = Cell((), 0)
        shard[key] = Cell((*cell.entries, *entries), cell.children)

    def drop(self, level: int, key: int, entries: list[Entry]) -> None:
        gone = {id(entry) for entry in entries}
        shard = self._shard(level, key)
        cell = shard[key]
        kept = tuple(entry for entry in cell.entries if id(entry) not in gone)
        if kept or cell.children:
            shard[key] = Cell(kept, cell.children)
        else:
            del shard[key]
            self._unmark(level, key)

    def _mark(self, level: int, key: int) -> None:
        """Tell the parents that a cell now exists."""
        while level < _TOP:
            level, key, bit = _parent(level, key)
            shard = self._shard(level, key)
            cell = shard.get(key)
            shard[key] = Cell(cell.entries if cell else (), (cell.children if cell else 0) | bit)
            if cell is not None:
                return

    def _unmark(self, level: int, key: int) -> None:
        """Tell the parents that a cell is gone, and remove those that are left empty."""
        while level < _TOP:
            level, key, bit = _parent(level, key)
            shard = self._shard(level, key)
            cell = shard[key]
            children = cell.children & ~bit
            if cell.entries or children:
                shard[key] = Cell(cell.entries, children)
                return
            del shard[key]


def _parent(level: int, key: int) -> tuple[int, int, int]:
    """The cell one level up, and the bit by which it knows this one."""
    row, column = divmod(key, COLUMNS)
    bit = 1 << (((row & 7) << SPLIT_BITS) | (column & 7))
    return level + 1, (row >> SPLIT_BITS) * COLUMNS + (column >> SPLIT_BITS), bit
