"""CSV that spreadsheets open without doing what a cell says (RFC 4180; OWASP, CSV Injection). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

MEDIA: Final = "text/csv"
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def line_of(cells: Sequence[object]) -> bytes:
    """Write a line: every cell in quotes, and a mark before what a spreadsheet would take for a formula."""
    return (",".join(_cell(each) for each in cells) + "\r\n").encode()


def _cell(value: object) -> str:
    if value is None:
        return '""'
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    if text.startswith(_FORMULAS):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"'
