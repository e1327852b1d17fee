"""The `if` of an offer in words: a list of sentences, with what `any` and `not` hold listed inside of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from server.web.screens.phrases import Phrases

_ONCE: Final = {"gte": 1}
_RUN: Final = 3
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Line(NamedTuple):
    """A sentence, and those that stand inside of it."""

    text: str
    inside: tuple[Line, ...] = ()


def conditions(asked: object, of: Phrases) -> Iterator[Line]:
    """Say a condition; the members of an `all` at the root stand by themselves."""
    match asked:
        case {"all": list(members)}:
            for each in members:
                yield _line(each, of)
        case _:
            yield _line(asked, of)


def _line(asked: object, of: Phrases) -> Line:
    match asked:
        case {"all": list(members)}:
            return Line(of.say("cond_all"), tuple(_line(each, of) for each in members))
        case {"any": list(members)}:
            return Line(of.say("cond_any"), tuple(_line(each, of) for each in members))
        case {"not": member}:
            return Line(of.say("cond_not"), (_line(member, of),))
    if isinstance(asked, Mapping) and len(asked) == 1:
        [(kind, value)] = asked.items()
        if kind in _SAY:
            return Line(_SAY[kind](value, of))
    return Line(json.dumps(asked, ensure_ascii=False))


def _local_time(asked: Any, of: Phrases) -> str:
    words = []
    days = asked.get("days")
    if days:
        words.append(of.say("cond_days", days=_days(days, of)))
    if asked.get("from") or asked.get("to"):
        start, end = asked.get("from", "00:00"), asked.get("to", "24:00")
        words.append(of.say("cond_hours", **{"from": start, "to": end}))
    if asked.get("place_open"):
        words.append(of.say("cond_open"))
    if asked.get("holidays", "ignore") != "ignore":
        words.append(of.say(f"cond_holidays_{asked['holidays']}"))
    zone = asked.get("tz", "place")
    clock = "" if zone == "place" else f" {of.say('cond_clock', zone=of.zone(zone))}"
    return f"{', '.join(words)}{clock}"


def _days(days: Any, of: Phrases) -> str:
    """Name days, a run of three and more by its ends: `Mon–Fri`."""
    wanted = [place for place, each in enumerate(_DAYS) if each in days]
    said = [of.say(f"day_{_DAYS[place]}") for place in wanted]
    if len(wanted) >= _RUN and wanted[-1] - wanted[0] == len(wanted) - 1:
        return f"{said[0]}–{said[-1]}"
    return ", ".join(said)


def _weather(asked: Any, of: Phrases) -> str:
    kinds = asked.get("kind") or []
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [of.joined((of.say(f"kind_{each}") for each in kinds), "join_or")] if kinds else []
    words += [of.say(f"sky_{name}", asked=of.bounds(value)) for name, value in asked.items() if of.knows(f"sky_{name}")]
    if asked.get("max_age"):
        words.append(of.say("cond_max_age", age=of.length(asked["max_age"])))
    said = ", ".join(words)
    if asked.get("ahead"):
        return of.say("cond_ahead", ahead=of.length(asked["ahead"]), asked=said)
    return of.say("cond_weather", asked=said)


def _attribute(asked: Any, of: Phrases) -> str:
    return of.joined(of.say("cond_attribute", name=name, asked=of.bounds(bound)) for name, bound in asked.items())


def _event(asked: Any, of: Phrases) -> str:
    key = "cond_event_of" if asked.get("offer") else "cond_event"
    count = asked.get("count", _ONCE)
    times = of.say("cond_once") if count == _ONCE else of.say("cond_times", asked=of.bounds(count))
    event, within = of.event(asked["name"]), of.length(asked.get("within"))
    return of.say(key, name=event, offer=asked.get("offer"), asked=times, within=within)


def _rfm(asked: Any, of: Phrases) -> str:
    currency = asked.get("currency")
    words = []
    for name in ("recency_days", "frequency", "monetary_minor"):
        if name in asked:
            write = _money_in(currency, of) if name == "monetary_minor" and currency else None
            words.append(of.say(f"rfm_{name}", asked=of.bounds(asked[name], write)))
    return of.say("cond_rfm", within=of.length(asked.get("within", "P365D")), asked=of.joined(words))


def _money_in(currency: str, of: Phrases) -> Callable[[object], str]:
    return lambda minor: of.money({"minor": minor, "currency": currency})


def _segment(asked: Any, of: Phrases) -> str:
    return of.say("cond_segment", name=asked)


def _topic(asked: Any, of: Phrases) -> str:
    return of.say("cond_topic", name=asked)


def _place(asked: Any, of: Phrases) -> str:
    return of.say("cond_place", places=of.places(asked))


def _daylight(asked: Any, of: Phrases) -> str:
    return of.say("cond_day" if asked else "cond_night")


_SAY: Final[Mapping[str, Callable[[Any, Phrases], str]]] = {
    "local_time": _local_time,
    "weather": _weather,
    "attribute": _attribute,
    "event": _event,
    "rfm": _rfm,
    "segment": _segment,
    "topic": _topic,
    "place": _place,
    "daylight": _daylight,
}
"""Each kind of condition by the name that documents use for it."""
