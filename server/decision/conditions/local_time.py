"""`local_time`: the wall clock, the day of the week, opening hours and holidays.

Rule 1: the instant is converted to wall time each time, so a repeated hour matches twice and a missing one never.
Rule 2: windows are half-open; over midnight the day on which they open is the one that counts, also for holidays.
Rule 3: no zone, no hours, no country: unknown, where they are needed for the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal, NamedTuple

from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.holidays import holiday_on
from server.decision.kleene import all_of, truth_of
from server.decision.reading import Node
from server.decision.wall import clock_of, is_open, opening_day, wall_of
from server.model.place import DAYS, Place

NAME = "local_time"

Holidays = Literal["skip", "only", "ignore"]
_DAY = timedelta(days=1)
_DAY_US = 24 * 60 * 60 * 1_000_000
_HOLIDAYS: tuple[Holidays, ...] = ("skip", "only", "ignore")


class _Part(NamedTuple):
    """One of the questions that were asked, and its answer."""

    truth: Truth
    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A window [start, end) on some days in a zone; `end` None is 24:00."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.LOCAL_TIME

    tz: str = "place"
    days: frozenset[str] = frozenset(DAYS)
    start: time = time.min
    end: time | None = None
    place_open: bool = False
    holidays: Holidays = "ignore"
    window: str = field(default="", init=False, repr=False, compare=False)
    opens: tuple[bool, ...] = field(default=(), init=False, repr=False, compare=False)
    edges: tuple[int, int] = field(default=(0, 0), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Write the window once, since it is on every receipt, and make ready what every decision compares.

        `opens` marks the weekdays (Monday first); the `edges` are in microseconds, the later one of the next day where
        the window crosses midnight.
        """
        end = f"{self.end:%H:%M}" if self.end else "24:00"
        object.__setattr__(self, "window", f"{self.start:%H:%M}–{end}")
        object.__setattr__(self, "opens", tuple(day in self.days for day in DAYS))
        start, close = clock_of(self.start), clock_of(self.end) if self.end else _DAY_US
        object.__setattr__(self, "edges", (start, close if start < close else close + _DAY_US))

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read the window; a missing `from` is 00:00, a missing `to` 24:00."""
        before = len(node.errors)
        keys = ("tz", "days", "from", "to", "place_open", "holidays")
        if not node.object(*keys):
            return None
        if not any(node.child(key).given for key in keys[1:]):
            node.wrong(f"must ask for one of {', '.join(keys[1:])}")
        tz = node.child("tz").zone("place")
        days = node.child("days").choices(DAYS) if node.child("days").given else frozenset(DAYS)
        unread = len(node.errors)
        start = node.child("from").clock(time.min) or time.min
        end = node.child("to").clock(None, end=True)
        if end == start and len(node.errors) == unread:
            node.child("from").wrong("the window is empty: from and to are the same; a whole day is 00:00 to 24:00")
        asked = node.child("place_open")
        if asked.given and asked.value is not True:
            asked.wrong("must be true; put not around it to ask for closed stores")
        holidays = node.child("holidays").choice("ignore", _HOLIDAYS)
        if len(node.errors) > before:
            return None
        return cls(tz, days, start, end, asked.given, holidays)

    def truth(self, scene: Scene) -> Truth:
        """Compare the wall clock of the scene's instant; what is asked first is what most often says no."""
        truth, wall = HOLDS, scene.walls.get(self.tz) or wall_of(self.tz, scene)
        if wall is None:
            truth = UNKNOWN
        else:
            start, end = self.edges
            back = 0 if wall.clock >= start else 1  # the window that could hold it opened today or the day before
            if wall.clock + back * _DAY_US >= end or not self.opens[wall.weekday - back]:
                return FAILS
            if self.holidays != "ignore":
                truth = self._ask_holiday(wall.local.date() - back * _DAY, scene.place)
        if not self.place_open or truth is FAILS:
            return truth
        opened = _ask_open(scene)
        return opened if truth is HOLDS or opened is FAILS else truth

    def _ask_holiday(self, day: date, place: Place | None) -> Truth:
        found = holiday_on(day, country=place.country, region=place.region) if place else None
        return UNKNOWN if found is None else truth_of(found[0] == (self.holidays == "only"))

    def check(self, scene: Scene) -> Finding:
        """Say what the wall clock shows."""
        wall = wall_of(self.tz, scene)
        values: dict[str, Any] = {}
        if wall is None:
            parts = [_Part(UNKNOWN, "The time zone is not known.")]
        else:
            values = {"local_time": wall.text, "zone": str(wall.local.tzinfo)}
            parts = self._check_window(wall.local, scene.place)
        if self.place_open:
            parts.append(_check_open(scene))
        truth = all_of(part.truth for part in parts)
        reasons = [part.reason for part in parts if part.truth is truth]
        return Finding(self.gate, truth, " ".join(reasons), values)

    def _check_window(self, local: datetime, place: Place | None) -> list[_Part]:
        """Compare the time, the day on which the window opened, and whether that day is a holiday."""
        opened = opening_day(local, self.start, self.end)
        clock = f"{local.hour:02}:{local.minute:02}"
        if opened is None:
            return [_Part(FAILS, f"{clock} is not within {self.window}.")]
        parts = [_Part(HOLDS, f"{clock} is within {self.window}.")]
        if DAYS[opened.weekday()] not in self.days:
            parts.append(_Part(FAILS, f"The window does not open on a {opened:%A}."))
        if self.holidays != "ignore":
            parts.append(self._check_holiday(opened, place))
        return parts

    def _check_holiday(self, day: date, place: Place | None) -> _Part:
        """Ask the calendar of the place's country and region."""
        found = holiday_on(day, country=place.country, region=place.region) if place else None
        if found is None:
            return _Part(UNKNOWN, "The holidays of the place are not known.")
        holiday, name = found
        said = f"{day} is {f'a holiday ({name})' if holiday else 'no holiday'}."
        return _Part(truth_of(holiday == (self.holidays == "only")), said)

    def sentence(self) -> str:
        """Say the condition in words."""
        words = [f"{self.window} ({self.tz})"]
        if len(self.days) < len(DAYS):
            words.append(", ".join(day for day in DAYS if day in self.days))
        if self.place_open:
            words.append("while the store is open")
        if self.holidays != "ignore":
            words.append("not on holidays" if self.holidays == "skip" else "on holidays only")
        return ", ".join(words)


def _ask_open(scene: Scene) -> Truth:
    """Ask the opening hours of the place, on its own wall clock."""
    place, wall = scene.place, wall_of("place", scene)
    if place is None or place.hours is None or wall is None:
        return UNKNOWN
    return truth_of(is_open(place.hours, wall.local))


def _check_open(scene: Scene) -> _Part:
    """Say whether the place is open."""
    truth = _ask_open(scene)
    if truth is UNKNOWN or scene.place is None:
        return _Part(truth, "The opening hours are not known.")
    return _Part(truth, f"{scene.place.name} is {'open' if truth is HOLDS else 'closed'}.")
