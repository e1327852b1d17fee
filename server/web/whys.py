"""Why an offer came, and why it did not, in words for the customer it was about: German (du and Sie) and English.

Rule 1: the words stand in one table, `whys.toml`. Where no case fits what a receipt says, the gate's own sentence does.
Rule 2: no jargon, no position, no likelihood, no figure of the business: of the values only those in READABLE go out.
Rule 3: times are told on the clock of the customer's home, days as their language writes them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from string import Formatter
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import zone_named
from server.settings import ProgrammeSettings
from server.web.languages import Language, language_of

Formality = Literal["du", "sie"]

READABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "active": ("day", "from", "to"),
    "local_time": ("local_time",),
    "weather": ("kind", "temperature_c", "observed_at", "forecast_for"),
    "attribute": ("topic", "wanted"),
    "consent": ("topic",),
    "trigger": ("since", "due"),
    "quiet_hours": ("until", "held_until"),
    "cap": ("max", "shown", "period"),
}
"""By gate, the values that a customer may read."""


class Reader(NamedTuple):
    """For whom it is written: the language, how German addresses them, the zone of their clock."""

    language: Language
    formality: Formality
    zone: ZoneInfo


class Words(NamedTuple):
    """One sentence: German in both manners, and English."""

    du: str
    sie: str
    en: str

    def to(self, reader: Reader) -> str:
        """Pick the reader's."""
        return self.en if reader.language == "en" else self.sie if reader.formality == "sie" else self.du


class Case(NamedTuple):
    """What a receipt says, and its words."""

    says: re.Pattern[str]
    words: Words


def _words(entry: Mapping[str, str]) -> Words:
    return Words(entry["du"], entry.get("sie", entry["du"]), entry["en"])


_TABLE: Final = tomllib.loads(Path(__file__).with_name("whys.toml").read_text("utf-8"))
CASES: Final = tuple(Case(re.compile(each["says"]), _words(each)) for each in _TABLE["case"])
GATES: Final = {
    gate: {truth: _words(words) for truth, words in truths.items()} for gate, truths in _TABLE["gate"].items()
}

_SENTENCE: Final = re.compile(r"(?<=\.) (?=[A-Z0-9])")

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TAGE: Final = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_KINDS: Final = {
    "clear": ("klar", "clear"),
    "clouds": ("bewölkt", "cloudy"),
    "fog": ("neblig", "foggy"),
    "drizzle": ("Nieselregen", "drizzle"),
    "rain": ("Regen", "rain"),
    "sleet": ("Schneeregen", "sleet"),
    "snow": ("Schnee", "snow"),
    "hail": ("Hagel", "hail"),
    "thunderstorm": ("Gewitter", "a thunderstorm"),
    "wind": ("windig", "windy"),
}
_PERIODS: Final = {
    "day": ("heute", "today"),
    "week": ("in dieser Woche", "this week"),
    "month": ("in diesem Monat", "this month"),
}


def reader_of(
    locale: str | None,
    attributes: Mapping[str, Any],
    *,
    zone: str | None,
    accepted: str | None,
    programme: ProgrammeSettings,
) -> Reader:
    """Say for whom to write: by the profile's locale, else the phone's languages; by attribute, else the setting."""
    known = (locale or "").lower()[:2]
    language = language_of(known if known in ("de", "en") else accepted)
    said = attributes.get("formality")
    clock = (zone_named(zone) if zone else None) or zone_named(programme.time_zone) or ZoneInfo("UTC")
    return Reader(language, said if said in ("du", "sie") else programme.formality, clock)


def why(gate: str | None, truth: str, reason: str, values: Mapping[str, Any], reader: Reader) -> str:
    """Say a receipt's reason in the reader's words; `gate` is None where nothing stopped the offer.

    A receipt may hold several sentences (a condition with several parts); where one has no words, the gate's own speak.
    """
    whole = _case(reason, values, reader)
    said = [whole] if whole is not None else [_case(each, values, reader) for each in _SENTENCE.split(reason)]
    if None not in said:
        return " ".join(dict.fromkeys(each for each in said if each is not None))
    return GATES[gate or "arbitration"]["unknown" if truth == "unknown" else "fails"].to(reader)


def _case(reason: str, values: Mapping[str, Any], reader: Reader) -> str | None:
    """Find the words of one sentence, if what they need is there."""
    for case in CASES:
        found = case.says.fullmatch(reason)
        if found is not None:
            told = _told({**values, **found.groupdict()}, reader)
            words = case.words.to(reader)
            if all(name in told for _, name, _, _ in Formatter().parse(words) if name):
                return words.format_map(told)
    return None


def readable(gate: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the values that a customer may read."""
    return {name: values[name] for name in READABLE.get(gate or "", ()) if values.get(name) is not None}


def _told(values: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    """Write values as they stand in a sentence."""
    german = reader.language == "de"
    told = {name: text for name, text in values.items() if isinstance(text, str)}
    for name in ("from", "to", "day"):
        if name in told:
            told[name] = _date(told[name], german=german)
    if "held_until" in told:
        told["held_until"] = f"{datetime.fromisoformat(told['held_until']).astimezone(reader.zone):%H:%M}"
    if told.get("weekday") in _WEEKDAYS and german:
        told["weekday"] = _TAGE[_WEEKDAYS.index(told["weekday"])]
    if "period" in told:
        told["period"] = _period(told["period"], german=german)
    if "shown" in values:
        told["times"] = _times(int(values["shown"]), german=german)
    told["weather"] = _weather(values, german=german)
    return told


def _date(text: str, *, german: bool) -> str:
    day = date.fromisoformat(text)
    return f"{day.day}.{day.month}.{day.year}" if german else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _period(text: str, *, german: bool) -> str:
    """Say a cap's period: a calendar's word, or a length in seconds."""
    if text in _PERIODS:
        return _PERIODS[text][0 if german else 1]
    hours = round(int(text.strip("PTS")) / 3600)
    if hours % 24 == 0 and hours > 24:
        return f"in den letzten {hours // 24} Tagen" if german else f"in the last {hours // 24} days"
    return f"in den letzten {max(hours, 1)} Stunden" if german else f"in the last {max(hours, 1)} hours"


def _times(count: int, *, german: bool) -> str:
    if german:
        return "einmal" if count == 1 else f"{count}-mal"
    return "once" if count == 1 else f"{count} times"


def _weather(values: Mapping[str, Any], *, german: bool) -> str:
    """Say what the weather was, as far as it was looked at: " (Regen, 6 °C)"."""
    kind, warmth = values.get("kind"), values.get("temperature_c")
    said = [_KINDS[kind][0 if german else 1]] if kind in _KINDS else []
    if isinstance(warmth, int | float):
        said.append(f"{warmth:.0f} °C".replace("-", "−"))
    return f" ({', '.join(said)})" if said else ""
