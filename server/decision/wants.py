"""What of a customer a condition looks at, so that others know when to ask it again and what to look up for it.

Words: `attribute:NAME`, `event:NAME`, `topic:NAME`, `segment:NAME` (told from outside), and `bought` (the purchases beyond the
newest events). A kind of condition says its own in `facts`; one that looks at no customer says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from server.decision.conditions import logic, segment
from server.decision.finding import Condition

BOUGHT: Final = "bought"


def wanted(condition: Condition | None, segments: Mapping[str, Condition | None]) -> frozenset[str]:
    """List what a condition looks at, those of the segments that it names included."""
    found: set[str] = set()
    for each in _leaves(condition, segments):
        if isinstance(each, segment.Condition):
            found.add(f"segment:{each.name}")
        else:
            found |= getattr(each, "facts", frozenset())
    return frozenset(found)


def is_of_customer(condition: Condition | None, segments: Mapping[str, Condition | None]) -> bool:
    """Tell whether a condition looks at the customer alone, so that it can be answered for them wherever they are."""
    return all(isinstance(each, segment.Condition) or hasattr(each, "facts") for each in _leaves(condition, segments))


def _leaves(condition: Condition | None, segments: Mapping[str, Condition | None]) -> Iterator[Condition]:
    """Give the conditions that join no others, each named segment and then those of its own condition."""
    waiting, seen = [condition], set[str]()
    while waiting:
        each = waiting.pop()
        if isinstance(each, logic.Condition):
            waiting.extend(each.members)
        elif isinstance(each, segment.Condition):
            if each.name not in seen:
                seen.add(each.name)
                yield each
                waiting.append(segments.get(each.name))
        elif each is not None:
            yield each


def any_wants(fact: str, conditions: Iterable[Condition | None], segments: Mapping[str, Condition | None]) -> bool:
    """Tell whether one of the conditions, or one of the segments, looks at that."""
    return any(fact in wanted(each, {}) for each in (*conditions, *segments.values()))
