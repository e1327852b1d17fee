"""Which of the programme's languages an offer has words in: what a reader cannot read is not published.

Rule 1: a locale is spoken where anything is in its language: who reads de-AT reads what is written for de-DE.
Rule 2: du and Sie are two ways to speak: a German content of one formality alone does not speak to who wants the other.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from server.decision import formats
from server.model.context import Programme
from server.model.offer import MomentSpec


class Unspoken(NamedTuple):
    """A locale of the programme that an offer has no words in, or not in this formality."""

    locale: str
    formality: Literal["du", "sie"] | None = None

    def __str__(self) -> str:
        """Write it as a sentence names it: `de-DE (sie)`."""
        return self.locale if self.formality is None else f"{self.locale} ({self.formality})"


def unspoken(moment: MomentSpec, programme: Programme) -> tuple[Unspoken, ...]:
    """List what is missing of the programme's locales, in their order; nothing where it names none."""
    missing = list[Unspoken]()
    for locale in programme.locales:
        language = formats.language_of(locale)
        mine = [content for content in moment.contents if formats.language_of(content.locale) == language]
        if not mine:
            missing.append(Unspoken(locale))
        elif formats.is_german(locale):
            ways = programme.formalities or (programme.formality,)
            said = {content.formality for content in mine}
            missing += [Unspoken(locale, way) for way in ways if not said & {way, None}]
    return tuple(missing)
