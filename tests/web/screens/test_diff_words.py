"""Two versions compared: the sentences that went and came, and the members beneath them."""

from __future__ import annotations

from typing import Any

from server.store.offers import OfferRow
from server.web.screens.diff_words import Change, Member, compare
from tests.lives import MORNING, offer_of
from tests.web.authors import document


def version(number: int, **changes: Any) -> OfferRow:
    return OfferRow(
        offer_of(1), "pretzel", "draft", number, None, document(**changes), "user:x", MORNING, MORNING, None, None
    )


def test_sentences_that_went_and_came_are_told_and_the_members_beneath_them() -> None:
    old = version(1, priority=40, **{"if": {"all": [{"segment": "tea"}, {"daylight": True}]}})
    new = version(2, priority=60, **{"if": {"all": [{"segment": "tea"}]}})
    told = compare(old, new, "en")
    assert (told.first, told.second) == (1, 2)
    assert told.changes == (
        Change("gone", "Only if: while the sun is up"),
        Change("gone", "When it runs: Priority 40: of several offers the highest wins."),
        Change("new", "When it runs: Priority 60: of several offers the highest wins."),
    )
    assert set(told.members) == {Member("priority", "40", "60"), Member("if.all[1]", '{"daylight": true}', "")}


def test_versions_that_are_alike_differ_in_nothing() -> None:
    told = compare(version(1), version(2), "de")
    assert (told.changes, told.members) == ((), ())
