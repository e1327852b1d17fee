"""Which language a reader of our pages wants, and how the pages speak it: a small dictionary of German and English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from aiohttp import web

Language = Literal["de", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("de", "en")
LANGUAGE_COOKIE: Final = "language"
_WORDS: Final = Path(__file__).with_name("words")

_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,35})?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_RANGES: Final = 20
"""More than any browser sends."""


def language_of(accepted: str | None) -> Language:
    """Choose by an Accept-Language header (RFC 9110 §12.5.4): the language of the highest weight, English otherwise."""
    best: tuple[float, Language] = (0.0, "en")
    for part in (accepted or "").split(",")[:_RANGES]:
        found = _RANGE.fullmatch(part)
        if found is None:
            continue
        weight = float(found[2] or 1)
        name = found[1].lower()
        if name == "de" and weight > best[0]:
            best = weight, "de"
        elif name in ("en", "*") and weight > best[0]:
            best = weight, "en"
    return best[1]


def language_for(request: web.Request) -> Language:
    """Give the language that was chosen on a page, else the one that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return next((each for each in LANGUAGES if each == chosen), None) or language_of(
        request.headers.get("Accept-Language")
    )


@cache
def catalogue(name: str) -> Mapping[Language, Mapping[str, str]]:
    """Read a page's dictionary, `words/NAME.toml`: a table for each language, with the same keys and gaps in both."""
    tables = tomllib.loads((_WORDS / f"{name}.toml").read_text("utf-8"))
    return {language: tables[language] for language in LANGUAGES}


def say_count(count: int, language: Language) -> str:
    """Write a whole number in groups of three: `1.234` in German, `1,234` in English."""
    text = f"{count:,}"
    return text.replace(",", ".") if language == "de" else text


def say_share(part: int, whole: int, language: Language) -> str:
    """Write a share in percent with one decimal; a dash where there is no whole."""
    if whole <= 0:
        return "–"
    tenths = (2000 * part + whole) // (2 * whole)  # halves up, as people round
    text = f"{tenths // 10}.{tenths % 10}"
    return f"{text.replace('.', ',')}\u00a0%" if language == "de" else f"{text}%"


def say_signed(value: float, language: Language, *, digits: int) -> str:
    """Write a difference with its sign and so many decimals; what rounds to nothing has none."""
    text = f"{abs(value):,.{digits}f}"
    sign = "" if not float(text.replace(",", "")) else "+" if value > 0 else "\u2212"
    return sign + (text.translate(str.maketrans(",.", ".,")) if language == "de" else text)
