"""The words on a pass: the offer's own, in the customer's language, with what the other languages say for the same.

Rule 1: words, look and terms follow the offer when it is edited. What was promised (type, value, uses, validity, where it
        is taken) is the pass's own and never touched here.
Rule 2: only what two versions say differently is changed, so that an edit of something else changes no pass.
Rule 3: a text that names the customer, or the weather of a moment that is over, is not put together again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from server.decision.formats import is_german, language_of
from server.decision.render import TITLE, cut, nearest_content, one_line, say_until, say_value
from server.decision.templates import fill
from server.model.look import EVERY, Dress, Look, Texts, look_from
from server.model.offer import Content
from server.model.pass_ import Benefit, Card, Line, Told
from server.wallet.words import words_for

_LABEL, _VALUE, _TERMS = 60, 600, 2_500
"""Characters of what templates become."""
_PERSONAL: Final = re.compile(r"\{\{\s*customer\.")
_PASSING: Final = re.compile(r"\{\{\s*(?:weather\.|reward\.uses)")
"""What will be otherwise tomorrow: a pass counts its uses itself."""


class Wording(NamedTuple):
    """What one version of an offer says of its passes."""

    name: str
    contents: tuple[Content, ...]
    look: Look
    fallback: str | None = None


class Subject(NamedTuple):
    """What the words are about: the reward as promised, until when, what was told, and when it was issued."""

    benefit: Benefit
    until: datetime | None
    told: Told
    at: datetime


class Words(NamedTuple):
    """The words as they stand; `title` None where it cannot be put together (Rule 3)."""

    title: str | None
    lines: tuple[Line, ...]
    terms: str | None
    others: Mapping[str, Mapping[str, str]]


class _Said(NamedTuple):
    """All words in one language."""

    title: str | None
    lines: tuple[Line, ...]
    terms: str | None


def wording_of(
    name: str, contents: Mapping[str, Any], wallet: Mapping[str, Any] | None, fallback: str | None = None
) -> Wording:
    """Read `moment.content`, `reward.wallet` and the locale to fall back on of a document that was checked when written."""
    found = []
    for locale, content in contents.items():
        for each in content if isinstance(content, list) else [content]:
            found.append(Content(locale, each["title"], each["body"], each.get("formality"), each.get("image_url")))
    return Wording(name, tuple(found), look_from(wallet), fallback)


def wording_from(document: Mapping[str, Any]) -> Wording:
    """Read a whole document."""
    wallet, moment = (document.get("reward") or {}).get("wallet"), document["moment"]
    return wording_of(document["name"], moment["content"], wallet, moment["fallback_locale"])


def is_personal(contents: Iterable[Content]) -> bool:
    """Tell whether a title names the customer, who is not on the pass."""
    return any(_PERSONAL.search(content.title) for content in contents)


def put(wording: Wording, subject: Subject, *, title: str | None = None) -> Words:
    """Put a version's words together for a pass; `title` is the one that it already has."""
    locale = subject.told.locale
    own = _say(wording, subject, locale)
    if title is not None:
        own = own._replace(title=title)
    others = {}
    spoken = {language_of(content.locale): content.locale for content in reversed(wording.contents)}
    for language in sorted(spoken.keys() - {language_of(locale)}):
        theirs = _say(wording, subject, spoken[language])
        pairs = {mine: other for mine, other in _pairs(own, theirs) if mine != other}
        if pairs:
            others[language] = pairs
    return Words(own.title, own.lines, own.terms, others)


def recard(card: Card, subject: Subject, before: Wording, after: Wording, *, version: int) -> Card | None:
    """Give the card as the offer's new version has it; None where the two versions say the same of this pass."""
    was, now = put(before, subject), put(after, subject)
    title = now.title if now.title is not None and now.title != was.title else card.title
    new = replace(
        card,
        title=title,
        offer=after.name if after.name != before.name else card.offer,
        dress=_redressed(card.dress, before.look.dress, after.look.dress),
        lines=now.lines if now.lines != was.lines else card.lines,
        terms=now.terms if now.terms != was.terms else card.terms,
        holder=card.holder if after.look.name else None,
        others=put(after, subject, title=title).others if (title, now) != (card.title, was) else card.others,
    )
    return None if new == card else replace(new, version=version)


def _redressed(dress: Dress, before: Dress, after: Dress) -> Dress:
    """Change what the versions differ in."""
    differing = {name: value for name in Dress.__slots__ if (value := getattr(after, name)) != getattr(before, name)}
    return replace(dress, **differing)


def _say(wording: Wording, subject: Subject, locale: str) -> _Said:
    """Say everything in the language of a locale."""
    told = subject.told
    values = _values(wording.name, subject, locale)
    title: str | None = None
    if is_personal(wording.contents) or not wording.contents:
        title = words_for(subject.benefit, german=is_german(locale))
    else:
        asked = (locale, wording.fallback)
        content = nearest_content(wording.contents, asked=asked, formality=told.formality or "")
        if not _PASSING.search(content.title):
            title = cut(fill(content.title, values), TITLE)
    lines = []
    for number, spec in enumerate(wording.look.lines, 1):
        label, value = (_text(each, locale, wording.fallback) for each in (spec.label, spec.value))
        line = Line(f"line{number}", spec.section, cut(fill(label, values), _LABEL), cut(fill(value, values), _VALUE))
        if line.label.strip() and line.value.strip():
            lines.append(line)
    terms = cut(fill(_text(wording.look.terms, locale, wording.fallback), values), _TERMS).strip()
    return _Said(title, tuple(lines), terms or None)


def _values(name: str, subject: Subject, locale: str) -> Mapping[str, str]:
    """Give what placeholders stand for."""
    told = subject.told
    values = {"offer.name": name, "reward.value": say_value(subject.benefit, locale)}
    values |= {"place.name": told.place or "", "place.address": told.address or ""}
    if subject.until is not None:
        values["reward.until"] = say_until(subject.until, (told.zone,), locale, subject.at)
    return {key: one_line(value) for key, value in values.items()}


def _text(texts: Texts, locale: str, fallback: str | None) -> str:
    """Choose a text: the exact locale's, its language's, the one for all, the one to fall back on."""
    if EVERY in texts:
        return texts[EVERY]
    for asked in (locale, fallback or ""):
        near = sorted(texts, key=lambda each: (each != asked, each))
        found = next((each for each in near if language_of(each) == language_of(asked)), None)
        if found is not None:
            return texts[found]
    return next(iter(texts.values()), "")


def _pairs(own: _Said, other: _Said) -> Iterable[tuple[str, str]]:
    """Give each text with what stands for it in another language."""
    if own.title and other.title:
        yield own.title, other.title
    theirs = {line.key: line for line in other.lines}
    for line in own.lines:
        if line.key in theirs:
            yield line.label, theirs[line.key].label
            yield line.value, theirs[line.key].value
    if own.terms and other.terms:
        yield own.terms, other.terms
