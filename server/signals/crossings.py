"""Whether an Area's rings are what they should be: simple, apart from each other, holes inside, polygons side by side.

A ring that crosses itself has no inside that two programs agree on, so it is refused before anything is computed from
it. All signs are exact: where floating point cannot tell on which side of a line a point lies, fractions do.
Rings of one Area may touch each other in points (OGC 06-103r4 §6.1.11). The antimeridian's two sides may coincide.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from server.model.place import Area
from server.signals.polygon import Edge, Line, lines_of

COMPARED_MAX: Final = 1_000_000  # pairs of edges side by side: a fifth of a second; drawn shapes need some ten thousand
CROSSED_MAX: Final = 60_000  # pairs whose boxes overlap, each some microseconds

_ROUNDING: Final = 3.3306690738754716e-16  # Shewchuk 1997: the error of the determinant below, per sum of its terms

Spot = tuple[float, float]
Meeting = Literal["apart", "touch", "cross"]


class Fault(NamedTuple):
    """What is wrong, and with which ring of which polygon."""

    polygon: int
    ring: int
    message: str


class _Side(NamedTuple):
    """An edge and where it belongs."""

    edge: Edge
    line: int
    place: int


def fault_of(area: Area) -> Fault | None:
    """The first fault of an Area with closed rings of at least three different points, or None."""
    lines = lines_of(area)
    fault = _crossing(lines) or _misplaced(lines)
    if fault is None:
        return None
    number, message = fault
    first = next(n for n, line in enumerate(lines) if line.polygon == lines[number].polygon)
    return Fault(lines[number].polygon, number - first, message)


def side(a: Spot, b: Spot, c: Spot) -> int:
    """On which side of the line from a to b the point c lies: 1 left, -1 right, 0 on it. Exact."""
    left = (a[0] - c[0]) * (b[1] - c[1])
    right = (a[1] - c[1]) * (b[0] - c[0])
    determinant = left - right
    if abs(determinant) <= _ROUNDING * (abs(left) + abs(right)):
        ax, ay, bx, by, cx, cy = (Fraction(number) for number in (*a, *b, *c))
        exact = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
        return (exact > 0) - (exact < 0)
    return 1 if determinant > 0 else -1


def meeting(e: Edge, f: Edge) -> Meeting:
    """How two edges meet: not at all, in one point that ends one of them, or otherwise (crossing, overlapping)."""
    a, b, c, d = e[:2], e[2:], f[:2], f[2:]
    c_side, d_side = side(a, b, c), side(a, b, d)
    a_side, b_side = side(c, d, a), side(c, d, b)
    if c_side == d_side == 0:
        return _along(a, b, c, d)
    if c_side * d_side > 0 or a_side * b_side > 0:
        return "apart"
    return "cross" if c_side * d_side < 0 and a_side * b_side < 0 else "touch"


def _along(a: Spot, b: Spot, c: Spot, d: Spot) -> Meeting:
    """How two edges on one line meet; along it, points are in the order of their coordinates."""
    low, high = max(min(a, b), min(c, d)), min(max(a, b), max(c, d))
    if low > high:
        return "apart"
    return "touch" if low == high else "cross"


def _crossing(lines: list[Line]) -> tuple[int, str] | None:
    """The first ring that crosses or touches where it may not, found by sweeping over the longitudes."""
    crossed = 0
    for one, other in _neighbours(lines):
        if one is None or other is None or crossed > CROSSED_MAX:
            return 0, "its edges lie too close to each other to be checked; simplify it"
        crossed += 1
        how = meeting(one.edge, other.edge)
        if how == "apart" or (how == "touch" and (one.line != other.line or _adjacent(one, other, lines))):
            continue
        if one.line == other.line:
            return one.line, "crosses or touches itself"
        if not _on_seam(one.edge, other.edge) or lines[one.line].polygon == lines[other.line].polygon:
            return max(one.line, other.line), "crosses or overlaps another ring"
    return None


def _neighbours(lines: list[Line]) -> Iterator[tuple[_Side, _Side] | tuple[None, None]]:
    """Pairs of edges whose boxes touch; a pair of None when there are too many to go on."""
    sides = [_Side(edge, n, place) for n, line in enumerate(lines) for place, edge in enumerate(_closed(line))]
    sides.sort(key=lambda one: min(one.edge[1], one.edge[3]))
    active: list[tuple[float, float, float, _Side]] = []
    compared = 0
    for one in sides:
        south, north = sorted((one.edge[0], one.edge[2]))
        west, east = sorted((one.edge[1], one.edge[3]))
        active = [other for other in active if other[0] >= west]
        compared += len(active)
        if compared > COMPARED_MAX:
            yield None, None
            return
        for _, low, high, other in active:
            if low <= north and south <= high:
                yield one, other
        active.append((east, south, north, one))


def _closed(line: Line) -> tuple[Edge, ...]:
    return (*line.edges, *line.closing)


def _adjacent(one: _Side, other: _Side, lines: list[Line]) -> bool:
    last = len(_closed(lines[one.line])) - 1
    return abs(one.place - other.place) in {1, last}


def _on_seam(one: Edge, other: Edge) -> bool:
    """Whether both edges run along the antimeridian."""
    return one[1] == one[3] == other[1] == other[3] and one[1] % 360 == 180


def _misplaced(lines: list[Line]) -> tuple[int, str] | None:
    """A hole outside of its polygon or in another hole, or a polygon inside of another; rings are known not to cross."""
    bounds = [line.bounds() for line in lines]

    def inside(one: int, other: int) -> bool:
        mine, theirs = bounds[one], bounds[other]
        if mine.south < theirs.south or mine.north > theirs.north or mine.west < theirs.west or mine.east > theirs.east:
            return False
        return _inside(lines[one], lines[other])

    for hole in (number for number, line in enumerate(lines) if line.hole):
        siblings = [n for n, line in enumerate(lines) if line.polygon == lines[hole].polygon and n != hole]
        if not inside(hole, siblings[0]):
            return hole, "is a hole outside of its polygon"
        if any(inside(hole, other) for other in siblings[1:]):
            return hole, "is a hole inside of another hole"
    outers = [number for number, line in enumerate(lines) if not line.hole]
    for one in outers:
        for other in outers:
            holes = (n for n, line in enumerate(lines) if line.hole and line.polygon == lines[other].polygon)
            if one != other and inside(one, other) and not any(inside(one, hole) for hole in holes):
                return one, "lies inside of another polygon"
    return None


def _inside(line: Line, other: Line) -> bool:
    """Whether a ring lies inside of another that it does not cross: one of its points that is not on it tells."""
    edges = _closed(other)
    spots = [edge[:2] for edge in line.edges] + [((a + c) / 2, (b + d) / 2) for a, b, c, d in line.edges]
    # Where every corner and every middle of an edge lies on the other ring, it can only be the same ring.
    return next((where > 0 for spot in spots if (where := _where(spot, edges))), True)


def _where(spot: Spot, edges: tuple[Edge, ...]) -> int:
    """1 inside, -1 outside, 0 on the ring."""
    lat, lon = spot
    inside = False
    for y1, x1, y2, x2 in edges:
        if min(y1, y2) <= lat <= max(y1, y2):
            if min(x1, x2) <= lon <= max(x1, x2) and side((y1, x1), (y2, x2), spot) == 0:
                return 0
            if (y1 > lat) != (y2 > lat) and side((y1, x1), (y2, x2), spot) * (1 if y2 > y1 else -1) > 0:
                inside = not inside
    return 1 if inside else -1
