"""All, any and not: Kleene's tables, and who speaks for the whole on a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.conditions import KINDS
from server.decision.conditions.logic import Condition, first_leaf, judge
from server.decision.finding import Finding, Gate, Scene, Truth
from tests.decision.rulebook import condition, scene, wrongs

VALUE = {Truth.FAILS: 0.0, Truth.UNKNOWN: 0.5, Truth.HOLDS: 1.0}
"""Łukasiewicz's numbers for the three truths: `and` is their minimum, `or` their maximum, `not` the rest to one."""
TRUTH = {number: truth for truth, number in VALUE.items()}
STAGE = scene()
ASKED = (Gate.PLACE, Gate.LOCAL_TIME, Gate.WEATHER, Gate.SEGMENT, Gate.ATTRIBUTE, Gate.EVENT)


@dataclass(frozen=True)
class Leaf:
    """A condition that says what it is told to."""

    said: Truth
    gate: Gate = Gate.WEATHER
    NAME: ClassVar[str] = "leaf"

    def truth(self, scene: Scene) -> Truth:
        """Say it in a word."""
        return self.said

    def check(self, scene: Scene) -> Finding:
        """Say it."""
        return Finding(self.gate, self.said, f"{self.gate} {self.said}.", {"gate": str(self.gate)})

    def sentence(self) -> str:
        """Say what it asks."""
        return str(self.gate)


LEAVES = st.builds(Leaf, st.sampled_from(Truth), st.sampled_from(ASKED))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Condition, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(Condition, st.just("not"), st.tuples(inner)),
    ),
    max_leaves=12,
)


def worth(tree: object) -> float:
    """Work the truth out in numbers."""
    if isinstance(tree, Condition):
        numbers = [worth(member) for member in tree.members]
        return {"all": min(numbers), "any": max(numbers), "not": 1 - numbers[0]}[tree.word]
    assert isinstance(tree, Leaf)
    return VALUE[tree.said]


def leaves(tree: object) -> list[Leaf]:
    """List the leaves from left to right."""
    if isinstance(tree, Condition):
        return [leaf for member in tree.members for leaf in leaves(member)]
    assert isinstance(tree, Leaf)
    return [tree]


@given(TREES)
def test_a_tree_of_conditions_has_the_truth_that_numbers_give_it(tree):
    assert judge(tree, STAGE).truth is tree.truth(STAGE) is TRUTH[worth(tree)]


@given(TREES)
def test_the_gate_of_any_and_of_not_is_their_first_leaf(tree):
    if isinstance(tree, Condition) and tree.word != "all":
        assert judge(tree, STAGE).gate is leaves(tree)[0].gate
    assert first_leaf(tree) is leaves(tree)[0]


@given(st.lists(LEAVES, min_size=1, max_size=6))
def test_of_an_all_the_first_in_the_order_of_the_gates_that_does_not_hold_speaks(members):
    found = judge(Condition("all", tuple(members)), STAGE)
    failing = [leaf for gate in Gate for leaf in members if leaf.gate is gate and leaf.said is not Truth.HOLDS]
    if failing:
        assert (found.gate, found.reason) == (failing[0].gate, failing[0].check(STAGE).reason)
    else:
        assert found.truth is Truth.HOLDS


def test_an_unknown_that_comes_first_names_the_gate_of_a_whole_that_fails():
    whole = Condition("all", (Leaf(Truth.FAILS, Gate.SEGMENT), Leaf(Truth.UNKNOWN, Gate.WEATHER)))
    assert judge(whole, STAGE)[:3] == (Gate.WEATHER, Truth.FAILS, "weather unknown.")


def test_a_member_any_takes_its_place_among_the_gates_by_its_first_leaf():
    either = Condition("any", (Leaf(Truth.FAILS, Gate.LOCAL_TIME), Leaf(Truth.FAILS, Gate.EVENT)))
    whole = Condition("all", (Leaf(Truth.FAILS, Gate.WEATHER), either))
    assert judge(whole, STAGE).gate is Gate.LOCAL_TIME


def test_an_all_within_an_any_does_not_choose_who_speaks():
    inner = Condition("all", (Leaf(Truth.HOLDS, Gate.EVENT), Leaf(Truth.FAILS, Gate.PLACE)))
    assert judge(Condition("any", (inner,)), STAGE).gate is Gate.EVENT


@pytest.mark.parametrize(("first", "second"), list(product(Truth, Truth)))
def test_not_all_is_any_not(first, second):
    a, b = Leaf(first), Leaf(second)
    left = Condition("not", (Condition("all", (a, b)),))
    right = Condition("any", (Condition("not", (a,)), Condition("not", (b,))))
    assert judge(left, STAGE).truth is judge(right, STAGE).truth


def test_an_any_tells_why_each_of_its_members_says_no():
    either = Condition("any", (Leaf(Truth.FAILS, Gate.WEATHER), Leaf(Truth.FAILS, Gate.EVENT)))
    assert judge(either, STAGE).reason == "weather fails. event fails."


def test_a_not_tells_what_was_found():
    found = judge(Condition("not", (Leaf(Truth.HOLDS, Gate.EVENT),)), STAGE)
    assert found == (Gate.EVENT, Truth.FAILS, "Asked for the opposite: event holds.", {"gate": "event"})


def test_conditions_are_said_in_words_with_brackets():
    tree = condition({"all": [{"segment": "coffee-drinkers"}, {"not": {"place": {"tag": "store"}}}]})
    said = "(the customer is in the segment coffee-drinkers and not (at a place with the tag store))"
    assert tree.sentence() == said


def test_every_kind_of_the_folder_is_known_by_its_name():
    customers = {"segment", "attribute", "topic", "event", "rfm"}
    names = {"all", "any", "not", "place", "local_time", "daylight", "weather"} | customers
    assert set(KINDS) == names


SEGMENT = {"segment": "coffee-drinkers"}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"all": []}, "if.all"),
        ({"any": {"segment": "coffee-drinkers"}}, "if.any"),
        ({"all": [SEGMENT] * 51}, "if.all"),
        ({"any": [SEGMENT, {"moon": "full"}]}, "if.any[1].moon"),
        ({"not": {"segment": "nobody"}}, "if.not.segment"),
        ({"not": [SEGMENT]}, "if.not"),
        ({"all": [SEGMENT, {**SEGMENT, "place": {"tag": "store"}}]}, "if.all[1]"),
        ({"all": [{}]}, "if.all[0]"),
        ({"all": [None]}, "if.all[0]"),
        ([SEGMENT], "if"),
        ({"any": [{"daylight": 1}]}, "if.any[0].daylight"),
    ],
)
def test_a_group_that_cannot_be_read_says_where(value, path):
    assert [field for field, _ in wrongs(value)] == [path]


def test_conditions_nest_sixteen_deep_and_no_deeper():
    value = SEGMENT
    for _ in range(15):
        value = {"not": value}
    assert condition(value).sentence().count("not (") == 15
    assert wrongs({"not": value})[0][1] == "conditions nest at most 16 deep"
