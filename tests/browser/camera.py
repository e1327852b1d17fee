"""What the camera of the tests' Chromium sees: a film of a QR code (or of nothing), written anew whenever a test likes.

Chromium's fake camera plays a file that is named once, when the browser starts (`--use-file-for-fake-video-capture`), and
opens it each time that a page asks for a camera. So each process of a run has one file, and `show` changes what it holds:
before the page opens its camera. The format is YUV4MPEG2, whole pictures without compression.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path
from typing import Final

import segno

FILM: Final = Path(tempfile.gettempdir()) / f"kairos-camera-{os.getpid()}.y4m"
"""What this process's browser sees."""

FLAG: Final = f"--use-file-for-fake-video-capture={FILM}"

WIDTH, HEIGHT = 640, 480
_SIDE = 330
"""Pixels that a code may be wide: a phone that is held so that all of it is seen, with white around it."""
_WHITE, _BLACK, _GREY = b"\xeb", b"\x10", b"\x80"


def show(text: str | None) -> None:
    """Let the camera see the QR code of a text, or a white wall (None), from the next time that it is opened."""
    _lay(filmed(text))


def show_picture(light: bytes) -> None:
    """Let the camera see a picture from then on: the light of each of its points, line by line."""
    assert len(light) == WIDTH * HEIGHT
    _lay(_film(light))


def _lay(film: bytes) -> None:
    draft = FILM.with_suffix(".draft")
    draft.write_bytes(film)
    draft.replace(FILM)


def filmed(text: str | None) -> bytes:
    """Film the QR code of a text, or nothing."""
    return _film(b"".join(_lines(text)))


def _film(light: bytes) -> bytes:
    """Film it: ten pictures a second, two of them; a player begins anew at the end."""
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    picture = b"FRAME\n" + light + _GREY * (WIDTH * HEIGHT // 2)
    return head + picture * 2


def _lines(text: str | None) -> list[bytes]:
    """Draw the light: the code in the middle of white."""
    if text is None:
        return [_WHITE * WIDTH] * HEIGHT
    matrix = [bytes(row) for row in segno.make_qr(text, error="m").matrix]
    scale = _SIDE // len(matrix)
    left, top = (WIDTH - scale * len(matrix)) // 2, (HEIGHT - scale * len(matrix)) // 2
    lines = [_WHITE * WIDTH] * top
    for row in matrix:
        inked = b"".join((_BLACK if dark else _WHITE) * scale for dark in row)
        lines += [(_WHITE * left + inked).ljust(WIDTH, _WHITE)] * scale
    return lines + [_WHITE * WIDTH] * (HEIGHT - len(lines))


def put_away() -> None:
    """Delete the film of this process."""
    FILM.unlink(missing_ok=True)


atexit.register(put_away)
