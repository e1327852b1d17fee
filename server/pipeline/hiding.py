"""Which groups of a report are blanked: those of too few people, and what would give one of them away; pure.

Rule 1: a group of fewer people than `privacy.min_group` is blanked.
Rule 2: nor can it be found by taking the other groups from a sum that is known elsewhere: where too few people are behind all
        that is blanked, the smallest group that would be shown is blanked too.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Size(NamedTuple):
    """How large a group is: its people where they are too few (None: they are enough), and how much it counts."""

    people: Collection[int] | None
    weight: int


def hidden(groups: Mapping[K, Size], *, least: int) -> frozenset[K]:
    """Choose what to blank of groups that add up to something; of equals the first."""
    small = {key for key, size in groups.items() if size.people is not None and len(size.people) < least}
    behind = {each for key in small for each in groups[key].people or ()}
    shown = [key for key in groups if key not in small]
    if small and shown and len(behind) < least:
        small.add(min(shown, key=lambda key: groups[key].weight))
    return frozenset(small)
