"""Cutting words: never within a character, never more than needed, and always so that it shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.channels.shorten import MORE, fit


def utf8(text: str) -> bytes:
    return text.encode()


def cut(text: str, limit: int) -> str | None:
    found = fit(utf8, text, limit=limit)
    return None if found is None else found.decode()


def test_what_fits_stays_as_it_is() -> None:
    assert cut("Kaffee", 6) == "Kaffee"


def test_what_is_cut_says_so_and_leaves_no_gap_before_the_sign() -> None:
    assert cut("Kaffee für dich", 10) == "Kaffee…"
    assert cut("Kaffee für dich", 12) == "Kaffee f…"


@pytest.mark.parametrize(
    ("whole", "what"),
    [
        ("ü", "a letter of two bytes"),
        ("u\u0308", "a letter and its accent"),
        ("☕", "a letter of three bytes"),
        ("🇩🇪", "a flag"),
        ("👨‍👩‍👧‍👦", "a family"),
        ("👍🏽", "a thumb and its skin"),
        ("❤️", "a heart that is drawn in colour"),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "the flag of Scotland"),
        ("각", "a syllable written in three letters"),
        ("क्‍ष", "two letters that are joined"),
    ],
)
def test_no_character_is_cut_in_two(whole: str, what: str) -> None:
    text = whole * 3 + " and more"
    size = len(whole.encode())
    for limit in range(3, len(text.encode())):
        found = cut(text, limit)
        assert found is not None
        left = found.removesuffix(MORE)
        kept = text[: len(left)]
        assert kept == left
        assert len(left.encode()) >= size * 3 or len(left.encode()) % size == 0, what


def test_flags_are_counted_from_where_they_begin() -> None:
    text = "x" + "🇩🇪" * 2
    assert [cut(text, limit) for limit in (11, 12, 15)] == ["x…", "x🇩🇪…", "x🇩🇪…"]


def test_less_than_is_wanted_is_nothing_at_all() -> None:
    assert fit(utf8, "Kaffee für dich", limit=10, least=8) is None
    assert fit(utf8, "Kaffee", limit=2) is None
    assert fit(lambda text: b"x" * 9 + text.encode(), "long", limit=10) is None


@given(st.text(alphabet="ab é☕😀", max_size=40), st.integers(3, 60))
def test_of_all_cuts_that_fit_the_longest_is_taken(text: str, limit: int) -> None:
    if len(text.encode()) <= limit:
        assert cut(text, limit) == text
        return
    cuts = [text[:at].rstrip() + MORE for at in range(len(text))]
    assert cut(text, limit) == max((each for each in cuts if len(each.encode()) <= limit), key=len)


@given(st.text(max_size=60), st.integers(3, 80))
def test_whatever_the_words_are_the_result_fits(text: str, limit: int) -> None:
    found = cut(text, limit)
    assert found is not None
    assert len(found.encode()) <= limit
    assert text.startswith(found.removesuffix(MORE)) or found == text
