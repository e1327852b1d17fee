"""CSV that spreadsheets open without doing what a cell says (RFC 4180; OWASP, CSV Injection). Pure.

Rule 1: every cell is quoted, and what a spreadsheet might take for a formula begins with an apostrophe, be it a number.
Rule 2: what is not told is an empty cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

MEDIA: Final = "text/csv"
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def line_of(cells: Sequence[object]) -> str:
    """Write a line with its end."""
    return ",".join(_cell(each) for each in cells) + "\r\n"


def _cell(value: object) -> str:
    text = _text(value)
    text = f"'{text}" if text.startswith(_FORMULAS) else text
    return '"' + text.replace('"', '""') + '"'


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
