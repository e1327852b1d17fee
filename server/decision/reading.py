"""Reading a document that somebody wrote: every mistake is found in one go, each with its JSON path.

A `Node` is one value of the document together with its path. Readers always give a value of the asked type: on a mistake
they note it and give the default, so that reading goes on. Who reads the whole looks at the notes at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar
from uuid import UUID

from server.decision.durations import read_duration, say_duration
from server.decision.finding import Condition
from server.decision.wall import zone_named
from server.model.context import Programme
from server.model.place import Place

MISSING: Final = object()
"""The value of a member that the document does not have; null is a value, and a wrong one."""

DEEPEST = 16
"""Conditions nest no deeper (the depth of JSON that the doors take); also bounds the recursion on imported files."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_T = TypeVar("_T", bound=str)


class Wrong(NamedTuple):
    """One wrong field: a JSON path such as `if.all[0].local_time.from`, and what is wrong with it."""

    field: str
    message: str


class WrongDocument(ValueError):
    """The document has mistakes: `errors` lists all of them."""

    def __init__(self, errors: Iterable[Wrong]) -> None:
        """Keep the mistakes, in the order of the document."""
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in self.errors))


@dataclass(frozen=True, slots=True)
class Known:
    """What documents may name: saved segments, places by their id (and fences by theirs), tags, the programme.

    `stored` marks documents that were checked when they were written: a place, tag or segment that was deleted since is
    no mistake of theirs, it is merely never met again.
    """

    programme: Programme
    segments: frozenset[str] = frozenset()
    places: Mapping[UUID, Place] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    stored: bool = False


class Kind(Protocol):
    """A kind of condition, as its file in the folder `conditions` defines it."""

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read the condition from what stands under its name; None where it is wrong (the node has noted why)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the document and its path; all nodes of a document share the lists of mistakes and warnings."""

    value: Any
    known: Known
    kinds: Mapping[str, type[Kind]]
    path: str = ""
    depth: int = 0
    errors: list[Wrong] = field(default_factory=list)
    warnings: list[Wrong] = field(default_factory=list)

    @property
    def given(self) -> bool:
        """Whether the document has this member."""
        return self.value is not MISSING

    def wrong(self, message: str) -> None:
        """Note a mistake here."""
        self.errors.append(Wrong(self.path or "document", message))

    def warn(self, message: str) -> None:
        """Note what is taken, yet may not do what its author hopes."""
        self.warnings.append(Wrong(self.path, message))

    def child(self, key: str) -> Self:
        """Give the member of that name; a missing one is a node too."""
        value = self.value.get(key, MISSING) if isinstance(self.value, dict | Mapping) else MISSING
        return self._at(value, f"{self.path}.{key}" if self.path else key)

    def members(self) -> list[tuple[str, Self]]:
        """Give all members of an object, named."""
        return [(key, self.child(key)) for key in self.value] if isinstance(self.value, Mapping) else []

    def each(self, *, least: int = 1, most: int = 100) -> list[Self]:
        """Give the elements of a list of `least` to `most`; none where it is not one."""
        if not self.given:
            return []
        if not isinstance(self.value, list):
            self.wrong("must be a list")
            return []
        if not least <= len(self.value) <= most:
            self.wrong(f"must have {least} to {most} elements")
        return [self._at(value, f"{self.path}[{at}]") for at, value in enumerate(self.value[:most])]

    def _at(self, value: Any, path: str) -> Self:
        # Spelled out: thousands of offers have a hundred nodes each, and `replace` takes five times as long.
        return type(self)(value, self.known, self.kinds, path, self.depth, self.errors, self.warnings)

    def object(self, *keys: str, need: tuple[str, ...] = ()) -> bool:
        """Tell whether this is an object; note members that are none of `keys` and those of `need` that it lacks."""
        if not self.given:
            return False
        if not isinstance(self.value, Mapping):
            self.wrong("must be an object")
            return False
        for key in self.value:
            if key not in keys:
                self.child(key).wrong(f"is not known here; known are {', '.join(keys)}")
        for key in need:
            self.child(key).required()
        return True

    def required(self) -> Self:
        """Note a mistake where the member is missing."""
        if not self.given:
            self.wrong("is required")
        return self

    def text(self, default: str = "", *, longest: int = 200, shape: str | None = None, hint: str = "") -> str:
        """Read a text of 1 to `longest` characters that matches the regular expression `shape`, which `hint` explains."""
        if not self.given:
            return default
        if not isinstance(self.value, str) or not self.value.strip():
            self.wrong("must be a text that is not empty")
        elif len(self.value) > longest:
            self.wrong(f"must have at most {longest} characters")
        elif shape is not None and re.fullmatch(shape, self.value) is None:
            self.wrong(hint)
        else:
            return self.value
        return default

    def choice(self, default: _T, options: Iterable[_T]) -> _T:
        """Read one of several words."""
        listed = sorted(options)
        if not self.given:
            return default
        for option in listed:
            if self.value == option:
                return option
        self.wrong(f"must be one of {', '.join(listed)}")
        return default

    def choices(self, options: Iterable[str]) -> frozenset[str]:
        """Read a list of distinct words out of several."""
        nodes = self.each()
        words = [node.choice("", options) for node in nodes]
        if len(set(words)) < len(words) and "" not in words:
            self.wrong("names something twice")
        return frozenset(words) - {""}

    def number(self, default: float = 0.0, *, low: float = -1e9, high: float = 1e9) -> float:
        """Read a finite number within [low, high]."""
        if not self.given:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            self.wrong("must be a number")
        elif not low <= self.value <= high:
            self.wrong(f"must be from {low:,g} to {high:,g}")
        else:
            return self.value
        return default

    def integer(self, default: int = 0, *, low: int, high: int) -> int:
        """Read a whole number within [low, high]; 5.0 is none."""
        if not self.given:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.wrong("must be a whole number")
        elif not low <= self.value <= high:
            self.wrong(f"must be from {low} to {high}")
        else:
            return self.value
        return default

    def duration(self, default: timedelta, *, low: timedelta, high: timedelta) -> timedelta:
        """Read an ISO 8601 duration within [low, high]."""
        if not self.given:
            return default
        length = read_duration(self.value) if isinstance(self.value, str) else None
        if length is None:
            self.wrong("must be an ISO 8601 duration in weeks, days, hours, minutes or seconds, such as PT2M")
        elif not low <= length <= high:
            self.wrong(f"must be from {say_duration(low)} to {say_duration(high)}")
        else:
            return length
        return default

    def clock(self, default: time | None, *, end: bool = False) -> time | None:
        """Read a wall-clock time `HH:MM`; as an `end` also `24:00`, which is given as None."""
        if not self.given or (end and self.value == "24:00"):
            return default if not self.given else None
        if isinstance(self.value, str) and _CLOCK.fullmatch(self.value):
            return time.fromisoformat(self.value)
        self.wrong(f"must be a time of day such as 07:00{', at most 24:00' if end else ', before 24:00'}")
        return default

    def day(self) -> date | None:
        """Read a calendar date `YYYY-MM-DD`."""
        if not self.given:
            return None
        found = read_date(self.value)
        if found is None:
            self.wrong("must be a date such as 2026-11-01")
        return found

    def instant(self) -> datetime | None:
        """Read an RFC 3339 instant; it must carry an offset."""
        try:
            found = datetime.fromisoformat(self.value) if isinstance(self.value, str) else None
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.wrong("must be an instant with an offset such as 2026-11-01T07:00:00+01:00")
            return None
        return found

    def zone(self, default: str) -> str:
        """Read `place`, `customer_home` or the name of an IANA zone."""
        name = self.text(default)
        if name in ("place", "customer_home") or zone_named(name) is not None:
            return name
        self.wrong("must be place, customer_home or an IANA zone such as Europe/Berlin")
        return default

    def condition(self) -> Condition | None:
        """Read a condition of any kind: an object with its name as the only member."""
        if not isinstance(self.value, Mapping) or len(self.value) != 1:
            self.wrong("must be an object with one condition; join several by all or any")
            return None
        if self.depth >= DEEPEST:
            self.wrong(f"conditions nest at most {DEEPEST} deep")
            return None
        [(name, member)] = self.members()
        if name not in self.kinds:
            member.wrong(f"is no condition; known are {', '.join(sorted(self.kinds))}")
        else:
            return self.kinds[name].parse(replace(member, depth=self.depth + 1))
        return None


def read_date(value: object) -> date | None:
    """Read a date `YYYY-MM-DD`; None where the value is none."""
    if not isinstance(value, str) or len(value) != len("YYYY-MM-DD") or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
