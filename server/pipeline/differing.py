"""What differs between two versions of a document, member by member, each with the JSON path that errors use too.

Members of objects are compared by their names, those of lists by their places: whoever puts one in front of a list is
told of every member behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple


class Absent:
    """Stands where one of the two has nothing: null is something."""

    def __repr__(self) -> str:
        """Show what it is."""
        return "ABSENT"


ABSENT: Final = Absent()


class Difference(NamedTuple):
    """One member that is not the same: its path (empty for the whole), and what it was and is."""

    field: str
    before: Any
    after: Any


def differences(before: Any, after: Any, *, field: str = "") -> Iterator[Difference]:
    """List what differs, in the order of the later document, then what only the earlier one has."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*after, *(name for name in before if name not in after)]:
            path = f"{field}.{name}" if field else name
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), field=path)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from differences(_at(before, place), _at(after, place), field=f"{field}[{place}]")
    elif not _same(before, after):
        yield Difference(field, before, after)


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else ABSENT


def _same(before: Any, after: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1 is 1.0."""
    return before is after or (before == after and isinstance(before, bool) == isinstance(after, bool))
