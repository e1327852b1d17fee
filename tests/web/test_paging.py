"""Cursors lead from page to page in keyset order, and nobody else's are taken."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.web.paging import PageQuery, cut, page_size, read_cursor, write_cursor

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_page_holds_what_was_asked_for_or_the_most() -> None:
    assert page_size(PageQuery(), most=200) == 200
    assert page_size(PageQuery(limit=1), most=200) == 1
    assert page_size(PageQuery(limit=200), most=200) == 200


@pytest.mark.parametrize("limit", [0, -1, 201, 10**18])
def test_a_page_beyond_the_limits_is_refused_by_name(limit: int) -> None:
    with pytest.raises(Invalid) as caught:
        page_size(PageQuery(limit=limit), most=200)
    assert caught.value.errors[0].field == "limit"


def test_a_cursor_comes_back_as_it_was_made_to_the_microsecond() -> None:
    cursor = write_cursor((AT, UUID(int=7), 3, "ä"))
    assert cursor.isascii()
    assert "=" not in cursor
    assert read_cursor(cursor, tuple[datetime, UUID, int, str]) == (AT, UUID(int=7), 3, "ä")
    assert read_cursor(None, tuple[int]) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "ä",
        "AAAA",
        "a" * 5000,
        write_cursor(("x",)),
        write_cursor((1, 2)),
        base64.b64encode(b"[" * 500).decode(),
    ],
)
def test_a_cursor_that_we_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_cursor(cursor, tuple[int])
    assert caught.value.errors[0].field == "cursor"


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (("0001-01-01T00:00:00+14:00",), tuple[datetime]),
        (("9999-12-31T23:59:59-14:00",), tuple[datetime]),
        (("2026-11-03T07:30:00",), tuple[datetime]),
        ((2**31,), tuple[int]),
        ((-1,), tuple[int]),
        (("a\0b",), tuple[str]),
    ],
)
def test_a_cursor_with_what_postgresql_has_not_is_refused(keys: tuple[object, ...], kind: type) -> None:
    with pytest.raises(Invalid) as caught:
        read_cursor(write_cursor(keys), kind)
    assert caught.value.errors[0].field == "cursor"


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(Invalid):
        [number] = read_cursor(text, tuple[int])
        assert isinstance(number, int)


@given(st.lists(st.integers(0, 99), unique=True), st.integers(1, 7))
def test_page_by_page_everything_comes_once_and_in_order(rows: list[int], size: int) -> None:
    rows.sort()
    seen: list[int] = []
    cursor: str | None = None
    while True:
        after = read_cursor(cursor, tuple[int])
        found = [row for row in rows if after is None or row > after[0]][: size + 1]
        page, cursor = cut(found, size=size, keys=lambda row: (row,))
        assert len(page) <= size
        seen += page
        if cursor is None:
            break
    assert seen == rows
