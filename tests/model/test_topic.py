"""Names of topics."""

from __future__ import annotations

import pytest

from server.model.topic import LONGEST, is_topic


@pytest.mark.parametrize("name", ["coffee", "Kaffee & Kuchen", "コーヒー", "9", "x" * LONGEST])
def test_a_short_text_that_can_be_printed_names_a_topic(name: str) -> None:
    assert is_topic(name)


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\u00a0", "a\tb", "a\x00", "\u2028", "x" * (LONGEST + 1)])
def test_nothing_invisible_does(name: str) -> None:
    assert not is_topic(name)
