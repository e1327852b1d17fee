"""`weather`: the sky over the place, as it was observed, or as it is forecast for the next hours.

Rule 1: an observation strictly older than its `max_age` is unknown, and so is one from as long after the instant.
Rule 2: `ahead` asks the forecast alone: one entry in (at, at + ahead] must meet all that is asked for.
Rule 3: a quantity that was not given is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
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
    asks: tuple[tuple[Callable[[Sky], float | None], Callable[[float, float], bool], float], ...] = field(
        default=(), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Put the sentence together once, since it is on every receipt, and make the comparisons ready: all of numbers."""
        object.__setattr__(self, "said", self._say())
        asks = [(attrgetter(n), order, each) for n, bound in self.quantities.items() for order, each, *_ in bound.asks]
        object.__setattr__(self, "asks", tuple(asks))

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
        age_s = (scene.at - weather.now.at).total_seconds()
        oldest_s = scene.programme.weather_max_age_s if self.max_age is None else self.max_age.total_seconds()
        return self._meets(weather.now) if -oldest_s <= age_s <= oldest_s else UNKNOWN

    def check(self, scene: Scene) -> Finding:
        """Say what was looked at."""
        weather = scene.weather
        if weather is None:
            return Finding(self.gate, UNKNOWN, "The weather is not known.")
        return self._check_now(weather, scene) if self.ahead is None else self._check_ahead(weather, scene)

    def _check_now(self, weather: Weather, scene: Scene) -> Finding:
        """Compare the observation, if it is of about this time."""
        sky = weather.now
        oldest = self.max_age or timedelta(seconds=scene.programme.weather_max_age_s)
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
        for read, order, bound in self.asks:
            value = read(sky)
            if value is None:
                whole = UNKNOWN
            elif not order(value, bound):
                return FAILS
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
