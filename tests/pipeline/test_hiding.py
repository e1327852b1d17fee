"""What is blanked cannot be found again by taking what is shown from a sum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.pipeline.hiding import Size, hidden

LEAST = 4


def sizes(groups: dict[str, frozenset[int]]) -> dict[str, Size]:
    """What a report knows of groups: the people of small ones, and that the others have enough."""
    return {key: Size(people if len(people) < LEAST else None, len(people)) for key, people in groups.items()}


def test_a_group_of_too_few_takes_the_smallest_other_one_with_it() -> None:
    groups = {"a": frozenset({1, 2}), "b": frozenset(range(9)), "c": frozenset(range(5))}
    assert hidden(sizes(groups), least=LEAST) == {"a", "c"}


def test_groups_that_are_enough_together_need_nobody_else() -> None:
    groups = {"a": frozenset({1, 2}), "b": frozenset({3, 4}), "c": frozenset(range(9))}
    assert hidden(sizes(groups), least=LEAST) == {"a", "b"}


def test_the_same_people_in_two_groups_are_counted_once() -> None:
    groups = {"a": frozenset({1, 2}), "b": frozenset({1, 2, 3}), "c": frozenset(range(9))}
    assert hidden(sizes(groups), least=LEAST) == {"a", "b", "c"}


def test_where_all_are_large_all_are_shown() -> None:
    assert hidden(sizes({"a": frozenset(range(4)), "b": frozenset(range(9))}), least=LEAST) == frozenset()
    assert hidden({}, least=LEAST) == frozenset()


@given(st.dictionaries(st.text(max_size=2), st.frozensets(st.integers(0, 12)), max_size=6))
def test_behind_everything_that_is_blanked_are_enough_people_or_nothing_is_shown(
    groups: dict[str, frozenset[int]],
) -> None:
    blanked = hidden(sizes(groups), least=LEAST)
    assert {key for key, people in groups.items() if len(people) < LEAST} <= blanked
    behind = frozenset[int]().union(*(groups[key] for key in blanked))
    assert not blanked or len(behind) >= LEAST or blanked == groups.keys()
