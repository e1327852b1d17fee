"""Numbers, money, dates and times as the readers of a locale write them: by the CLDR, through Babel.

Rule 1: a locale that the CLDR does not know counts as its language, and a language that it does not know as English.
Rule 2: how many digits a currency's minor unit has is ISO 4217's word: amounts are kept by it. The CLDR says the rest.
Rule 3: nothing here fails or forgets: a locale's data is read from its file once, when a document that names it is read.
"""

from __future__ import annotations

import copy
import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import NumberPattern

from server.model.money import Money

_NONE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_SKIES = {
    "clear": "klar",
    "clouds": "wolkig",
    "fog": "Nebel",
    "drizzle": "Nieselregen",
    "rain": "Regen",
    "sleet": "Schneeregen",
    "snow": "Schnee",
    "hail": "Hagel",
    "thunderstorm": "Gewitter",
    "wind": "Wind",
}
_TRUTHS: Final = {
    **{"cs": ("ano", "ne"), "da": ("ja", "nej"), "de": ("ja", "nein"), "es": ("sí", "no"), "fr": ("oui", "non")},
    **{"it": ("sì", "no"), "nb": ("ja", "nei"), "nl": ("ja", "nee"), "pl": ("tak", "nie"), "pt": ("sim", "não")},
    **{"sv": ("ja", "nej"), "tr": ("evet", "hayır")},
}
"""Yes and no: Babel leaves the CLDR's `posix` messages out."""

WEATHER_IN: Final = frozenset({"de", "en"})
"""Languages that kinds of weather are told in."""

_SPACING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Between a currency's letters and its digits a space belongs (CLDR, currencySpacing), which Babel does not put."""


def is_german(locale: str) -> bool:
    """Whether readers of the locale read German."""
    return language_of(locale) == "de"


def language_of(locale: str) -> str:
    """Give the language of a locale: `de` of `de-DE` or `de_DE`."""
    return locale.replace("_", "-").partition("-")[0].lower()


def is_known(locale: str) -> bool:
    """Tell whether the CLDR knows the locale or its language, and read its data."""
    return cldr(locale).language == language_of(locale) or cldr(locale).language != "en"


@lru_cache(maxsize=256)
def cldr(locale: str) -> Locale:
    """Find the CLDR's locale: the exact one, that of its language, English."""
    for name in (locale.replace("-", "_"), language_of(locale)):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale("en")


def say_number(value: float, locale: str, *, digits: int = 6) -> str:
    """Write a number with at most that many decimals and no grouping: it may be a year or a size."""
    symbols = cldr(locale).number_symbols["latn"]
    return plain(value, digits=digits).replace(".", symbols["decimal"]).replace("-", symbols["minusSign"])


def plain(value: float, *, digits: int = 6) -> str:
    """Write a number as computers do, with the digits that its reader sees."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def say_money(money: Money, locale: str) -> str:
    """Write an amount: `2,50 €` in German (with a space that does not break), `€2.50` in English."""
    digits, found = minor_digits(money.currency), cldr(locale)
    pattern = _with_digits(found.currency_formats["standard"], (digits, digits))
    amount = Decimal(abs(money.minor)).scaleb(-digits)
    text = pattern.apply(amount, found, currency=money.currency, currency_digits=False)
    return ("-" if money.minor < 0 else "") + _SPACING.sub("\u00a0", text)


def minor_digits(currency: str) -> int:
    """Tell how many decimals a currency's minor unit has (ISO 4217)."""
    return 0 if currency in _NONE else 3 if currency in _THREE else 2


def say_percent(value: float, locale: str) -> str:
    """Write a share of a hundred: `20 %` in German, `20%` in English."""
    found = cldr(locale)
    pattern = _with_digits(found.percent_formats[None], (0, 2))
    return str(pattern.apply(Decimal(plain(value, digits=2)) / 100, found))


def _with_digits(pattern: NumberPattern, digits: tuple[int, int]) -> NumberPattern:
    """Give a pattern with other decimals: the CLDR's own are for everybody."""
    mine = copy.copy(pattern)
    mine.frac_prec = digits
    return mine


def say_day(local: datetime, locale: str, *, year: bool) -> str:
    """Write a date in words: `3. November 2026`, `November 3, 2026`, `3 novembre 2026`."""
    found = cldr(locale)
    return format_date(local, "long", locale=found) if year else format_skeleton("MMMMd", local, locale=found)


def say_clock(local: datetime, locale: str) -> str:
    """Write a time of day: `11:30`, where twelve hours are usual `11:30 AM`."""
    return format_time(local, "short", locale=cldr(locale))


def say_stamp(local: datetime, locale: str) -> str:
    """Write date and time as short as they are understood: `03.11.26, 11:30`, `11/3/26, 11:30 AM`."""
    return f"{format_date(local, 'short', locale=cldr(locale))}, {say_clock(local, locale)}"


def say_truth(value: bool, locale: str) -> str:
    """Write yes or no; in English where we know no better."""
    return _TRUTHS.get(language_of(locale), ("yes", "no"))[0 if value else 1]


def say_sky(kind: str, locale: str) -> str:
    """Write a kind of weather in words, German or English."""
    return _SKIES.get(kind, kind) if is_german(locale) else kind
