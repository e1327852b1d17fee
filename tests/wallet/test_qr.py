"""The drawn code, read back module by module as ISO/IEC 18004 lays it out: by other means than those that drew it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from server.wallet.qr import qr_svg

SIDE, QUIET = 29, 4  # version 3, for 48 characters of capitals and digits
CODEWORDS, DATA = 70, 44  # version 3, level M: one block, 26 codewords of error correction
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASKS = (
    lambda y, x: (y + x) % 2 == 0, lambda y, x: y % 2 == 0, lambda y, x: x % 3 == 0, lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0, lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0, lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)  # fmt: skip


def modules(svg: bytes) -> list[list[bool]]:
    """Give the black modules within the quiet zone, from the strokes of the picture."""
    root = ElementTree.fromstring(svg)
    size = SIDE + 2 * QUIET
    assert root.attrib["viewBox"] == f"0 0 {size} {size}"
    ground, ink = (path.attrib for path in root.iter("{http://www.w3.org/2000/svg}path"))
    assert (ground["fill"], ink["stroke"]) == ("#fff", "#000")
    dark = [[False] * size for _ in range(size)]
    x = y = 0.0
    for move, one, other in re.findall(r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", ink["d"]):
        if move == "h":
            for step in range(int(one)):
                dark[int(y)][int(x) + step] = True
            x += float(one)
        else:
            x, y = (float(one), float(other)) if move == "M" else (x + float(one), y + float(other or 0))
    assert not any(dark[row][column] for row in range(size) for column in range(size) if not _inside(row, column))
    return [line[QUIET:-QUIET] for line in dark[QUIET:-QUIET]]


def _inside(row: int, column: int) -> bool:
    return QUIET <= row < QUIET + SIDE and QUIET <= column < QUIET + SIDE


def is_data(y: int, x: int) -> bool:
    """Tell the modules that carry data from finders, timing, the alignment in the corner, and the format."""
    finders = (y < 9 and (x < 9 or x >= SIDE - 8)) or (x < 9 and y >= SIDE - 8)
    return not (finders or 6 in (x, y) or (20 <= y <= 24 and 20 <= x <= 24))


def path() -> Iterator[tuple[int, int]]:
    """Walk as the bits lie: two columns at a time from the right, up and down in turns."""
    up = True
    for right in (*range(SIDE - 1, 6, -2), *range(5, 0, -2)):
        for step in range(SIDE):
            y = SIDE - 1 - step if up else step
            yield from ((y, x) for x in (right, right - 1) if is_data(y, x))
        up = not up


def read(svg: bytes) -> str:
    grid = modules(svg)
    for y, x in ((0, 0), (0, SIDE - 7), (SIDE - 7, 0)):  # three finders: 1:1:3:1:1
        assert [grid[y + 3][x + step] for step in range(7)] == [True, False, True, True, True, False, True]
    level_and_mask = int("".join("01"[grid[8][x]] for x in range(5)), 2) ^ 0b10101
    assert level_and_mask >> 3 == 0b00, "level M"
    mask = MASKS[level_and_mask & 7]
    bits = "".join("01"[grid[y][x] != mask(y, x)] for y, x in path())[: 8 * CODEWORDS][: 8 * DATA]
    assert bits[:4] == "0010", "capitals and digits"
    length, at, text = int(bits[4:13], 2), 13, ""
    while len(text) + 1 < length:
        pair, at = int(bits[at : at + 11], 2), at + 11
        text += ALPHABET[pair // 45] + ALPHABET[pair % 45]
    return text if len(text) == length else text + ALPHABET[int(bits[at : at + 6], 2)]


@pytest.mark.parametrize("code", ["0405ABCD" * 6, "0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEF"])
def test_what_is_drawn_is_what_is_read(code: str) -> None:
    assert read(qr_svg(code)) == code


def test_the_code_is_not_in_the_document_as_text() -> None:
    assert b"ABCD" not in qr_svg("0405ABCD" * 6)
