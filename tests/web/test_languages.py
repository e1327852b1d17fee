"""German or English, by what the browser asks for."""

from __future__ import annotations

import pytest

from server.web.languages import language_of, say_count, say_share


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("en;q=0.3, de;q=0.7", "de"),
        ("fr-FR,fr;q=0.9,de;q=0.5", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=0", "en"),
        ("de;q=0, *", "en"),
        ("DE-at", "de"),
        ("den, demo", "en"),
        ("de;q=nan", "en"),
        ("de;q=1.5", "en"),
        ("de;" * 5000, "en"),
        ("<script>", "en"),
    ],
)
def test_the_language_of_the_highest_weight_is_spoken(accepted: str | None, language: str) -> None:
    assert language_of(accepted) == language


@pytest.mark.parametrize(
    ("count", "german", "english"), [(0, "0", "0"), (999, "999", "999"), (1234567, "1.234.567", "1,234,567")]
)
def test_large_numbers_are_grouped(count: int, german: str, english: str) -> None:
    assert (say_count(count, "de"), say_count(count, "en")) == (german, english)


@pytest.mark.parametrize(
    ("part", "whole", "german", "english"),
    [
        (1, 2, "50,0\u00a0%", "50.0%"),
        (1, 3, "33,3\u00a0%", "33.3%"),
        (9, 16, "56,3\u00a0%", "56.3%"),
        (1, 2000, "0,1\u00a0%", "0.1%"),
        (1, 2001, "0,0\u00a0%", "0.0%"),
        (0, 0, "–", "–"),
        (5, -1, "–", "–"),
        (3, 2, "150,0\u00a0%", "150.0%"),
    ],
)
def test_shares_are_percents_and_nothing_of_nothing_is_a_dash(part: int, whole: int, german: str, english: str) -> None:
    assert (say_share(part, whole, "de"), say_share(part, whole, "en")) == (german, english)
