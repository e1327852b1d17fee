"""Stores as CSV (RFC 4180): a text into cells by column, and stores into a text that reads back to the same.

A cell that a spreadsheet would take for a formula is written with a leading apostrophe, and read without it: opening our
file in one runs nothing. Tags are separated by `;`; a `;` or `\\` inside of a tag is written with a `\\` before it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from server.errors import FieldError, Invalid, Unreadable
from server.store import stores
from server.store.pool import Connection
from server.store.stores import StoreRow

COLUMNS: Final = (
    "name", "lat", "lon", "radius_m", "time_zone", "country", "region", "tags", "address", "hours"
)  # fmt: skip
"""What is known of a store, in the order in which we write it."""

ALIASES: Final = {"store_number": "name", "city": "address"}
"""Columns that stand for another where a row has nothing in that one."""

CELL_MAX: Final = 4_000
"""A week of hours, written as JSON with much space, is 1,500 characters."""

MEDIA: Final = "text/csv"

_COLUMNS_MAX: Final = 200
_PAGE: Final = 500
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED: Final = re.compile(r"'+[=+\-@\t\r]")


class Sheet(NamedTuple):
    """A table: its rows (cells by their column, empty ones left out), and columns that nobody knows."""

    rows: list[Mapping[str, str] | FieldError]
    ignored: tuple[str, ...]
    columns: frozenset[str]


def read_sheet(data: bytes, *, rows: int) -> Sheet:
    """Read a CSV in UTF-8 (with a byte order mark or without) with a header, at most so many rows.

    A row that cannot be read stands as its mistake. Raises Unreadable for what is no text, Invalid for a table that
    cannot be one of stores.
    """
    columns, read = read_table(data, rows=rows, name=_columns)
    known = {*COLUMNS, *ALIASES}
    return Sheet(read, tuple(name for name in columns if name not in known), frozenset(columns) & known)


def read_table(
    data: bytes, *, rows: int, name: Callable[[list[str]], list[str]]
) -> tuple[list[str], list[Mapping[str, str] | FieldError]]:
    """Read any table of ours: its columns, as `name` makes them of the header (raises Invalid), and its rows."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The table is not UTF-8.") from None
    lines = _lines(text)
    columns = name(next(lines, []))
    read: list[Mapping[str, str] | FieldError] = []
    for cells in lines:
        if len(read) == rows:
            raise Invalid(errors=[FieldError("table", f"has more than {rows} rows")])
        read.append(_row(columns, cells))
    return columns, read


def _lines(text: str) -> Iterator[list[str]]:
    """Give the lines that are not blank; the reader counts a quoted cell of several lines as one."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield cells
    except csv.Error:
        raise Invalid(errors=[FieldError("table", f"cannot be read as CSV at line {reader.line_num}")]) from None


def _columns(header: list[str]) -> list[str]:
    columns = check_columns([cell.strip().lower() for cell in header])
    if not {"name", "store_number"} & set(columns):
        raise Invalid(errors=[FieldError("name", "is required as a column; columns are separated by commas")])
    if not {"lat", "lon"} <= set(columns) and not {"address", "city"} & set(columns):
        raise Invalid(errors=[FieldError("lat", "and lon are required as columns, or else address")])
    return columns


def check_columns(columns: list[str]) -> list[str]:
    """Give the names of columns back where a table may have such; raises Invalid."""
    if len(columns) > _COLUMNS_MAX:
        raise Invalid(errors=[FieldError("table", f"has more than {_COLUMNS_MAX} columns")])
    for column in columns:
        if len(column) > 64 or not column.isprintable():
            raise Invalid(errors=[FieldError("table", "has a column whose name is too long, or not printable")])
        if column and columns.count(column) > 1:
            raise Invalid(errors=[FieldError(column, "is the name of two columns")])
    return columns


def _row(columns: list[str], cells: list[str]) -> Mapping[str, str] | FieldError:
    if len(cells) > len(columns):
        return FieldError("row", f"has {len(cells)} cells under {len(columns)} columns")
    found = {}
    for column, cell in zip(columns, cells, strict=False):
        if len(cell) > CELL_MAX:
            return FieldError(column, f"must be {CELL_MAX} characters at most")
        value = cell.strip()
        if value:
            found[column] = value[1:] if _ESCAPED.match(value) else value
    return found


def write_sheet(rows: Iterable[StoreRow]) -> Iterator[str]:
    """Write stores as lines of CSV, the header first; `read_sheet` reads them back."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for store in rows:
        yield _taken(buffer)
        writer.writerow(_cells(store))
    yield _taken(buffer)


async def written(db: Connection) -> AsyncIterator[bytes]:
    """Write all stores that are open, the oldest first; in a repeatable-read transaction."""
    page = await stores.page(db, after=None, limit=_PAGE)
    yield "".join(write_sheet(page)).encode()
    while page and (page := await stores.page(db, after=page[-1].id, limit=_PAGE)):
        lines = write_sheet(page)
        next(lines)  # the header, which is there already
        yield "".join(lines).encode()


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cells(store: StoreRow) -> list[str]:
    """Numbers are ours and stay numbers, a southern latitude's minus too; texts are whoever's."""
    texts = {
        "name": store.name,
        "time_zone": store.time_zone,
        "country": store.country,
        "region": store.region,
        "tags": join_tags(store.tags),
        "address": store.address,
        "hours": None if store.hours is None else json.dumps(store.hours, separators=(",", ":")),
    }
    numbers = {"lat": repr(store.lat), "lon": repr(store.lon), "radius_m": repr(store.radius_m)}
    return [numbers[column] if column in numbers else _harmless(texts[column] or "") for column in COLUMNS]


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def join_tags(tags: Iterable[str]) -> str:
    """Write tags into one cell."""
    return ";".join(re.sub(r"([\\;])", r"\\\1", tag) for tag in tags)


def split_tags(cell: str) -> list[str]:
    """Read the tags of a cell; empty ones are left out."""
    parts = re.findall(r"(?:\\.|[^;])+", cell, re.DOTALL)
    return [tag for part in parts if (tag := re.sub(r"\\([\\;])", r"\1", part).strip())]
