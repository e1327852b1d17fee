"""Where to look: the world in nested cells, and a map of cells that can be changed without disturbing its readers.

Cells are 1/256° wide and high, then eight times as much on each of three further levels (1/32°, 1/4°, 2°). What is
kept lies in every cell of one level that its box touches, on the finest level where these are at most six. Of each cell
it is known which of its 64 children hold anything, so a wide look-up walks over occupied cells alone.

What a cell keeps are records of forty bytes, one after the other in one `bytes`: a million fences are then no million
objects for the garbage collector to go through. A cell with one record shares it with the others that keep it.

A `Grid` never changes. `changed` gives a new one that shares all but the touched cells with the old: an update costs
microseconds at a million fences, and who still reads the old grid reads one state of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import cos, floor, radians
from typing import Final, NamedTuple

from server.model.sharded import Sharded
from server.signals.distance import DEGREE_LAT_MIN_M, DEGREE_LON_EQUATOR_M
from server.signals.records import RECORD, without

PER_DEGREE: Final = 256  # finest cells: ≈ 430 m high, so that a shop's fence meets a few of them
SPLIT_BITS: Final = 3  # × 8 per level
LEVELS: Final = 4
COLUMNS: Final = 360 * PER_DEGREE  # divisible by 8³: the last level still closes around the world
CELLS_PER_ENTRY: Final = 6  # three columns by two rows: a fence of 200 m at 60° north still lies in finest cells

_TOP: Final = LEVELS - 1
_DIRECT_CELLS: Final = 16  # up to so many finest cells it is quicker to ask each level than to walk down
_SLACK_DEG: Final = 1e-9  # 0.1 mm, against the rounding of the boxes themselves
_PLAIN_LAT: Final = 84.0  # inside of these bounds no circle up to so many metres reaches …
_PLAIN_LON: Final = 170.0  # … the antimeridian or a pole
_PLAIN_M: Final = 50_001.0
_POLE_LAT: Final = 89.9  # nearer to a pole a box takes all longitudes


class Box(NamedTuple):
    """Degrees; west ≤ east, and both may lie beyond ±180 where the box crosses the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, lat: float, lon: float) -> bool:
        """Whether the box holds a point, whichever way around the world its longitude is counted."""
        return self.south <= lat <= self.north and (lon - self.west) % 360 <= self.east - self.west


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
    south, north, west, east = window = _finest(box)
    if south == north and west == east:  # as every third shop
        return 0, [south * COLUMNS + west % COLUMNS]
    if (north - south + 1) * (east - west + 1) <= CELLS_PER_ENTRY:
        return 0, _keys(window, 0)
    for level in range(1, _TOP):
        south, north, west, east = coarse = _coarser(window, level)
        if (north - south + 1) * (east - west + 1) <= CELLS_PER_ENTRY:
            return level, _keys(coarse, level)
    return _TOP, _keys(_coarser(window, _TOP), _TOP)


def _cover_circle(record: bytes) -> tuple[int, list[int]]:
    """`cover` of the box around a circle; spelled out for the inhabited world, where there are a million shops."""
    lat, lon, radius, _ = RECORD.unpack(record)
    if not (-_PLAIN_LAT < lat < _PLAIN_LAT and -_PLAIN_LON < lon < _PLAIN_LON and radius < _PLAIN_M):
        return cover(box_around(lat, lon, radius))
    tall = radius / DEGREE_LAT_MIN_M + _SLACK_DEG
    wide = radius / (DEGREE_LON_EQUATOR_M * cos(radians(abs(lat) + tall))) + _SLACK_DEG
    # Truncation is floor here: all of these are positive.
    south, north = int((lat - tall + 90) * PER_DEGREE), int((lat + tall + 90) * PER_DEGREE)
    west, east = int((lon - wide + 180) * PER_DEGREE), int((lon + wide + 180) * PER_DEGREE)
    if south == north:
        first = south * COLUMNS + west
        if west == east:
            return 0, [first]
        if east - west < CELLS_PER_ENTRY:
            return 0, list(range(first, first + east - west + 1))
    if (north - south + 1) * (east - west + 1) > CELLS_PER_ENTRY:
        return cover(box_around(lat, lon, radius))
    return 0, [row * COLUMNS + column for row in range(south, north + 1) for column in range(west, east + 1)]


Cells = Sharded[int, bytes]
Masks = Sharded[int, int]
Kept = tuple[Box | None, bytes]
"""A record and the box by which its cells are found; a circle's box (None) is told by the record itself."""


class Grid:
    """An immutable map from cells to the records of what touches them.

    `levels` are the cells of each level, finest first. `looks` is for whoever looks into one cell of each so often that
    a call would count: of the levels that hold any, by how many bits their cells are coarser, and the cells' shards.
    """

    __slots__ = ("_masks", "levels", "looks")

    def __init__(
        self, levels: tuple[Cells, ...] = (Sharded(),) * LEVELS, masks: tuple[Masks, ...] = (Sharded(),) * LEVELS
    ) -> None:
        """Take the cells of each level and, above the finest, which children of a cell hold anything."""
        self.levels, self._masks = levels, masks
        self.looks = tuple((SPLIT_BITS * level, cells.rows) for level, cells in enumerate(levels) if len(cells))

    def changed(self, *, put: Iterable[Kept], drop: Iterable[Kept]) -> Grid:
        """A new grid with records dropped, as they were put, from the cells of their boxes, and others put."""
        puts, drops = _by_cell(put), _by_cell(drop)
        levels, masks = list(self.levels), list(self._masks)
        turned: dict[int, bool] = {}
        for level in range(min((*puts, *drops), default=LEVELS), LEVELS):
            cells, children = levels[level], masks[level]
            touched: dict[int, bool] = {}
            if turned:
                touched, masks[level] = _remasked(children, turned)
            if level in puts or level in drops:
                refilled, levels[level] = _refilled(cells, puts.get(level, {}), drops.get(level, {}))
                touched.update(refilled)
            turned = touched  # at the finest level nothing but records makes a cell occupied
            if level and touched and (len(cells) or len(children)):
                now = {key: key in levels[level] or key in masks[level] for key in touched}
                turned = {key: held for key, held in now.items() if held != (key in cells or key in children)}
        return Grid(tuple(levels), tuple(masks))

    def touching(self, box: Box) -> Sequence[bytes]:
        """Records, in portions, of all whose box may touch the given one; some beside it, and some more than once."""
        window = _finest(box)
        south, north, west, east = window
        found: list[bytes] = []
        if (north - south + 1) * (east - west + 1) <= _DIRECT_CELLS:
            for level, cells in enumerate(self.levels):
                for key in _keys(_coarser(window, level), level):
                    kept = cells.get(key)
                    if kept is not None:
                        found.append(kept)
        else:
            self._descend(window, found)
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def _descend(self, finest: Window, found: list[bytes]) -> None:
        windows = [_coarser(finest, level) for level in range(LEVELS)]
        waiting = [(_TOP, key) for key in _keys(windows[_TOP], _TOP)]
        while waiting:
            level, key = waiting.pop()
            kept = self.levels[level].get(key)
            if kept is not None:
                found.append(kept)
            mask = self._masks[level].get(key)
            if mask:
                waiting.extend((level - 1, child) for child in _children(key, mask, windows[level - 1], level))


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


def _by_cell(pairs: Iterable[Kept]) -> dict[int, dict[int, list[bytes]]]:
    """Records by the key of their cells, for each level that has any."""
    levels: dict[int, dict[int, list[bytes]]] = {}
    for box, record in pairs:
        level, keys = _cover_circle(record) if box is None else cover(box)
        cells = levels.get(level)
        if cells is None:
            cells = levels[level] = {}
        alone = [record]
        for key in keys:
            there = cells.setdefault(key, alone)
            if there is not alone:
                cells[key] = [*there, record] if len(there) == 1 else _with(there, record)
    return levels


def _with(records: list[bytes], record: bytes) -> list[bytes]:
    """The list of one cell alone, longer by one."""
    records.append(record)
    return records


def _refilled(
    cells: Cells, put: Mapping[int, list[bytes]], drop: Mapping[int, list[bytes]]
) -> tuple[dict[int, bool], Cells]:
    """Which cells came to hold records (True) and which no longer do (False), and the cells as they are then."""
    if not len(cells):
        return dict.fromkeys(put, True), cells.changed({key: _portion(b"", records) for key, records in put.items()})
    filled: dict[int, bytes] = {}
    emptied: list[int] = []
    turned: dict[int, bool] = {}
    for key, records in drop.items():
        before = cells.get(key, b"")
        kept = before
        for record in records:
            kept = without(kept, record)
        if kept or key in put:
            filled[key] = kept
        elif before:
            emptied.append(key)
            turned[key] = False
    for key, records in put.items():
        kept = filled[key] if key in drop else cells.get(key, b"")
        if not kept and key not in cells:
            turned[key] = True
        filled[key] = _portion(kept, records)
    return turned, cells.changed(filled, emptied)


def _portion(kept: bytes, records: list[bytes]) -> bytes:
    """A cell's records and some more; one alone is shared by the cells that keep it."""
    return b"".join((kept, *records)) if kept or len(records) > 1 else records[0]


def _remasked(masks: Masks, turned: Mapping[int, bool]) -> tuple[dict[int, bool], Masks]:
    """One level up from cells that came to hold something or no longer do: whose masks came and went, and the masks."""
    bits: dict[int, int] = {}
    none = not len(masks)
    for key, held in turned.items():
        parent, bit = _parent(key)
        mask = bits.get(parent)
        if mask is None:
            mask = 0 if none else masks.get(parent, 0)
        bits[parent] = mask | bit if held else mask & ~bit
    put = {key: mask for key, mask in bits.items() if mask}
    drop = [key for key, mask in bits.items() if not mask]
    return {key: bool(mask) for key, mask in bits.items()}, masks.changed(put, drop)


def _parent(key: int) -> tuple[int, int]:
    """The key of the cell one level up, and the bit by which it knows this one."""
    row, column = divmod(key, COLUMNS)
    bit = 1 << (((row & 7) << SPLIT_BITS) | (column & 7))
    return (row >> SPLIT_BITS) * COLUMNS + (column >> SPLIT_BITS), bit
