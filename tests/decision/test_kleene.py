"""Three truths, by Kleene's tables written out."""

from __future__ import annotations

import pytest

from server.decision.finding import Truth
from server.decision.kleene import all_of, any_of, negated, truth_of

T, F, U = Truth.HOLDS, Truth.FAILS, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("a", "b", "both", "either"),
    [
        (T, T, T, T),
        (T, U, U, T),
        (T, F, F, T),
        (U, T, U, T),
        (U, U, U, U),
        (U, F, F, U),
        (F, T, F, T),
        (F, U, F, U),
        (F, F, F, F),
    ],
)
def test_two_truths_join_by_the_table(a, b, both, either):
    assert (all_of([a, b]), any_of([a, b])) == (both, either)


def test_unknown_stays_unknown_when_turned_round():
    assert [negated(each) for each in (T, F, U)] == [F, T, U]


def test_nothing_asked_holds_and_nothing_offered_fails():
    assert (all_of([]), any_of([])) == (T, F)


def test_a_plain_answer_is_a_truth():
    assert (truth_of(True), truth_of(False)) == (T, F)
