"""Reports as files: CSV that a spreadsheet opens, and executes nothing of (`server/web/csv_lines.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from server.web.call import Reply
from server.web.csv_lines import MEDIA, line_of

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
    return Reply(200, write(table).encode(), headers=headers, media=MEDIA)


def write(table: Table) -> str:
    """Write a table as CSV."""
    return _MARK + "".join(line_of(line) for line in (table.columns, *table.lines))
