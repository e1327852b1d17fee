"""A cell is read back as it was, and no cell begins with what a spreadsheet would do (requirement 35)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import hypothesis.strategies as st
from hypothesis import given

from server.web.csv_lines import line_of


def read(line: str) -> list[str]:
    [row] = csv.reader(io.StringIO(line, newline=""))
    return row


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), min_size=1))
def test_every_text_comes_back_and_none_is_a_formula(texts: list[str]) -> None:
    found = read(line_of(texts))
    assert [each.removeprefix("'") for each in found] == [each.removeprefix("'") for each in texts]
    assert not [each for each in found if each.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


def test_numbers_times_and_nothing_are_written_plainly() -> None:
    assert line_of([1, None, datetime(2026, 11, 28, 9, tzinfo=UTC)]) == '"1","","2026-11-28T09:00:00Z"\r\n'
