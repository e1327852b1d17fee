"""The page's words are the same set in every language."""

from __future__ import annotations

import re

from server.web.webhook_words import WORDS, say_broken


def test_every_word_is_there_in_every_language_with_the_same_gaps() -> None:
    assert set(WORDS["de"]) == set(WORDS["en"])
    for name, english in WORDS["en"].items():
        assert re.findall(r"\{\}", english) == re.findall(r"\{\}", WORDS["de"][name]), name


def test_endpoints_that_were_turned_off_are_counted_in_words() -> None:
    assert say_broken(0, "en") == []
    assert say_broken(1, "en") == ["A webhook is turned off because nothing was taken there: see Webhooks"]
    assert say_broken(3, "de") == ["3 Webhooks sind abgeschaltet, weil dort nichts angenommen wurde: siehe Webhooks"]
