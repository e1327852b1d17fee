"""Words that are too long for a service, cut so that whoever reads them sees that something is missing.

Never within what is one character to a reader: a flag, a family, a letter and its accents (after UAX #29's main rules).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

MORE: Final = "…"

_JOINER: Final = "\u200d"


def fit(build: Callable[[str], bytes], text: str, *, limit: int, least: int = 0) -> bytes | None:
    """Build with as much of the text as lets the result have at most `limit` bytes; what is cut ends with "…".

    None where not even `least` of its characters fit. A longer text must build a longer result.
    """
    whole = build(text)
    if len(whole) <= limit:
        return whole
    low, high = -1, len(text)  # a cut before `low + 1` fits, one at `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        if len(build(_cut(text, middle))) <= limit:
            low = middle
        else:
            high = middle
    return None if low < 0 or _whole(text, low) < least else build(_cut(text, low))


def _cut(text: str, at: int) -> str:
    return text[: _whole(text, at)].rstrip() + MORE


def _whole(text: str, at: int) -> int:
    """Give the last place up to `at` that lies between two characters as a reader counts them."""
    while 0 < at < len(text) and not _parts(text, at):
        at -= 1
    return at


def _parts(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return False
    code = ord(after)
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F or 0x1160 <= code <= 0x11FF:  # skin, tags, Hangul
        return False
    if before == "\r" and after == "\n":
        return False
    if not (_is_flag(before) and _is_flag(after)):
        return True
    begun = at
    while begun and _is_flag(text[begun - 1]):
        begun -= 1
    return (at - begun) % 2 == 0


def _is_flag(character: str) -> bool:
    """Tell whether it is half of a flag (a regional indicator)."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"
