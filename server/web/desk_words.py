"""What a receipt or a dry run says, in the page's language, for the desk of those who write offers.

Rule 1: receipts are written once, in English. German stands beside in one table, `desk_words.toml`, sentence by sentence.
Rule 2: a sentence that nobody put into words is shown as it is written: better in the other language than not at all.
Rule 3: who is no admin reads no text of a customer's profile: a compared attribute may be somebody's name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from server.web.languages import Language

_TABLE: Final = tomllib.loads(Path(__file__).with_name("desk_words.toml").read_text("utf-8"))
_END: Final = re.compile(r"(?<=\.) ")
_WEEKDAYS: Final = {
    "Monday": "Montag",
    "Tuesday": "Dienstag",
    "Wednesday": "Mittwoch",
    "Thursday": "Donnerstag",
    "Friday": "Freitag",
    "Saturday": "Samstag",
    "Sunday": "Sonntag",
}


class Case(NamedTuple):
    """What a decision says, and how a page says it; without English the decision's own words stand."""

    says: re.Pattern[str]
    de: str
    en: str | None


CASES: Final = tuple(Case(re.compile(each["says"]), each["de"], each.get("en")) for each in _TABLE["case"])


def say(reason: str, language: Language) -> str:
    """Say a reason, of one sentence or several."""
    whole = _case(reason, language)
    return whole if whole is not None else " ".join(_each(_END.split(reason), language))


def _each(pieces: list[str], language: Language) -> Iterator[str]:
    """Say the shortest sentences that there are words for: a name may have a full stop, too."""
    start = 0
    while start < len(pieces):
        for end in range(start + 1, len(pieces) + 1):
            said = _case(" ".join(pieces[start:end]), language)
            if said is not None:
                break
        else:
            said, end = pieces[start], start + 1
        yield said
        start = end


def _case(reason: str, language: Language) -> str | None:
    for case in CASES:
        found = case.says.fullmatch(reason)
        if found is None:
            continue
        words = case.de if language == "de" else case.en
        return reason if words is None else words.format_map(_told(found.groupdict(), language))
    return None


def _told(gaps: Mapping[str, str], language: Language) -> dict[str, str]:
    told = dict(gaps)
    if "rest" in told:
        told["rest"] = say(told["rest"], language)
    for name in ("asked", "span", "event"):
        if name in told:
            told[name] = phrase(told[name], language)
    if language == "de":
        told["weekday"] = _WEEKDAYS.get(told.get("weekday", ""), "")
        if "day" in told:
            day = date.fromisoformat(told["day"])
            told["day"] = f"{day.day}.{day.month}.{day.year}"
    return told


def phrase(text: str, language: Language) -> str:
    """Say what a condition asks for, phrase by phrase; what people named themselves stays as it is."""
    words = _TABLE["phrases"][language]
    return _phrases(language).sub(lambda found: str(words[found[0]]), text)


@cache
def _phrases(language: Language) -> re.Pattern[str]:
    phrases = sorted(_TABLE["phrases"][language], key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, phrases))})(?![\w-])")


def without_profile(gate: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the texts of a customer's profile that were compared."""
    kept = _no_texts(values) if gate == "attribute" else dict(values)
    if isinstance(kept.get("compared"), Mapping):
        kept["compared"] = _no_texts(kept["compared"])
    return kept


def _no_texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, str)}
