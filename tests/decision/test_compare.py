"""Comparisons of numbers, dates, texts and booleans."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.compare import Compare, parse_numbers, parse_values, sort_of
from server.decision.finding import Truth
from tests.decision.rulebook import node

SIGNS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge, "eq": operator.eq}
NUMBERS = st.integers(-50, 50) | st.floats(-50, 50)


@given(st.sampled_from(sorted(SIGNS)), NUMBERS, NUMBERS)
def test_numbers_compare_as_numbers_do(name, bound, value):
    found = parse_numbers(node({name: bound}))
    assert found is not None
    assert found.check(value) is (Truth.HOLDS if SIGNS[name](value, bound) else Truth.FAILS)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_between_takes_both_ends_in(one, other, value):
    low, high = sorted((one, other))
    found = parse_numbers(node({"between": [low, high]}))
    assert found is not None
    assert (found.check(value) is Truth.HOLDS) == (low <= value <= high)
    assert found.check(low) is found.check(high) is Truth.HOLDS


@given(st.dates(), st.dates())
def test_dates_compare_as_days_do(bound, value):
    found = parse_values(node({"lte": bound.isoformat()}))
    assert found is not None
    assert (found.check(value.isoformat()) is Truth.HOLDS) == (value.toordinal() <= bound.toordinal())


@given(st.lists(st.tuples(st.sampled_from(sorted(SIGNS)), st.integers(-3, 3)), min_size=1, max_size=4).map(dict))
def test_bounds_that_no_number_meets_are_refused_and_only_they(bounds):
    root = node(bounds)
    possible = any(all(SIGNS[name](value / 4, bound) for name, bound in bounds.items()) for value in range(-20, 21))
    assert (parse_numbers(root) is not None) == possible
    assert [error.message for error in root.errors] == ([] if possible else ["can never hold"])


@pytest.mark.parametrize(
    ("value", "sort"),
    [
        (True, "boolean"),
        (0, "number"),
        (1.5, "number"),
        ("2026-11-03", "date"),
        ("2026-02-30", "text"),
        ("2026-11-03T11:00", "text"),
        ("", "text"),
        (None, None),
        ([1], None),
    ],
)
def test_a_value_has_one_sort(value, sort):
    assert sort_of(value) == sort


def test_numbers_out_of_bounds_and_broken_ones_are_refused_where_they_stand():
    root = node({"gte": 101, "lt": 2.5})
    assert parse_numbers(root, low=0, high=100, whole=True) is None
    assert [error.field for error in root.errors] == ["if.gte", "if.lt"]


def test_bounds_are_said_in_words():
    assert Compare((("gte", 3), ("lt", 10))).sentence() == "at least 3 and under 10"
    assert Compare((("eq", "Berlin"),)).sentence() == "exactly Berlin"
