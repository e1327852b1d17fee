"""What stands on a pass: a reward and its card become the fields, the code and the places of a coupon.

Pure: a value in, a value out. There is nothing of the customer on it, neither name nor number: whoever holds the pass
may use it once, and whoever sees it learns nothing else. Sources: Apple's "Wallet Passes" (Pass, PassFieldContent).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import passes.model as paper
from passes.model import Barcode, Colour, DateStyle, Field, Location, Role, arrange
from passes.styles import STYLES
from server.model.money import Money
from server.model.pass_ import Benefit, Pass, PassState

MOST_SPOTS = 10
"""Wallet reads no more locations than these."""

_STYLE = "coupon"
_NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
"""ISO 4217: every other currency has two."""

_WHITE, _PALE = Colour(255, 255, 255), Colour(200, 220, 210)

_GERMAN = {
    "REWARD": "PRÄMIE",
    "WORTH": "WERT",
    "FROM A PURCHASE OF": "AB EINEM EINKAUF VON",
    "VALID UNTIL": "GÜLTIG BIS",
    "WHERE": "WO",
    "USES LEFT": "NOCH",
    "In every store": "In jeder Filiale",
    "STORES NEARBY": "FILIALEN IN DER NÄHE",
    "TERMS": "BEDINGUNGEN",
    "OFFER": "ANGEBOT",
    "SERIAL NUMBER": "SERIENNUMMER",
    "One use at a time. Whoever shows the code first has used it. Not exchangeable for cash.": (
        "Je Vorlage eine Einlösung. Wer den Code zuerst zeigt, hat ihn eingelöst. Keine Barauszahlung."
    ),
}
"""Texts of ours by the words that stand in pass.json; the phone chooses."""


class Updates(NamedTuple):
    """Apple's web service for updates: its https address, and the pass's own token."""

    url: str
    token: str


def draw(
    pass_: Pass, *, code: str, brand: str, background: tuple[int, int, int], service: Updates | None, now: datetime
) -> paper.Pass:
    """Design the pass as it is at `now`: struck out once it is used up, voided or expired."""
    state = pass_.state_at(now)
    return paper.Pass(
        serial=str(pass_.serial),
        style=_STYLE,
        description=pass_.card.title,
        fields=arrange(STYLES[_STYLE], _fields(pass_)),
        organization=brand,
        logo_text=brand,
        barcodes=(Barcode(code, alt_text=grouped(code)),),
        background=Colour(*background),
        foreground=_WHITE,
        label_colour=_PALE,
        locations=tuple(
            Location(spot.point.lat, spot.point.lon, relevant_text=f"{spot.name}: {pass_.card.title}")
            for spot in pass_.card.spots[:MOST_SPOTS]
        ),
        expiration=pass_.valid_until,
        voided=state is not PassState.ACTIVE,
        sharing_prohibited=True,
        web_service_url=service.url if service else None,
        authentication_token=service.token if service else None,
        localisations={"de": _GERMAN},
    )


def _fields(pass_: Pass) -> dict[Role, tuple[Field, ...]]:
    """Sort what there is to say by its role; at most four short fields below the headline."""
    entries: dict[Role, tuple[Field, ...]] = {Role.HEADLINE: (Field("reward", pass_.card.title, "REWARD"),)}
    if pass_.uses_total > 1:
        entries[Role.BALANCE] = (Field("uses", pass_.uses_left, "USES LEFT", change_message="%@"),)
    worth = _worth(pass_.benefit)
    if worth is not None:
        entries[Role.DETAIL] = (worth,)
    where = "In every store" if pass_.card.anywhere else next((spot.name for spot in pass_.card.spots), None)
    if where is not None:
        entries[Role.PLACE] = (Field("place", where, "WHERE"),)
    deadline = _deadline(pass_)
    if deadline:
        entries[Role.DEADLINE] = deadline
    entries[Role.SMALL_PRINT] = _back(pass_)
    return entries


def _worth(benefit: Benefit) -> Field | None:
    if benefit.percent is not None:
        return Field("worth", f"{benefit.percent:g} %", "WORTH")
    if benefit.value is not None:
        return _money("worth", benefit.value, "WORTH")
    if benefit.points is not None:
        return Field("worth", benefit.points, "WORTH")
    return None


def _deadline(pass_: Pass) -> tuple[Field, ...]:
    fields: list[Field] = []
    if pass_.valid_until is not None:
        fields.append(
            Field(
                "until",
                pass_.valid_until,
                "VALID UNTIL",
                change_message="%@",
                date_style=DateStyle.SHORT,
                time_style=DateStyle.SHORT,
            )
        )
    if pass_.benefit.minimum_purchase is not None:
        fields.append(_money("minimum", pass_.benefit.minimum_purchase, "FROM A PURCHASE OF"))
    return tuple(fields)


def _back(pass_: Pass) -> tuple[Field, ...]:
    terms = "One use at a time. Whoever shows the code first has used it. Not exchangeable for cash."
    fields = [Field("terms", terms, "TERMS"), Field("offer", pass_.card.offer, "OFFER")]
    if pass_.card.spots:
        fields.append(Field("stores", "\n".join(spot.name for spot in pass_.card.spots), "STORES NEARBY"))
    return (*fields, Field("serial", str(pass_.serial), "SERIAL NUMBER", detectors=()))


def _money(key: str, money: Money, label: str) -> Field:
    """An amount that the phone writes in its owner's manner."""
    return Field(key, amount(money), label, currency=money.currency)


def amount(money: Money) -> Decimal:
    """Give an amount in whole units of its currency, by the decimals of ISO 4217."""
    decimals = 0 if money.currency in _NO_DECIMALS else 3 if money.currency in _THREE_DECIMALS else 2
    return Decimal(money.minor).scaleb(-decimals)


def grouped(code: str) -> str:
    """Write a code in groups of four, as a person at the till types it."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


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
