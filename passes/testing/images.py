"""The pictures: PNG, of the names that the style shows, no larger than Wallet draws them.

Sizes in points, times the scale in the file's name (Wallet Developer Guide, "Pass Design and Creation").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from passes.testing.finding import Finding

SHOWN = {
    "coupon": {"logo", "icon", "strip"},
    "storeCard": {"logo", "icon", "strip"},
    "generic": {"logo", "icon", "thumbnail"},
    "eventTicket": {"logo", "icon", "strip", "background", "thumbnail"},
    "boardingPass": {"logo", "icon", "footer"},
}
POINTS = {
    "icon": (29, 29),
    "logo": (160, 50),
    "thumbnail": (90, 90),
    "background": (180, 220),
    "footer": (286, 15),
    "strip": (375, 144),
}
TICKET_STRIP = (375, 98)
_FILE = re.compile(r"(?:[^/]+\.lproj/)?(icon|logo|thumbnail|background|footer|strip)(?:@([23])x)?\.png")


def check_pictures(files: Mapping[str, bytes], document: Mapping[str, Any] | None) -> list[Finding]:
    """Every file that is neither text nor signature is a picture of the pass."""
    style = next((name for name in SHOWN if document is not None and name in document), None)
    findings: list[Finding] = []
    kinds: set[str] = set()
    for name, data in sorted(files.items()):
        if name in ("pass.json", "manifest.json", "signature") or name.endswith(".strings"):
            continue
        match = _FILE.fullmatch(name)
        if match is None:
            findings.append(Finding("image.name", name, "is no image that a pass shows"))
            continue
        kinds.add(match[1])
        if style is not None and match[1] not in SHOWN[style]:
            findings.append(Finding("image.style", name, f"is not shown on a {style}"))
        findings += _check_picture(name, data, match[1], int(match[2] or 1), style)
    if not {"icon.png", "icon@2x.png"} & files.keys():
        findings.append(Finding("image.icon", "icon.png", "is missing: the pass would not open"))
    if style == "eventTicket" and "strip" in kinds and kinds & {"background", "thumbnail"}:
        findings.append(Finding("image.together", "strip.png", "does not go with background or thumbnail"))
    return findings


def _check_picture(name: str, data: bytes, kind: str, scale: int, style: str | None) -> list[Finding]:
    if data[:8] != bytes((137, 80, 78, 71, 13, 10, 26, 10)) or data[12:16] != b"IHDR" or len(data) < 24:
        return [Finding("image.png", name, "is not a PNG")]
    if not _ends(data):
        return [Finding("image.damaged", name, "is cut short, or a part of it is not what was written")]
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    most = TICKET_STRIP if kind == "strip" and style == "eventTicket" else POINTS[kind]
    if not 0 < width <= most[0] * scale or not 0 < height <= most[1] * scale:
        return [Finding("image.size", name, f"is {width}x{height}, more than {most[0]}x{most[1]} points at @{scale}x")]
    if kind == "icon" and (width, height) != (29 * scale, 29 * scale):
        return [Finding("image.icon_size", name, f"is {width}x{height}, not 29x29 points at @{scale}x")]
    if kind == "thumbnail" and not (2 * height <= 3 * width and 2 * width <= 3 * height):
        return [Finding("image.aspect", name, "is narrower than 2:3 or wider than 3:2")]
    return []


def _ends(data: bytes) -> bool:
    rest, pixels = memoryview(data)[8:], False
    while len(rest) >= 12:
        size = int.from_bytes(rest[:4], "big")
        kind, said = bytes(rest[4:8]), rest[8 + size : 12 + size]
        if len(said) < 4 or crc32(rest[4 : 8 + size]) != int.from_bytes(said, "big"):
            return False
        if kind == b"IEND":
            return pixels
        pixels |= kind == b"IDAT"
        rest = rest[12 + size :]
    return False
