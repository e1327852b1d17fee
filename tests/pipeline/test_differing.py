"""What differs, against a second reading: both documents laid flat, member by member."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pipeline.differing import ABSENT, differences

LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
)
NAMED = st.dictionaries(st.sampled_from("xyz"), DOCUMENTS, max_size=3)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"priority": 50}, {"priority": 60}, [("priority", 50, 60)]),
        ({"name": "a"}, {"name": "a", "fresh": "PT3M"}, [("fresh", ABSENT, "PT3M")]),
        ({"name": "a", "topic": None}, {"name": "a"}, [("topic", None, ABSENT)]),
        (
            {"if": {"all": [{"local_time": {"from": "07:00", "to": "11:00"}}]}},
            {"if": {"all": [{"local_time": {"from": "08:00", "to": "11:00"}}]}},
            [("if.all[0].local_time.from", "07:00", "08:00")],
        ),
        ({"a": [1, 2]}, {"a": [1]}, [("a[1]", 2, ABSENT)]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", {"b": 1}, [1])]),
        ({"a": True}, {"a": 1}, [("a", True, 1)]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"b": 1, "a": 1}, {"a": 2, "c": 3}, [("a", 1, 2), ("c", ABSENT, 3), ("b", 1, ABSENT)]),
    ],
)
def test_what_differs_is_told_with_its_path(before: Any, after: Any, told: list[Any]) -> None:
    assert [tuple(each) for each in differences(before, after)] == told


def flat(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Lay a document flat: each leaf, and each container that is empty, by its steps."""
    items: Any = value.items() if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else ()
    found = {} if items else {path: (type(value), value)}
    for step, inner in items:
        found |= flat(inner, (*path, step))
    return found


@settings(max_examples=30)
@given(NAMED)
def test_nothing_differs_from_itself(document: dict[str, Any]) -> None:
    assert list(differences(document, document)) == []


@settings(max_examples=30)
@given(NAMED, NAMED)
def test_whatever_differs_is_told_and_the_other_way_round_it_is_turned_round(before: Any, after: Any) -> None:
    there = {each.field: (each.before, each.after) for each in differences(before, after)}
    back = {each.field: (each.after, each.before) for each in differences(after, before)}
    assert there.keys() == back.keys()
    assert bool(there) == (flat(before) != flat(after))


@settings(max_examples=30)
@given(NAMED, NAMED)
def test_the_later_document_follows_from_the_earlier_one_and_what_differs(before: Any, after: Any) -> None:
    leaves = flat(before)
    for field, was, now in differences(before, after):
        steps = steps_of(field)
        if was is not ABSENT:
            leaves = {path: leaf for path, leaf in leaves.items() if path[: len(steps)] != steps}
        if now is not ABSENT:
            leaves |= flat(now, steps)
    held = {path: leaf for path, leaf in leaves.items() if leaf[1] not in ({}, [])}
    assert held == {path: leaf for path, leaf in flat(after).items() if leaf[1] not in ({}, [])}


def steps_of(field: str) -> tuple[Any, ...]:
    """Read a path back."""
    steps: list[Any] = []
    for part in field.replace("[", ".[").split("."):
        if part:
            steps.append(int(part[1:-1]) if part.startswith("[") else part)
    return tuple(steps)
