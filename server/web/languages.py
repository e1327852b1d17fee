"""Which language a reader of our pages wants, and how the pages speak it: a small dictionary of German and English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

Language = Literal["de", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("de", "en")
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


@cache
def catalogue(name: str) -> Mapping[Language, Mapping[str, str]]:
    """Read a page's dictionary, `words/NAME.toml`: a table for each language, with the same keys and gaps in both."""
    tables = tomllib.loads((_WORDS / f"{name}.toml").read_text("utf-8"))
    return {language: tables[language] for language in LANGUAGES}


DASHBOARD: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "Funnel by offer",
        "endings": "Please see to it",
        "wallets": "Passes in wallets",
        "passes_issued": "Issued",
        "passes_saved": "Saved",
        "passes_shared": "On several devices",
        "passes_removed": "Thrown away",
        "passes_waiting": "Update on its way",
        "too_many": "These are too many passes to count for a page: choose fewer days, or ask GET /v1/reports/passes.",
        "all": "All offers",
        "range": "Time range",
        "today": "Today",
        "days": "{} days",
        "first": "First day",
        "last": "Last day",
        "show": "Show",
        "wrong": "Please give two dates, the first not after the last.",
        "decided": "Decided",
        "delivered": "Delivered",
        "opened": "Opened",
        "clicked": "Clicked",
        "passes": "Passes",
        "redeemed": "Redeemed",
        "value": "Value",
        "control": "Control group",
        "offer": "Offer",
        "picture": "Funnel",
        "lift": "Effect",
        "lift_all": "Effect of the programme",
        "lift_redemptions": "Redemptions",
        "lift_visits": "Visits",
        "lift_value": "Value",
        "points": "{} points",
        "between": "{} to {}",
        "unsure": "may be chance",
        "not_enough": "Not enough data",
        "about_lift": (
            "Effect: customers who were shown the offer less those of the control group, each counted from their first moment. "
            "The true difference lies in the range given with a confidence of 95%."
        ),
        "none": "No moment was decided in these days.",
        "hidden": "Fewer than {} people: not shown, so that nobody can be recognised.",
        "partly": "The totals are those of the offers shown.",
        "about": "Each moment counts on the day it was decided, with all that came of it later. Days are those of {}.",
        "shape": "From {} decided to {} redeemed",
        "leave": "Log out",
        "out": "On their way out",
        "way": "Service",
        "waiting": "Waiting",
        "sending": "Being sent",
        "dead": "Dead letters",
        "late": "Longest wait",
        "seconds": "{} s",
        "about_dead": "Dead letters were taken by nobody: look at them with “kairos outbox list”, then retry or drop them.",
    },
    "de": {
        "title": "Trichter je Angebot",
        "endings": "Bitte erledigen",
        "wallets": "Coupons in Wallets",
        "passes_issued": "Ausgestellt",
        "passes_saved": "Gespeichert",
        "passes_shared": "Auf mehreren Geräten",
        "passes_removed": "Entfernt",
        "passes_waiting": "Änderung unterwegs",
        "too_many": "Das sind zu viele Coupons für eine Seite: bitte weniger Tage wählen, oder GET /v1/reports/passes fragen.",
        "all": "Alle Angebote",
        "range": "Zeitraum",
        "today": "Heute",
        "days": "{} Tage",
        "first": "Erster Tag",
        "last": "Letzter Tag",
        "show": "Anzeigen",
        "wrong": "Bitte zwei Tage angeben, den ersten nicht nach dem letzten.",
        "decided": "Ausgelöst",
        "delivered": "Zugestellt",
        "opened": "Geöffnet",
        "clicked": "Geklickt",
        "passes": "Coupons",
        "redeemed": "Eingelöst",
        "value": "Wert",
        "control": "Kontrollgruppe",
        "offer": "Angebot",
        "picture": "Trichter",
        "lift": "Wirkung",
        "lift_all": "Wirkung des Programms",
        "lift_redemptions": "Einlösungen",
        "lift_visits": "Besuche",
        "lift_value": "Wert",
        "points": "{} Punkte",
        "between": "{} bis {}",
        "unsure": "kann Zufall sein",
        "not_enough": "Zu wenige Daten",
        "about_lift": (
            "Wirkung: Kunden mit dem Angebot weniger die der Kontrollgruppe, gezählt ab dem ersten Moment. "
            "Der wahre Unterschied liegt mit 95 % Sicherheit im genannten Bereich."
        ),
        "none": "An diesen Tagen wurde kein Moment ausgelöst.",
        "hidden": "Weniger als {} Personen: nicht gezeigt, damit niemand erkennbar ist.",
        "partly": "Die Summen sind die der gezeigten Angebote.",
        "about": "Ein Moment zählt an dem Tag, an dem er ausgelöst wurde, mit allem, was daraus wurde. Tage sind die von {}.",
        "shape": "Von {} ausgelösten zu {} eingelösten",
        "leave": "Abmelden",
        "out": "Unterwegs nach draußen",
        "way": "Dienst",
        "waiting": "Wartet",
        "sending": "Wird gesendet",
        "dead": "Unzustellbar",
        "late": "Längstes Warten",
        "seconds": "{} s",
        "about_dead": "Unzustellbares hat niemand angenommen: „kairos outbox list“ zeigt es; dann wiederholen oder verwerfen.",
    },
}


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
