"""A fence as forty bytes: what the cells of the grid keep, one after the other.

A million fences are then no million objects for the garbage collector to go through, and a cell's records are read by one
call. The id is spelled out again for those that are met.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

RECORD: Final = Struct("<ddd16s")
"""A point (degrees), how far from it (m) the fence reaches (negative: an Area, whose outline tells), and the fence's id."""

_NAMES: Final = 65_536  # ids of fences that were met lately: some 10 MB


class Entry(NamedTuple):
    """A record, unpacked."""

    lat: float
    lon: float
    reach_m: float
    name: bytes

    @property
    def outer_m(self) -> float:
        """How far from the point the fence reaches."""
        return abs(self.reach_m)


@lru_cache(maxsize=_NAMES)
def named(name: bytes) -> UUID:
    """The id that a record has; the few fences that people are at are met again and again."""
    return UUID(bytes=name)


def once(portions: Iterable[bytes]) -> list[Entry]:
    """Each record of some portions once: who lies in several cells is met in each of them."""
    entries = (entry for portion in portions for entry in map(Entry._make, RECORD.iter_unpack(portion)))
    return list({entry.name: entry for entry in entries}.values())


def without(portion: bytes, record: bytes) -> bytes:
    """A portion without a record that is in it, or as it is where that is not."""
    if portion == record:
        return b""
    size = RECORD.size
    at = portion.find(record)
    while at % size and at >= 0:  # what looks like it across the bounds of two others is not it
        at = portion.find(record, at + 1)
    return portion if at < 0 else portion[:at] + portion[at + size :]
