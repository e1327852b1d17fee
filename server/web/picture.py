"""A funnel as a picture: columns that narrow from step to step, as points for an SVG; drawn on the server, without a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 600, 120
"""The picture's own units; a page may show it in any size."""

_LEAST = 1.0
"""A step that somebody took is never thinner than this, or it would look like none."""


class Column(NamedTuple):
    """One step: the corners of its body, and of the slope to the next step ("" at the last)."""

    body: str
    slope: str


def draw(counts: Sequence[int]) -> list[Column]:
    """Draw steps in their order, each as high as its share of the largest, around the middle line."""
    most = max(counts, default=0)
    each = WIDTH / max(len(counts), 1)
    body = each * 0.62
    halves = [_half(count, most) for count in counts]
    columns = []
    for number, half in enumerate(halves):
        left, right = number * each, number * each + body
        slope = ""
        if number + 1 < len(halves):
            slope = _quad(right, half, left + each, halves[number + 1])
        columns.append(Column(_quad(left, half, right, half), slope))
    return columns


def _half(count: int, most: int) -> float:
    """Give half a step's height."""
    if count <= 0 or most <= 0:
        return 0.0
    return max(_LEAST, HEIGHT / 2 * count / most)


def _quad(left: float, left_half: float, right: float, right_half: float) -> str:
    """Write four corners, clockwise from the upper left."""
    middle = HEIGHT / 2
    corners = (
        (left, middle - left_half),
        (right, middle - right_half),
        (right, middle + right_half),
        (left, middle + left_half),
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
