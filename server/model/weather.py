"""The sky over one place: what was observed, and what is forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Kind = Literal["clear", "clouds", "fog", "drizzle", "rain", "sleet", "snow", "hail", "thunderstorm", "wind"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
"""The kinds of weather that documents may name."""


@dataclass(frozen=True, slots=True)
class Sky:
    """One reading; a quantity that was not given is None, which conditions answer with "unknown"."""

    at: datetime
    kind: Kind | None = None
    temperature_c: float | None = None
    apparent_c: float | None = None
    precipitation_mm: float | None = None
    wind_mps: float | None = None
    humidity: float | None = None
    uv: float | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """The observation now (`now.at` is when it was observed) and the forecast, earliest first."""

    now: Sky
    ahead: tuple[Sky, ...] = ()
