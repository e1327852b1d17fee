"""Where to look: the world in nested cells, and a map of cells that can be changed without disturbing its readers.

Cells are 1/256° wide and high, then eight times as much on each of three further levels (1/32°, 1/4°, 2°). What is
kept lies in every cell of one level that its box touches, on the finest level where these are at most six. Each cell
knows which of its 64 children hold anything, so a wide look-up walks over occupied cells alone.

A `Grid` never changes. `changed` gives a new one that shares all but the touched shards with the old: an update costs
microseconds at a million fences, and who still reads the old grid reads one state of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_EMPTY: Final = Cell((), 0)


def box_around(lat: float, lon: float, metres: float) -> Box:
    """A box that holds every point at most so many metres (geodesic) from the given one, and a little more."""
    tall = metres / DEGREE_LAT_MIN_M + _SLACK_DEG
    south, north = max(-90.0, lat - tall), min(90.0, lat + tall)
    far = max(-south, north)
    if far > _POLE_LAT:
        return Box(south, -180.0, north, 180.0)
    wide = metres / (DEGREE_LON_EQUATOR_M * cos(radians(far))) + _SLACK_DEG
    return Box(south, -180.0, north, 180.0) if wide >= 180 else Box(south, lon - wide, north, lon + wide)


Window = tuple[int, int, int, int]  # rows first … last, columns first … last; columns may lie beyond the world


def _finest(box: Box) -> Window:
    """The cells of level 0 that a box touches."""
    west, east = floor((box.west + 180) * PER_DEGREE), floor((box.east + 180) * PER_DEGREE)
    return floor((box.south + 90) * PER_DEGREE), floor((box.north + 90) * PER_DEGREE), west, east


def _coarser(window: Window, level: int) -> Window:
    shift = SPLIT_BITS * level
    south, north, west, east = window
    west, east, columns = west >> shift, east >> shift, COLUMNS >> shift
    if east - west >= columns:
        west, east = 0, columns - 1
    return south >> shift, north >> shift, west, east


def _keys(window: Window, level: int) -> list[int]:
    south, north, west, east = window
    columns = COLUMNS >> (SPLIT_BITS * level)
    return [row * COLUMNS + column % columns for row in range(south, north + 1) for column in range(west, east + 1)]


def cover(box: Box) -> tuple[int, list[int]]:
    """The level on which a box is kept and the keys of its cells there."""
    finest = _finest(box)
    for level in range(_TOP):
        south, north, west, east = window = _coarser(finest, level)
        if (north - south + 1) * (east - west + 1) <= CELLS_PER_ENTRY:
            return level, _keys(window, level)
    return _TOP, _keys(_coarser(finest, _TOP), _TOP)


class Grid:
    """An immutable map from cells to what touches them."""

    __slots__ = ("_kept", "_levels", "_used")

    def __init__(
        self, levels: tuple[Shards, ...] = (({},) * SHARDS,) * LEVELS, kept: tuple[int, ...] = (0,) * LEVELS
    ) -> None:
        """Take the shards of each level, finest first, and how many entries the cells of each level keep."""
        self._levels, self._kept = levels, kept
        self._used = tuple(level for level in range(LEVELS) if kept[level])

    def changed(self, *, put: Iterable[tuple[Box, Entry]], drop: Iterable[tuple[Box, Entry]]) -> Grid:
        """A new grid with entries dropped and put; an entry is dropped by identity from the cells of its box."""
        puts, drops = _by_cell(put), _by_cell(drop)
        levels, kept = [], []
        born: dict[int, int] = {}
        died: dict[int, int] = {}
        for level, shards in enumerate(self._levels):
            change = _Change(puts[level], drops[level], born, died)
            revised, born, died = change.applied(shards)
            levels.append(revised)
            kept.append(self._kept[level] + _count(puts[level]) - _count(drops[level]))
        return Grid(tuple(levels), tuple(kept))

    def touching(self, box: Box) -> Sequence[Entry]:
        """Each entry once whose box may touch the given one (and some beside it: cells are coarse)."""
        south, north, west, east = window = _finest(box)
        found: list[tuple[Entry, ...]] = []
        if (north - south + 1) * (east - west + 1) <= _DIRECT_CELLS:
            for level in self._used:
                shards = self._levels[level]
                for key in _keys(_coarser(window, level), level):
                    cell = shards[key % SHARDS].get(key)
                    if cell is not None and cell.entries:
                        found.append(cell.entries)
        else:
            self._descend(window, found)
        if len(found) == 1:
            return found[0]
        return list({id(entry): entry for entries in found for entry in entries}.values())

    def _descend(self, finest: Window, found: list[tuple[Entry, ...]]) -> None:
        windows = [_coarser(finest, level) for level in range(LEVELS)]
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


def _children(key: int, mask: int, window: Window, level: int) -> Iterator[int]:
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


def _by_cell(pairs: Iterable[tuple[Box, Entry]]) -> list[dict[int, list[Entry]]]:
    """Entries by the key of their cells, for each level."""
    levels: list[dict[int, list[Entry]]] = [{} for _ in range(LEVELS)]
    for box, entry in pairs:
        level, keys = cover(box)
        cells = levels[level]
        for key in keys:
            cells.setdefault(key, []).append(entry)
    return levels


def _count(cells: dict[int, list[Entry]]) -> int:
    return sum(map(len, cells.values()))


class _Change(NamedTuple):
    """What becomes of one level: entries by cell, and the bits of children that came to be or are no more."""

    put: dict[int, list[Entry]]
    drop: dict[int, list[Entry]]
    born: dict[int, int]
    died: dict[int, int]

    def applied(self, shards: Shards) -> tuple[Shards, dict[int, int], dict[int, int]]:
        """The new shards (touched ones are copied), and the cells born and died, as bits of their parents."""
        new, own = list(shards), dict[int, dict[int, Cell]]()
        born: dict[int, int] = {}
        died: dict[int, int] = {}
        for key in {**self.put, **self.drop, **self.born, **self.died}:
            number = key % SHARDS
            shard = own.get(number)
            if shard is None:
                shard = own[number] = dict(shards[number])
                new[number] = shard
            before = shard.get(key)
            after = self._revised(key, _EMPTY if before is None else before)
            if after == _EMPTY:
                shard.pop(key, None)
            else:
                shard[key] = after
            if (before is None) != (after == _EMPTY):
                parent, bit = _parent(key)
                told = born if before is None else died
                told[parent] = told.get(parent, 0) | bit
        return tuple(new), born, died

    def _revised(self, key: int, cell: Cell) -> Cell:
        entries = cell.entries
        dropped = self.drop.get(key)
        if dropped:
            gone = {id(entry) for entry in dropped}
            entries = tuple(entry for entry in entries if id(entry) not in gone)
        return Cell(
            (*entries, *self.put.get(key, ())), (cell.children | self.born.get(key, 0)) & ~self.died.get(key, 0)
        )


def _parent(key: int) -> tuple[int, int]:
    """The key of the cell one level up, and the bit by which it knows this one."""
    row, column = divmod(key, COLUMNS)
    bit = 1 << (((row & 7) << SPLIT_BITS) | (column & 7))
    return (row >> SPLIT_BITS) * COLUMNS + (column >> SPLIT_BITS), bit
