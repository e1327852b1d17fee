"""Comparisons of documents: `lt lte gt gte eq between` (both ends in) on numbers, dates, texts and booleans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from server.decision.finding import FAILS, HOLDS, UNKNOWN, Truth
from server.decision.reading import Node, read_date

Sort = Literal["boolean", "number", "date", "text"]

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq}
_WORDS = {"lt": "under", "lte": "at most", "gt": "over", "gte": "at least", "eq": "exactly"}
OPERATORS = (*_ORDERS, "between")
_ORDERED: tuple[Sort, ...] = ("number", "date")


@dataclass(frozen=True, slots=True)
class Compare:
    """One or more bounds that must all hold: (operator, operand); `between` was taken apart into gte and lte."""

    bounds: tuple[tuple[str, str | int | float | bool], ...]
    asks: tuple[tuple[Callable[[Any, Any], bool], Any, Sort | None, Truth], ...] = field(
        init=False, repr=False, compare=False
    )
    """Each bound made ready: the comparison, the operand, its sort, and the answer for a value of another sort."""

    def __post_init__(self) -> None:
        """Make the bounds ready. Another sort of value equals nothing, and has no order: unknown."""
        asks = ((_ORDERS[name], each, sort_of(each), FAILS if name == "eq" else UNKNOWN) for name, each in self.bounds)
        object.__setattr__(self, "asks", tuple(asks))

    def check(self, value: object) -> Truth:
        """Compare a value with all the bounds, by Kleene's logic."""
        whole, sort = HOLDS, sort_of(value)
        for order, operand, own, other in self.asks:
            if sort != own:
                if other is FAILS:
                    return FAILS
                whole = UNKNOWN
            elif not order(value, operand):
                return FAILS
        return whole

    def sentence(self) -> str:
        """Say the bounds in words: `at least 3 and under 10`."""
        return " and ".join(f"{_WORDS[name]} {operand}" for name, operand in self.bounds)


def parse_numbers(node: Node, *, low: float = -1e9, high: float = 1e9, whole: bool = False) -> Compare | None:
    """Read bounds on a number within [low, high]; None where they are wrong."""

    def read(each: Node) -> float:
        return each.integer(low=int(low), high=int(high)) if whole else each.number(low=low, high=high)

    return _parse(node, read)


def parse_values(node: Node) -> Compare | None:
    """Read bounds on a value of any sort: all sorts can be equal, only numbers and dates have an order."""

    def read(each: Node) -> str | int | float | bool:
        ordered = not each.path.endswith(".eq")
        sort = sort_of(each.value)
        if sort is None or (ordered and sort not in _ORDERED):
            each.wrong("must be a number or a date" if ordered else "must be a text, a number, a boolean or a date")
            return 0
        return each.text() if isinstance(each.value, str) else each.value if sort == "boolean" else each.number()

    return _parse(node, read)


def _parse(node: Node, read: Callable[[Node], str | int | float | bool]) -> Compare | None:
    """Read the bounds with the reader of one operand, and refuse those that nothing can meet."""
    before = len(node.errors)
    if not node.object(*OPERATORS):
        return None
    bounds: list[tuple[str, str | int | float | bool]] = []
    for name, member in node.members():
        if name == "between":
            ends = member.each(least=2, most=2)
            bounds += zip(("gte", "lte"), [read(end) for end in ends], strict=False)
        elif name in _ORDERS:
            bounds.append((name, read(member)))
    if len(node.errors) == before and not bounds:
        node.wrong(f"must compare by one of {', '.join(OPERATORS)}")
    if len(node.errors) == before and _impossible(bounds):
        node.wrong("can never hold")
    return Compare(tuple(bounds)) if len(node.errors) == before else None


def _impossible(bounds: list[tuple[str, str | int | float | bool]]) -> bool:
    """Whether no value meets all the bounds: sorts differ, or a lower bound lies above an upper one."""
    if len({sort_of(operand) for _, operand in bounds}) > 1:
        return True
    lows = [(operand, name == "gt") for name, operand in bounds if name in ("gt", "gte", "eq")]
    highs = [(operand, name == "lt") for name, operand in bounds if name in ("lt", "lte", "eq")]
    return any(
        low > high or (low == high and (above or below))  # type: ignore[operator]  # one sort, as just seen
        for low, above in lows
        for high, below in highs
    )


def sort_of(value: object) -> Sort | None:
    """Tell what sort of value it is: true is no number, and a text of the shape YYYY-MM-DD is a date."""
    if type(value) is float or type(value) is int:  # nearly all there are, told without asking for more
        return "number"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if read_date(value) else "text"
    return None
