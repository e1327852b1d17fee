"""Numbers, money, dates and times as German and English readers write them; other languages read the English way.

Sources: CLDR 48, de and en (numbers, currencies, gregorian calendar); ISO 4217 for the digits of minor units.
"""

from __future__ import annotations

from datetime import datetime

from server.model.money import Money

_NONE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
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


def is_german(locale: str) -> bool:
    """Whether readers of the locale read German."""
    return language_of(locale) == "de"


def language_of(locale: str) -> str:
    """Give the language of a locale: `de` of `de-DE` or `de_DE`."""
    return locale.replace("_", "-").partition("-")[0].lower()


def say_number(value: float, locale: str, *, digits: int = 6) -> str:
    """Write a number with at most that many decimals and no grouping: it may be a year or a size."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = "0" if text == "-0" else text
    return text.replace(".", ",") if is_german(locale) else text


def say_money(money: Money, locale: str) -> str:
    """Write an amount: `2,50 €` in German (with a space that does not break), `€2.50` in English."""
    digits = 0 if money.currency in _NONE else 3 if money.currency in _THREE else 2
    whole, rest = divmod(abs(money.minor), 10**digits)
    text = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    sign = "-" if money.minor < 0 else ""
    symbol = _SYMBOLS.get(money.currency)
    if is_german(locale):
        return f"{sign}{text.translate(str.maketrans(',.', '.,'))}\u00a0{symbol or money.currency}"
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{money.currency}\u00a0{text}"


def say_percent(value: float, locale: str) -> str:
    """Write a share of a hundred: `20 %` in German, `20%` in English."""
    space = "\u00a0" if is_german(locale) else ""
    return f"{say_number(value, locale, digits=2)}{space}%"


def say_day(local: datetime, locale: str, *, year: bool) -> str:
    """Write a date in words: `3. November 2026`, `November 3, 2026`, and outside America `3 November 2026`."""
    if is_german(locale):
        return f"{local.day}. {_MONTHS[local.month - 1]}{f' {local.year}' if year else ''}"
    if _is_american(locale):
        return f"{local:%B} {local.day}{f', {local.year}' if year else ''}"
    return f"{local.day} {local:%B}{f' {local.year}' if year else ''}"


def say_clock(local: datetime, locale: str) -> str:
    """Write a time of day: `11:30`, in America `11:30 AM`."""
    if _is_american(locale):
        return f"{local.hour % 12 or 12}:{local:%M}\u00a0{'AM' if local.hour < 12 else 'PM'}"
    return f"{local:%H:%M}"


def say_truth(value: bool, locale: str) -> str:
    """Write yes or no."""
    return ("ja" if value else "nein") if is_german(locale) else ("yes" if value else "no")


def say_sky(kind: str, locale: str) -> str:
    """Write a kind of weather in words."""
    return _SKIES.get(kind, kind) if is_german(locale) else kind


def _is_american(locale: str) -> bool:
    return locale.replace("_", "-").lower() == "en-us"
