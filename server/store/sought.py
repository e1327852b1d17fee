"""What is looked for among places: a part of the map, words, a tag; as parameters that always mean something.

A search that does not ask for one of them gives what holds for every place: no words, no tags, the whole world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg

_ROUND: Final = 360.0
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


class Bounds(NamedTuple):
    """A part of the map in degrees, as RFC 7946 §5 orders it; over the antimeridian, west is greater than east."""

    west: float
    south: float
    east: float
    north: float


WORLD: Final = Bounds(-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: places in `bounds`, with all of the `words` in name, address or tags, and with the tag."""

    bounds: Bounds | None = None
    words: Sequence[str] = ()
    tag: str | None = None

    @property
    def boxes(self) -> list[asyncpg.Box]:
        """The part of the map, and the same once around the earth: what lies over the antimeridian is counted on either side."""
        west, south, east, north = self.bounds or WORLD
        if west > east:
            east += _ROUND
        turns = (-_ROUND, 0.0, _ROUND)
        return [asyncpg.Box(asyncpg.Point(east + turn, north), asyncpg.Point(west + turn, south)) for turn in turns]

    @property
    def patterns(self) -> list[str]:
        """Each word as a pattern of LIKE."""
        return [f"%{word.translate(_ESCAPED)}%" for word in self.words]

    @property
    def tags(self) -> list[str]:
        """The tag in a list, or none."""
        return [] if self.tag is None else [self.tag]
