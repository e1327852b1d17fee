"""Reports as files: CSV (RFC 4180) that a spreadsheet opens, and executes nothing of.

Rule 1: every cell is quoted, and what a spreadsheet might take for a formula begins with an apostrophe, be it a number.
Rule 2: what is not told is an empty cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from server.web.call import Reply

CSV: Final = "text/csv"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARK: Final = "\ufeff"
"""Without it spreadsheets read UTF-8 as something else."""


class Table(NamedTuple):
    """A table: what the file is called, its columns, and its lines of as many cells."""

    name: str
    columns: Sequence[str]
    lines: Sequence[Sequence[object]]


def answer_as(
    format: Literal["json", "csv"],  # noqa: A002  the contract's word
    answer: msgspec.Struct,
    table: Callable[[], Table],
) -> msgspec.Struct | Reply:
    """Give the answer itself, or its table as a file."""
    return answer if format == "json" else file_of(table())


def file_of(table: Table) -> Reply:
    """Write a table as a file to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{table.name}.csv"', "X-Content-Type-Options": "nosniff"}
    return Reply(200, write(table).encode(), headers=headers, media=CSV)


def write(table: Table) -> str:
    """Write a table as CSV."""
    lines = [",".join(_cell(each) for each in line) for line in (table.columns, *table.lines)]
    return _MARK + "".join(f"{line}\r\n" for line in lines)


def _cell(value: object) -> str:
    text = _text(value)
    text = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + text.replace('"', '""') + '"'


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
