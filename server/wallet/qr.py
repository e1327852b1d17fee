"""QR codes as pictures: what a counter's camera reads off a phone's screen.

Rule: always black on white with the four modules of quiet around it (ISO/IEC 18004, 6.3.8), whatever the page's colours
are: a code in a dark page's ink is one that many scanners cannot read.
"""

from __future__ import annotations

import io
from typing import Final

import segno

MEDIA: Final = "image/svg+xml"

_QUIET = 4


def qr_svg(text: str) -> bytes:
    """Draw a text as a QR code: an SVG document that scales to whatever size it is shown in.

    The text itself stands nowhere in the document, so that it is not copied with the picture by accident.
    """
    picture = io.BytesIO()
    # Level M: a thumb on the glass or a reflection may hide 15 % of it.
    code = segno.make_qr(text, error="m")
    code.save(
        picture, kind="svg", border=_QUIET, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
    return picture.getvalue()
