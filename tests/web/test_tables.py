"""Files that a spreadsheet opens: what the standard library's own reader finds in them, and nothing that is executed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest

from server.web.tables import Table, file_of, write


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def test_what_is_written_is_read_back() -> None:
    at = datetime(2026, 11, 3, 8, 7, 30, tzinfo=UTC)
    told = ['Bäckerei; "Ost",\nHof', None, 5, 1.5, True, at, date(2026, 11, 3), ""]
    head, line = read(write(Table("t", [*"abcdefgh"], [told])))
    assert head == [*"abcdefgh"]
    assert line == ['Bäckerei; "Ost",\nHof', "", "5", "1.5", "true", "2026-11-03T08:07:30Z", "2026-11-03", ""]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=x", -5, -0.25])
def test_no_cell_begins_like_a_formula(text: object) -> None:
    [_, [cell]] = read(write(Table("t", ["a"], [[text]])))
    assert cell == f"'{text}"


def test_every_cell_is_quoted_and_lines_end_as_the_rfc_says() -> None:
    assert write(Table("t", ["a", "b"], [[1, None]])) == '\ufeff"a","b"\r\n"1",""\r\n'


def test_a_file_is_saved_and_not_shown() -> None:
    reply = file_of(Table("funnel", ["a"], []))
    assert reply.media == "text/csv"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="funnel.csv"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
