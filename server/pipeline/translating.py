"""Nothing is published that some readers of the programme could not read: the check, and the words of the refusal."""

from __future__ import annotations

from server.decision.reading import Wrong
from server.decision.spoken import Unspoken, unspoken
from server.errors import FieldError, Invalid
from server.model.context import Programme
from server.model.offer import MomentSpec


class Untranslated(Invalid):
    """The offer has no words in a language of the programme."""

    code, title = "untranslated", "Untranslated"


def check_spoken(moment: MomentSpec, programme: Programme) -> None:
    """Refuse to let live what lacks words; raises Untranslated with every locale, and what its readers would read."""
    missing = unspoken(moment, programme)
    if missing:
        named, fallback = ", ".join(map(str, missing)), moment.fallback_locale
        raise Untranslated(
            f"There are no words for {named}: these customers would not read what is meant for them (the fallback is "
            f"{fallback}). Write them, or change programme.locales and programme.formalities.",
            errors=[FieldError(*each) for each in untranslated(moment, programme)],
            extra={"missing": [each._asdict() for each in missing], "fallback_locale": fallback},
        )


def untranslated(moment: MomentSpec, programme: Programme) -> list[Wrong]:
    """Tell beforehand what would not be let live: each locale that lacks words, with what is wrong."""
    return [Wrong(f"moment.content.{each.locale}", _lack(each)) for each in unspoken(moment, programme)]


def _lack(missing: Unspoken) -> str:
    if missing.formality is None:
        return "has no words, and no other locale of its language has any"
    return f"has no words for customers who are addressed as {missing.formality}"
