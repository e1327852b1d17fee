"""Reading a document: values with their paths, and mistakes that do not stop the reading."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.reading import MISSING, WrongDocument, read_date
from tests.decision.rulebook import node

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(root) -> list[str]:
    """List the paths of the mistakes noted at a node."""
    return [error.field for error in root.errors]


def test_a_path_names_members_and_counts_elements():
    root = node({"all": [{"weather": {"kind": ["rain"]}}]}, path="if")
    [first] = root.child("all").each()
    [kind] = first.child("weather").child("kind").each()
    assert kind.path == "if.all[0].weather.kind[0]"
    assert kind.value == "rain"


def test_the_children_of_what_is_no_object_are_missing():
    assert node("text").child("a").value is MISSING
    assert node({}).child("a").child("b").value is MISSING
    assert not node({}).child("a").given
    assert node({"a": None}).child("a").given


def test_mistakes_of_children_are_noted_where_their_root_sees_them():
    root = node({"a": [1, "x"], "b": 2})
    root.object("a", need=("a", "c"))
    [element.integer(low=5, high=9) for element in root.child("a").each()]
    assert told(root) == ["if.b", "if.c", "if.a[0]", "if.a[1]"]


def test_a_null_is_a_value_and_a_wrong_one():
    root = node({"a": None})
    assert root.child("a").text("default") == "default"
    assert root.child("a").integer(7, low=0, high=9) == 7
    assert root.child("a").each() == []
    assert not root.child("a").object("b")
    assert told(root) == ["if.a"] * 4


def test_a_missing_member_gives_the_default_without_a_word():
    root = node({})
    gone = root.child("gone")
    assert gone.text("x") == "x"
    assert gone.choice("a", ("a", "b")) == "a"
    assert gone.number(1.5) == 1.5
    assert gone.integer(7, low=0, high=9) == 7
    assert gone.duration(HOUR, low=HOUR, high=DAY) == HOUR
    assert gone.clock(time(7)) == time(7)
    assert gone.day() is None
    assert gone.each() == []
    assert gone.zone("place") == "place"
    assert not gone.object("a")
    assert root.errors == []


@given(
    st.integers() | st.floats() | st.booleans() | st.text(max_size=4) | st.none(),
    st.integers(-9, 9),
    st.integers(-9, 9),
)
def test_a_number_is_taken_within_its_bounds_alone(value, one, other):
    low, high = sorted((one, other))
    root = node(value)
    fits = type(value) in (int, float) and low <= value <= high
    assert root.number(0.5, low=low, high=high) == (value if fits else 0.5)
    assert bool(root.errors) == (not fits)


@given(st.integers() | st.floats() | st.booleans() | st.text(max_size=4), st.integers(-9, 9), st.integers(-9, 9))
def test_a_whole_number_is_no_float_and_no_boolean(value, one, other):
    low, high = sorted((one, other))
    root = node(value)
    fits = type(value) is int and low <= value <= high
    assert root.integer(-100, low=low, high=high) == (value if fits else -100)
    assert bool(root.errors) == (not fits)


@pytest.mark.parametrize("value", ["", "   ", 5, True, [], {}, "x" * 11, "has space"])
def test_a_text_has_a_length_and_a_shape(value):
    root = node(value)
    assert root.text("default", longest=10, shape=r"\w+", hint="must be a word") == "default"
    assert len(root.errors) == 1


def test_the_hint_explains_the_shape():
    root = node("a b")
    root.text(shape=r"\w+", hint="must be a word")
    assert root.errors[0].message == "must be a word"


def test_choices_are_listed_in_the_message():
    root = node("c")
    assert root.choice("a", ("b", "a")) == "a"
    assert root.errors[0].message == "must be one of a, b"
    assert node(["a", "b"]).choices(("a", "b", "c")) == {"a", "b"}


def test_a_list_has_a_length():
    for value, least, most in (([], 1, 3), ([1, 2, 3, 4], 1, 3)):
        root = node(value)
        assert len(root.each(least=least, most=most)) <= most
        assert root.errors[0].message == f"must have {least} to {most} elements"


@pytest.mark.parametrize(
    ("value", "wanted"), [("PT1H", HOUR), ("P1D", DAY), ("PT59M", None), ("P1DT1S", None), (60, None), ("x", None)]
)
def test_a_duration_has_bounds(value, wanted):
    root = node(value)
    assert root.duration(timedelta(hours=2), low=HOUR, high=DAY) == (wanted or timedelta(hours=2))
    assert bool(root.errors) == (wanted is None)


def test_the_bounds_of_a_duration_are_said_in_words():
    root = node("PT1S")
    root.duration(HOUR, low=HOUR, high=DAY)
    assert root.errors[0].message == "must be from 1 hour to 1 day"


@given(st.integers(0, 23), st.integers(0, 59))
def test_every_minute_of_a_day_is_a_time(hour, minute):
    assert node(f"{hour:02}:{minute:02}").clock(None) == time(hour, minute)


def test_twenty_four_hours_are_an_end_alone():
    assert node("24:00").clock(time(5), end=True) is None
    root = node("24:00")
    assert root.clock(time(5)) == time(5)
    assert "before 24:00" in root.errors[0].message


@pytest.mark.parametrize("value", ["7:00", "07:60", "24:01", "07:00:00", "0700", "07:00 ", "٠٧:٠٠", 700, None])
def test_what_is_no_time_of_day_is_refused(value):
    root = node(value)
    root.clock(None, end=True)
    assert len(root.errors) == 1


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-11-01", date(2026, 11, 1)),
        ("2026-02-29", None),
        ("20261101", None),
        ("2026-W44-7", None),
        (20261101, None),
    ],
)
def test_a_date_is_read_in_one_way(value, wanted):
    root = node(value)
    assert root.day() == read_date(value) == wanted
    assert bool(root.errors) == (wanted is None)


def test_an_instant_needs_its_offset():
    assert node("2026-11-01T08:00:00+01:00").instant() == datetime(2026, 11, 1, 7, tzinfo=UTC)
    for value in ("2026-11-01T08:00:00", "2026-11-01", "noon", 5):
        root = node(value)
        assert root.instant() is None
        assert len(root.errors) == 1


def test_a_condition_is_one_name_with_its_value():
    for value in ({}, {"segment": "coffee-drinkers", "place": {"tag": "store"}}, [], "segment", None):
        root = node(value)
        assert root.condition() is None
        assert told(root) == ["if"]


def test_the_message_about_an_unknown_condition_lists_those_there_are():
    root = node({"moon": "full"})
    root.condition()
    listed = "all, any, attribute, daylight, event, local_time, not, place, rfm, segment, topic, weather"
    assert root.errors == [("if.moon", f"is no condition; known are {listed}")]


def test_a_wrong_document_carries_its_mistakes_in_order():
    root = node({"a": 1, "b": 2})
    root.object()
    error = WrongDocument(root.errors)
    assert [each.field for each in error.errors] == ["if.a", "if.b"]
    assert str(error).startswith("if.a: is not known here")
