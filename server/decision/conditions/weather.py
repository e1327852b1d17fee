"""`weather`: the sky over the place, as it was observed, or as it is forecast for the next hours.

Rule 1: an observation strictly older than its `max_age` is unknown, and so is one from as long after the instant.
Rule 2: `ahead` asks the forecast alone: one entry in (at, at + ahead] must meet all that is asked for.
Rule 3: a quantity that was not given is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, get_args

from server.decision.compare import Compare, parse_numbers
from server.decision.durations import say_duration
from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.kleene import any_of
from server.decision.reading import Node
from server.decision.wall import utc_text
from server.model.weather import Kind, Sky, Weather

NAME = "weather"

QUANTITIES = ("temperature_c", "apparent_c", "precipitation_mm", "wind_mps", "humidity", "uv")
_SHORTEST = timedelta(minutes=1)
_OLDEST = timedelta(days=1)
_FARTHEST = timedelta(days=7)
"""Providers forecast a week by the hour; beyond it there is nothing to ask."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the sky must be: one of the kinds (empty: any), and quantities within bounds."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.WEATHER

    kinds: frozenset[str] = frozenset()
    quantities: Mapping[str, Compare] = field(default_factory=dict)
    max_age: timedelta | None = None
    ahead: timedelta | None = None
    said: str = field(default="", init=False, repr=False, compare=False)
    asks: tuple[tuple[str, Callable[[object], Truth]], ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the sentence together once, since it is on every receipt, and look the comparisons up."""
        object.__setattr__(self, "said", self._say())
        object.__setattr__(self, "asks", tuple((name, bound.check) for name, bound in self.quantities.items()))

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read kinds, bounds and either `max_age` or `ahead`."""
        before = len(node.errors)
        if not node.object("kind", *QUANTITIES, "max_age", "ahead"):
            return None
        kind, age, ahead = node.child("kind"), node.child("max_age"), node.child("ahead")
        single = isinstance(kind.value, str)
        kinds = frozenset({kind.choice("", get_args(Kind))}) if single else kind.choices(get_args(Kind))
        bounds = {name: parse_numbers(member) for name in QUANTITIES if (member := node.child(name)).given}
        if not kind.given and not bounds:
            node.wrong(f"must ask for kind or one of {', '.join(QUANTITIES)}")
        if age.given and ahead.given:
            age.wrong("is about the observation; with ahead the forecast alone counts")
        max_age = age.duration(_OLDEST, low=_SHORTEST, high=_OLDEST) if age.given else None
        reach = ahead.duration(_SHORTEST, low=_SHORTEST, high=_FARTHEST) if ahead.given else None
        if len(node.errors) > before:
            return None
        return cls(kinds, {name: bound for name, bound in bounds.items() if bound is not None}, max_age, reach)

    def truth(self, scene: Scene) -> Truth:
        """Look at the observation or the forecast of the scene's place."""
        weather = scene.weather
        if weather is None:
            return UNKNOWN
        if self.ahead is not None:
            at, until = scene.at, scene.at + self.ahead
            truths = [self._meets(sky) for sky in weather.ahead if at < sky.at <= until]
            return any_of(truths) if truths else UNKNOWN
        if abs((scene.at - weather.now.at).total_seconds()) > self._oldest_s(scene):
            return UNKNOWN
        return self._meets(weather.now)

    def check(self, scene: Scene) -> Finding:
        """Say what was looked at."""
        weather = scene.weather
        if weather is None:
            return Finding(self.gate, UNKNOWN, "The weather is not known.")
        return self._check_now(weather, scene) if self.ahead is None else self._check_ahead(weather, scene)

    def _oldest_s(self, scene: Scene) -> float:
        """Give how far (s) from the instant an observation may lie."""
        return self.max_age.total_seconds() if self.max_age is not None else scene.programme.weather_max_age_s

    def _check_now(self, weather: Weather, scene: Scene) -> Finding:
        """Compare the observation, if it is of about this time."""
        sky = weather.now
        oldest = timedelta(seconds=self._oldest_s(scene))
        values = {"observed_at": utc_text(sky.at), **self._seen(sky)}
        if abs(scene.at - sky.at) > oldest:
            reason = f"The observation is not within {say_duration(oldest)} of the moment."
            return Finding(self.gate, UNKNOWN, reason, values)
        truth = self._meets(sky)
        return Finding(self.gate, truth, _REASONS[truth].format("weather", self.said), values)

    def _check_ahead(self, weather: Weather, scene: Scene) -> Finding:
        """Look for one forecast entry in (at, at + ahead] that meets all that is asked for."""
        until = scene.at + (self.ahead or timedelta())
        entries = [sky for sky in weather.ahead if scene.at < sky.at <= until]
        values: dict[str, Any] = {"until": utc_text(until), "entries": len(entries)}
        if not entries:
            return Finding(self.gate, UNKNOWN, "There is no forecast for that time.", values)
        truths = [self._meets(sky) for sky in entries]
        truth = any_of(truths)
        sky = entries[truths.index(truth)]
        values |= {"forecast_for": utc_text(sky.at), **self._seen(sky)}
        return Finding(self.gate, truth, _REASONS[truth].format("forecast", self.said), values)

    def _meets(self, sky: Sky) -> Truth:
        """Compare one reading with all that is asked for."""
        whole = HOLDS
        if self.kinds and sky.kind not in self.kinds:
            if sky.kind is not None:
                return FAILS
            whole = UNKNOWN
        for name, check in self.asks:
            value = getattr(sky, name)
            truth = UNKNOWN if value is None else check(value)
            if truth is FAILS:
                return FAILS
            if truth is UNKNOWN:
                whole = UNKNOWN
        return whole

    def _seen(self, sky: Sky) -> dict[str, Any]:
        """Pick what was compared."""
        names = (*(("kind",) if self.kinds else ()), *self.quantities)
        return {name: getattr(sky, name) for name in names}

    def sentence(self) -> str:
        """Say the condition in words."""
        return self.said

    def _say(self) -> str:
        words = [f"{name} {bound.sentence()}" for name, bound in self.quantities.items()]
        if self.kinds:
            words.insert(0, " or ".join(sorted(self.kinds)))
        when = f" within the next {say_duration(self.ahead)}" if self.ahead else ""
        return f"weather: {', '.join(words)}{when}"


_REASONS = {
    HOLDS: "The {0} is as asked ({1}).",
    FAILS: "The {0} is not as asked ({1}).",
    UNKNOWN: "The {0} does not tell all that is asked ({1}).",
}
