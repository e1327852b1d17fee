"""The words of ours on a pass, in English and German, and what a reward is called by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from server.model.money import Money
from server.model.pass_ import Benefit

_NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
"""ISO 4217: every other currency has two."""

OUR_TERMS: Final = "One use at a time. Whoever shows the code first has used it. Not exchangeable for cash."

GERMAN: Final[Mapping[str, str]] = {
    "REWARD": "PRÄMIE",
    "WORTH": "WERT",
    "POINTS": "PUNKTE",
    "BALANCE": "GUTHABEN",
    "FROM A PURCHASE OF": "AB EINEM EINKAUF VON",
    "VALID UNTIL": "GÜLTIG BIS",
    "Valid until %@": "Gültig bis %@",
    "WHERE": "WO",
    "FOR": "FÜR",
    "USES LEFT": "NOCH",
    "Uses left: %@": "Noch einlösbar: %@",
    "STAMPS LEFT": "STEMPEL ÜBRIG",
    "Stamps left: %@": "Stempel übrig: %@",
    "In every store": "In jeder Filiale",
    "STORES NEARBY": "FILIALEN IN DER NÄHE",
    "TERMS": "BEDINGUNGEN",
    "GOOD TO KNOW": "GUT ZU WISSEN",
    "OFFER": "ANGEBOT",
    "SERIAL NUMBER": "SERIENNUMMER",
    OUR_TERMS: ("Je Vorlage eine Einlösung. Wer den Code zuerst zeigt, hat ihn eingelöst. Keine Barauszahlung."),
}
"""Every text of ours."""

_ENGLISH: Final = {german: english for english, german in GERMAN.items()}


def ours(text: str, language: str) -> str:
    """Give a text of ours (in English) as it stands on a pass in this language: English where it is not German."""
    return GERMAN[text] if language == "de" else text


def in_language(text: str, language: str) -> str | None:
    """Give a text of ours, in whichever language it stands, in German or English; None for every other."""
    english = _ENGLISH.get(text, text)
    if english not in GERMAN or language not in ("de", "en"):
        return None
    return ours(english, language)


def amount(money: Money) -> Decimal:
    """Give an amount in whole units of its currency, by the decimals of ISO 4217."""
    decimals = 0 if money.currency in _NO_DECIMALS else 3 if money.currency in _THREE_DECIMALS else 2
    return Decimal(money.minor).scaleb(-decimals)


def words_for(benefit: Benefit, *, german: bool) -> str:
    """Name a reward in words, where the offer's own title would name the customer."""
    if benefit.percent is not None:
        return f"{benefit.percent:g} % Rabatt" if german else f"{benefit.percent:g} % off"
    if benefit.points is not None:
        return f"{benefit.points} Punkte" if german else f"{benefit.points} points"
    if benefit.type == "amount" and benefit.value is not None:
        sum_ = f"{amount(benefit.value)} {benefit.value.currency}"
        return f"{sum_.replace('.', ',')} Rabatt" if german else f"{sum_} off"
    english, deutsch = _NAMES.get(benefit.type, ("Your reward", "Deine Prämie"))
    return deutsch if german else english


_NAMES = {
    "free_item": ("One on us", "Einmal aufs Haus"),
    "stamp": ("A stamp", "Ein Stempel"),
    "gift_card": ("A gift card", "Ein Gutschein"),
    "access": ("Your way in", "Dein Zutritt"),
    "experience": ("An experience", "Ein Erlebnis"),
}
"""English and German, by the reward's type."""
