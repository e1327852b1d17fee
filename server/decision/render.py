"""The words of a moment: which locale and formality, and what stands for the placeholders.

Rule 1: a value is put in once and never read as a template again.
Rule 2: what a customer wrote about themselves is a text of one line, shortened; the whole is shortened after that.
Rule 3: du and Sie never mix: a German content of the right formality wins over one of the exact locale.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeGuard

from server.decision import formats, plurals
from server.decision.reading import read_date
from server.decision.templates import fill
from server.decision.wall import zone_named
from server.model.context import Programme
from server.model.customer import Customer
from server.model.offer import Content, Offer, Reward
from server.model.pass_ import Benefit
from server.model.place import Place
from server.model.weather import Weather

TITLE, BODY = 120, 500
"""Characters of the words told: with four bytes each, and all else that a push says, within the 4,096 bytes of APNs."""
VALUE = 100
"""Characters that one value may fill."""

_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of what follows: in a name they would turn the sentence around it."""

_BREAKS = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's categories of control characters and of breaks between lines and paragraphs."""


class Words(NamedTuple):
    """What the customer reads, in which locale."""

    title: str
    body: str
    image_url: str | None
    locale: str


def render(
    offer: Offer,
    *,
    customer: Customer,
    place: Place | None,
    weather: Weather | None,
    until: datetime | None,
    programme: Programme,
    now: datetime | None = None,
    content: Content | None = None,
) -> Words:
    """Put an offer's moment into words for a customer, by the content that is theirs unless another one is given.

    `until` is when the reward ends. With `now` a reward that ends today is told by the time alone, and weather that is
    older than the programme trusts is not told.
    """
    content = content or choose_content(offer, customer=customer, programme=programme)
    locale = content.locale
    values = {f"customer.{name}": _say(value, locale) for name, value in customer.attributes.items()}
    counts: dict[str, float] = {
        f"customer.{name}": value for name, value in customer.attributes.items() if _counts(value)
    }
    values["offer.name"] = offer.name
    if place is not None:
        values |= {"place.name": place.name, "place.address": place.address or ""}
    if offer.reward is not None:
        values["reward.value"] = say_value(offer.reward, locale)
        values["reward.uses"] = formats.say_number(offer.reward.uses, locale)
        counts["reward.uses"] = offer.reward.uses
    if until is not None:
        zones = (place.zone if place else None, customer.zone, programme.zone)
        values["reward.until"] = say_until(until, zones, locale, now)
    if weather is not None and not _is_stale(weather, now, programme):
        sky = weather.now
        values["weather.kind"] = formats.say_sky(sky.kind, locale) if sky.kind else ""
        if sky.temperature_c is not None:
            values["weather.temperature_c"] = formats.say_number(sky.temperature_c, locale, digits=1)
            counts["weather.temperature_c"] = round(sky.temperature_c, 1)
    title, body = (cut(_fill(text, values, counts, locale), most) for text, most in _parts(content))
    return Words(title, body, content.image_url, locale)


def _parts(content: Content) -> tuple[tuple[str, int], tuple[str, int]]:
    """Give a content's templates with the characters that their words may have."""
    return (content.title, TITLE), (content.body, BODY)


def _fill(text: str, values: Mapping[str, str], counts: Mapping[str, float], locale: str) -> str:
    """Put values in, each on one line, and the words that go with the numbers among them."""

    def form_of(name: str) -> str | None:
        return plurals.category(counts[name], locale) if name in counts else None

    return fill(text, {name: one_line(value) for name, value in values.items()}, form_of)


def choose_content(offer: Offer, *, customer: Customer, programme: Programme) -> Content:
    """Choose the content: the exact locale, then its language, then the locale to fall back on.

    Among German contents that of the customer's formality comes first (their attribute, else the programme's setting);
    one without a formality suits both.
    """
    formality = customer.attributes.get("formality")
    wanted = str(formality) if formality in ("du", "sie") else programme.formality
    asked = (customer.locale, offer.moment.fallback_locale)
    return nearest_content(offer.moment.contents, asked=asked, formality=wanted)


def nearest_content(contents: Sequence[Content], *, asked: Iterable[str | None], formality: str) -> Content:
    """Choose the content nearest to the first of the locales that anything is in; the first one where none is."""
    for locale in asked:
        language = formats.language_of(locale or "")
        near = [content for content in contents if formats.language_of(content.locale) == language]
        if locale and near:
            return min(near, key=lambda content: _distance(content, locale, formality))
    return contents[0]


def _distance(content: Content, asked: str, formality: str) -> tuple[bool, bool, bool, bool]:
    """Rank a content of the right language: formality, exact locale, a content of no country, formality said."""
    mixes = content.formality not in (None, formality)
    spelled = content.locale.replace("_", "-").lower()
    exact = spelled == asked.replace("_", "-").lower()
    return mixes, not exact, "-" in spelled, content.formality is None


def _say(value: str | int | float | bool, locale: str) -> str:
    """Write an attribute's value the way its reader would."""
    if isinstance(value, bool):
        return formats.say_truth(value, locale)
    if isinstance(value, int | float):
        return formats.say_number(value, locale)
    day = read_date(value)
    return value if day is None else formats.say_day(datetime(day.year, day.month, day.day), locale, year=True)  # noqa: DTZ001 - a calendar day has no zone


def _counts(value: str | int | float | bool) -> TypeGuard[int | float]:
    """Tell whether an attribute is a number that a plural can go by."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def say_value(reward: Reward | Benefit, locale: str) -> str:
    """Write what a reward is worth: per cent, points or money."""
    if reward.percent is not None:
        return formats.say_percent(reward.percent, locale)
    if reward.points is not None:
        return formats.say_number(reward.points, locale)
    return formats.say_money(reward.value, locale) if reward.value is not None else ""


def say_until(until: datetime, zones: tuple[str | None, ...], locale: str, now: datetime | None) -> str:
    """Write when it ends, on the wall clock of the first zone that is known: the time, with the day if not today.

    An end at midnight is told as 24:00 of the day before, since "until 4 May" would be read as including that day.
    """
    zone = next((found for name in zones if name and (found := zone_named(name))), None)
    local = until.astimezone(zone) if zone else until
    today = now.astimezone(zone) if now and zone else now
    if local.hour == local.minute == 0:
        local -= timedelta(days=1)
        clock = "midnight" if formats.language_of(locale) == "en" else "24:00"
    else:
        clock = formats.say_clock(local, locale)
    if today is not None and local.date() == today.date():
        return clock
    return f"{formats.say_day(local, locale, year=today is None or local.year != today.year)}, {clock}"


def _is_stale(weather: Weather, now: datetime | None, programme: Programme) -> bool:
    return now is not None and abs(now - weather.now.at) > timedelta(seconds=programme.weather_max_age_s)


def one_line(value: str) -> str:
    """Make one line of a value: no control characters, no marks of direction, at most VALUE characters."""
    sorts = ((each, unicodedata.category(each)) for each in _BIDI.sub("", value))
    text = "".join(" " if sort in _BREAKS else each for each, sort in sorts if sort != "Cs")
    return cut(re.sub(" +", " ", text).strip(), VALUE)


def cut(text: str, most: int) -> str:
    """Shorten a text to a length, saying so by an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
