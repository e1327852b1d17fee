"""`all`, `any`, `not`: conditions joined by Kleene's logic, evaluated whole, with one member that speaks for the rest.

Rule 1: the truth is that of the whole; unknown stays unknown under `not`.
Rule 2: of an `all`, the first member that does not hold, in the order of the gates, names the gate on the receipt.
Rule 3: within `any` and `not` the first leaf names it, whatever the others say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from server.decision import finding
from server.decision.finding import FAILS, HOLDS, ORDER, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.kleene import all_of, any_of, negated
from server.decision.reading import Node

NAME = "logic"
NAMES = ("all", "any", "not")


@dataclass(frozen=True, slots=True)
class Condition:
    """Members joined by one word; `not` has exactly one."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.TRIGGER
    """Nominal: it is one of its members that names the gate of a finding."""

    word: Literal["all", "any", "not"]
    members: tuple[finding.Condition, ...]
    asks: tuple[Callable[[Scene], Truth], ...] = field(init=False, repr=False, compare=False)
    """The members' own ways to answer in a word, looked up once."""

    def __post_init__(self) -> None:
        """Look the members' methods up."""
        object.__setattr__(self, "asks", tuple(member.truth for member in self.members))

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read the members; the word is the last step of the node's path."""
        before, word = len(node.errors), node.path.rpartition(".")[2]
        nodes = [node] if word == "not" else node.each(most=50)
        members = tuple(member for each in nodes if (member := each.condition()) is not None)
        if len(node.errors) > before:
            return None
        return cls("not" if word == "not" else "all" if word == "all" else "any", members)

    def truth(self, scene: Scene) -> Truth:
        """Ask the members until the answer cannot change any more."""
        if self.word == "not":
            truth = self.asks[0](scene)
            return FAILS if truth is HOLDS else HOLDS if truth is FAILS else truth
        final, whole = (FAILS, HOLDS) if self.word == "all" else (HOLDS, FAILS)
        for ask in self.asks:
            truth = ask(scene)
            if truth is final:
                return truth
            if truth is UNKNOWN:
                whole = truth
        return whole

    def check(self, scene: Scene) -> Finding:
        """Ask every member and let one speak."""
        findings = [member.check(scene) for member in self.members]
        truths = [each.truth for each in findings]
        if self.word == "all":
            telling = [each for each in findings if each.truth is not Truth.HOLDS] or findings
            speaker, truth = min(telling, key=_rank) if len(telling) > 1 else telling[0], all_of(truths)
            return speaker if speaker.truth is truth else speaker._replace(truth=truth)
        gate = first_leaf(self).gate
        values = findings[0].values
        if self.word == "not":
            return Finding(gate, negated(truths[0]), f"Asked for the opposite: {findings[0].reason}", values)
        truth = any_of(truths)
        reasons = [each.reason for each in findings if each.truth is truth]
        return Finding(gate, truth, " ".join(dict.fromkeys(reasons)), values)

    def sentence(self) -> str:
        """Say the members in words, joined."""
        if self.word == "not":
            return f"not ({self.members[0].sentence()})"
        joint = " and " if self.word == "all" else " or "
        return f"({joint.join(member.sentence() for member in self.members)})"


def _rank(found: Finding) -> int:
    return ORDER[found.gate]


def first_leaf(condition: finding.Condition) -> finding.Condition:
    """Give the first condition, in the order of the document, that joins no others."""
    while isinstance(condition, Condition):
        condition = condition.members[0]
    return condition


def each_part(condition: finding.Condition | None, scene: Scene) -> list[Finding]:
    """Answer for each member of an `all` at the root by itself, in the order of the gates; else for the whole."""
    if condition is None:
        return []
    members: tuple[finding.Condition, ...] = (condition,)
    if isinstance(condition, Condition) and condition.word == "all":
        members = condition.members
    return sorted((member.check(scene) for member in members), key=_rank)


def judge(condition: finding.Condition, scene: Scene) -> Finding:
    """Answer a whole `if`: its truth, told by the member that names the gate."""
    return condition.check(scene)
