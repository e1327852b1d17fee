"""The images of a pass: PNG by its chunks alone, sizes in points at @1x, @2x and @3x; no pixel is decoded.

Sizes: Apple's Wallet Developer Guide, "Pass Design and Creation"; chunks: W3C PNG, sections 5 and 11. A picture is never
unfolded here, so that none can hurt: a 20 kB PNG may unfold to 800 MB.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from passes.errors import ImageError
from passes.model import Style

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_BYTES = 1_000_000  # per file; the largest Apple asks for, a strip at @3x, is 1125 x 432
MAX_PIXELS = 1_500  # per side; beyond it no image of a pass has a use
# Bit depths that PNG allows per colour type (W3C PNG, table 12).
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}

_NAME = re.compile(
    r"(?:(?P<language>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.lproj/)?(?P<kind>[a-z]+)(?:@(?P<scale>[23])x)?\.png"
)


class ImageName(NamedTuple):
    """`de.lproj/logo@2x.png` taken apart: kind `logo`, scale 2, language `de` (None at the top of the pass)."""

    kind: str
    scale: int
    language: str | None


def read_name(name: str) -> ImageName:
    """Take a file name apart; ImageError `image.name` where Wallet would not know it."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ImageError("image.name", name, "images are named like icon.png, icon@2x.png or de.lproj/logo@3x.png")
    return ImageName(match["kind"], int(match["scale"] or 1), match["language"])


def size_of(name: str, data: bytes) -> tuple[int, int]:
    """(width, height) in pixels from the IHDR; ImageError where the file is no PNG or is too large to be opened."""
    if len(data) > MAX_BYTES:
        raise ImageError("image.bytes", name, f"an image has at most {MAX_BYTES} bytes")
    if not data.startswith(PNG_SIGNATURE):
        raise ImageError("image.signature", name, "images are PNG files")
    if (
        len(data) < 33
        or data[8:16] != b"\x00\x00\x00\rIHDR"
        or zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big")
    ):
        raise ImageError("image.header", name, "a PNG begins with a whole IHDR chunk")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise ImageError("image.header", name, "the IHDR chunk names a form that PNG does not have")
    if not 0 < width <= MAX_PIXELS or not 0 < height <= MAX_PIXELS:
        raise ImageError("image.pixels", name, f"an image has 1 to {MAX_PIXELS} pixels a side")
    if not _is_whole(data):
        raise ImageError("image.damaged", name, "a PNG has a checksum behind each chunk, and IEND at its end")
    return width, height


def _is_whole(data: bytes) -> bool:
    """Walk from chunk to chunk (length, kind, data, checksum) until IEND; there are pixels on the way."""
    position, kinds = len(PNG_SIGNATURE), set()
    while len(data) >= position + 12:
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if zlib.crc32(data[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big") or len(data) < end + 4:
            return False
        kinds.add(data[position + 4 : position + 8])
        if b"IEND" in kinds:
            return b"IDAT" in kinds
        position = end + 4
    return False


def check_images(style: Style, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Hold named sizes (pixels) against a style; ImageError where one is missing, foreign, too large or misshapen."""
    names = {name: read_name(name) for name in sizes}
    kinds = {parts.kind for parts in names.values()}
    for kind in sorted(style.demanded):
        if f"{kind}.png" not in sizes and f"{kind}@2x.png" not in sizes:
            raise ImageError("image.missing", f"{kind}.png", f"a pass without {kind} is silently not opened")
    for one, other in style.excludes:
        if one in kinds and other in kinds:
            raise ImageError("image.exclusive", f"{other}.png", f"an event ticket shows {one} or {other}, not both")
    for name, parts in names.items():
        if parts.kind not in style.images:
            raise ImageError("image.foreign", name, f"a {style.name} shows only {', '.join(sorted(style.images))}")
        _check_size(name, parts, sizes[name], style.images[parts.kind])


def _check_size(name: str, parts: ImageName, size: tuple[int, int], points: tuple[int, int]) -> None:
    width, height = size
    most = (points[0] * parts.scale, points[1] * parts.scale)
    if parts.kind == "icon" and size != most:
        raise ImageError("image.size", name, f"the icon has exactly {most[0]}x{most[1]} pixels at @{parts.scale}x")
    if width > most[0] or height > most[1]:
        raise ImageError("image.size", name, f"at most {most[0]}x{most[1]} pixels at @{parts.scale}x")
    if parts.kind == "thumbnail" and not 2 / 3 <= width / height <= 3 / 2:
        raise ImageError("image.aspect", name, "the thumbnail's width to height lies between 2:3 and 3:2")


@lru_cache(maxsize=64)
def plain_png(width: int, height: int, rgb: tuple[int, int, int]) -> bytes:
    """A PNG of one colour, `width` x `height` pixels, 8 bit RGB; the same bytes for the same arguments."""
    row = b"\x00" + bytes(rgb) * width
    return _png(width, height, colour=2, rows=(row for _ in range(height)))


@lru_cache(maxsize=64)
def disc_png(side: int, rgb: tuple[int, int, int]) -> bytes:
    """A PNG of a disc in one colour on nothing, `side` x `side` pixels, 8 bit RGBA with a soft edge."""
    colour, middle = bytes(rgb), (side - 1) / 2

    def row(y: int) -> bytes:
        reach = ((x - middle, y - middle) for x in range(side))
        cover = (side / 2 - (dx * dx + dy * dy) ** 0.5 for dx, dy in reach)
        return b"\x00" + b"".join(colour + bytes((round(255 * min(1.0, max(0.0, part))),)) for part in cover)

    return _png(side, side, colour=6, rows=(row(y) for y in range(side)))


def default_images(rgb: tuple[int, int, int]) -> dict[str, bytes]:
    """Icon and logo at all three scales, drawn in code: what a brand without pictures of its own starts with."""
    scales = (("", 1), ("@2x", 2), ("@3x", 3))
    icons = {f"icon{suffix}.png": plain_png(29 * scale, 29 * scale, rgb) for suffix, scale in scales}
    logos = {f"logo{suffix}.png": disc_png(50 * scale, rgb) for suffix, scale in scales}
    return icons | logos


def _png(width: int, height: int, *, colour: int, rows: Iterable[bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows), 9)
    return PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
