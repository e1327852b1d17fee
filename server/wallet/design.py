"""What stands on a pass: a reward and its card become the fields, the code and the places of a coupon, card or ticket.

Pure: a value in, a value out. There is nothing of the customer on it, neither name nor number (unless the offer asks for
the first name): whoever holds the pass may use it once, and whoever sees it learns nothing else. Sources: Apple's "Wallet
Passes" (Pass, PassFieldContent).

Rule 1: the pass speaks the customer's language, and carries German and English; the phone chooses.
Rule 2: what has no room on the front goes to the back: an author's line never costs one of ours.
Rule 3: it comes up by itself only while somebody could use it: a pass that is over has no places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, TypedDict

import passes.model as paper
from passes.model import (
    Barcode,
    Colour,
    DateStyle,
    Field,
    Fields,
    Location,
    RelevantDate,
    Role,
    Section,
    Style,
    arrange,
)
from passes.styles import STYLES
from server.model.look import contrast, rgb
from server.model.money import Money
from server.model.pass_ import Card, Pass, PassState, Spot
from server.wallet.words import OUR_TERMS, amount, in_language, ours

MOST_SPOTS = 10
"""Wallet reads no more locations than these."""

STYLES_OF: Final[Mapping[str, str]] = {
    "coupon": "coupon",
    "storeCard": "store_card",
    "eventTicket": "event_ticket",
    "generic": "generic",
    "offer": "coupon",
    "loyalty": "store_card",
}
"""The style by what a document calls it for Apple or for Google."""

_WHITE, _BLACK, _PALE = (255, 255, 255), (0, 0, 0), (200, 220, 210)
_LONGEST_DATED = timedelta(hours=24)
"""Wallet's longest interval of relevance."""


class _Colours(TypedDict):
    """The colours as `passes.model.Pass` takes them."""

    background: Colour
    foreground: Colour
    label_colour: Colour


class Updates(NamedTuple):
    """Apple's web service for updates: its https address, and the pass's own token."""

    url: str
    token: str


def draw(
    pass_: Pass,
    *,
    code: str,
    brand: str,
    background: tuple[int, int, int],
    service: Updates | None,
    now: datetime,
    style: str | None = None,
    signed: str | None = None,
) -> paper.Pass:
    """Design the pass as it is at `now`: struck out once it is used up, voided or expired.

    `signed` is the code that tills verify themselves: it is scanned then, and `code` typed. `style` is that of
    `passes.styles`; without one it is the style that the offer has chosen for Apple.
    """
    state, card = pass_.state_at(now), pass_.card
    style = style or STYLES_OF[card.dress.apple]
    fields = fields_of(pass_, style)
    near, dated = _brought_up(pass_, state, style)
    return paper.Pass(
        serial=str(pass_.serial),
        style=style,
        description=card.title,
        fields=fields,
        organization=brand,
        logo_text=brand,
        barcodes=(Barcode(signed or code, alt_text=grouped(code)),),
        locations=tuple(Location(*spot.point, relevant_text=alert(spot, card.title)) for spot in near),
        max_distance=card.dress.max_distance_m if near else None,
        relevant_dates=dated,
        expiration=pass_.valid_until,
        voided=state is not PassState.ACTIVE,
        sharing_prohibited=True,
        grouping=card.dress.group if STYLES[style].may_group else None,
        web_service_url=service.url if service else None,
        authentication_token=service.token if service else None,
        localisations=localisations(card, fields, near),
        **_colours(card, background),
    )


def _brought_up(pass_: Pass, state: PassState, style: str) -> tuple[tuple[Spot, ...], tuple[RelevantDate, ...]]:
    """Tell where, or else when, the phone brings the pass up by itself."""
    if state is not PassState.ACTIVE:
        return (), ()
    near = pass_.card.near[:MOST_SPOTS]
    return near, _dates(pass_) if STYLES[style].may_be_dated and not near else ()


def alert(spot: Spot, title: str) -> str:
    """Say what stands on the lock screen near a store."""
    return f"{spot.name}: {title}"


def localisations(card: Card, fields: Fields, near: Iterable[Spot] = ()) -> dict[str, dict[str, str]]:
    """Give each language's texts by the texts that stand on the pass: ours in German and English, the offer's own.

    The card's own language is there, too: without it a phone that speaks it would take another one that is.
    """
    used = {card.title} | {text for _, section in fields for field in section for text in _texts(field)}
    tables: dict[str, dict[str, str]] = {}
    for language in sorted({"de", "en", card.language, *card.others}):
        words = card.others.get(language, {})
        table = tables[language] = {}
        for text in sorted(used):
            said = text if language == card.language else words.get(text) or in_language(text, language)
            if said is not None:
                table[text] = said
        table |= {alert(spot, card.title): alert(spot, table.get(card.title, card.title)) for spot in near}
    return tables


def _texts(field: Field) -> Iterator[str]:
    for text in (field.label, field.value, field.change_message):
        if isinstance(text, str):
            yield text


def fields_of(pass_: Pass, style: str) -> Fields:
    """Arrange what there is to say as a style shows it; what has no room on the front stands on the back."""
    shown, kind = arrange(STYLES[style], _entries(pass_, style)), STYLES[style]
    sections: dict[Section, list[Field]] = {section: [] for section, _ in shown}
    sections[Section.BACK] += shown.back
    for section, fields in shown:
        if section is not Section.BACK:
            _place(sections, kind, section, fields)
    for line in pass_.card.lines:
        _place(sections, kind, Section(line.section), [Field(line.key, line.value, line.label)])
    return Fields(**{section.value: tuple(fields) for section, fields in sections.items()})


def _place(sections: dict[Section, list[Field]], style: Style, section: Section, fields: Iterable[Field]) -> None:
    """Put fields into a section while it has room, and on the back after that."""
    shared = (Section.SECONDARY, Section.AUXILIARY)
    for field in fields:
        room = section is Section.BACK or len(sections[section]) < style.limits.get(section, style.rows)
        if section in shared and sum(len(sections[each]) for each in shared) >= style.rows:
            room = False
        sections[section if room else Section.BACK].append(field)


def _entries(pass_: Pass, style: str) -> dict[Role, tuple[Field, ...]]:
    """Sort what there is to say by its role."""
    card, say = pass_.card, _sayer(pass_.card)
    figures = _figures(pass_)
    headline = Field("reward", card.title, say("REWARD"))
    entries: dict[Role, tuple[Field, ...]] = {Role.HEADLINE: (headline,)}
    if (
        STYLES[style].places[Role.BALANCE] is Section.PRIMARY
    ):  # a card shows one figure large, or its words where it has none
        first, *others = figures or [headline]
        entries = {Role.BALANCE: (first,)} | (entries if figures else {})
        figures = others
    kept = tuple(field for field in figures if field.key != "worth")
    if kept and Role.BALANCE not in entries:
        entries[Role.BALANCE] = kept
    entries[Role.DETAIL] = tuple(field for field in figures if field not in entries.get(Role.BALANCE, ()))
    where = say("In every store") if card.anywhere else next((spot.name for spot in card.spots), None)
    if where is not None:
        entries[Role.PLACE] = (Field("place", where, say("WHERE")),)
    entries[Role.DEADLINE] = _deadline(pass_)
    if card.holder is not None:
        entries[Role.HOLDER] = (Field("holder", card.holder, say("FOR")),)
    entries[Role.SMALL_PRINT] = _back(pass_)
    return entries


def _sayer(card: Card) -> Callable[[str], str]:
    return partial(ours, language=card.language)


def _figures(pass_: Pass) -> list[Field]:
    """List what counts down or adds up (uses, stamps, points, what is on a gift card), then what it is worth."""
    say, benefit = _sayer(pass_.card), pass_.benefit
    figures: list[Field] = []
    if benefit.type == "stamp":
        figures.append(Field("uses", pass_.uses_left, say("STAMPS LEFT"), change_message=say("Stamps left: %@")))
    elif pass_.uses_total > 1:
        figures.append(Field("uses", pass_.uses_left, say("USES LEFT"), change_message=say("Uses left: %@")))
    if benefit.percent is not None:
        figures.append(Field("worth", f"{benefit.percent:g} %", say("WORTH")))
    elif benefit.points is not None:
        figures.append(Field("points", benefit.points, say("POINTS")))
    elif benefit.value is not None:
        card = benefit.type == "gift_card"
        figures.append(_money("balance" if card else "worth", benefit.value, say("BALANCE" if card else "WORTH")))
    return figures


def _deadline(pass_: Pass) -> tuple[Field, ...]:
    say = _sayer(pass_.card)
    fields: list[Field] = []
    if pass_.valid_until is not None:
        fields.append(
            Field(
                "until",
                pass_.valid_until,
                say("VALID UNTIL"),
                change_message=say("Valid until %@"),
                date_style=DateStyle.SHORT,
                time_style=DateStyle.SHORT,
            )
        )
    if pass_.benefit.minimum_purchase is not None:
        fields.append(_money("minimum", pass_.benefit.minimum_purchase, say("FROM A PURCHASE OF")))
    return tuple(fields)


def _back(pass_: Pass) -> tuple[Field, ...]:
    card, say = pass_.card, _sayer(pass_.card)
    fields = [] if card.terms is None else [Field("terms", card.terms, say("TERMS"))]
    fields.append(Field("rules", say(OUR_TERMS), say("GOOD TO KNOW" if card.terms else "TERMS")))
    fields.append(Field("offer", card.offer, say("OFFER")))
    if card.spots:
        fields.append(Field("stores", "\n".join(spot.name for spot in card.spots), say("STORES NEARBY")))
    return (*fields, Field("serial", str(pass_.serial), say("SERIAL NUMBER"), detectors=()))


def _money(key: str, money: Money, label: str) -> Field:
    """An amount that the phone writes in its owner's manner."""
    return Field(key, amount(money), label, currency=money.currency)


def _dates(pass_: Pass) -> tuple[RelevantDate, ...]:
    """Give the appointment of a pass that becomes valid later than it was issued, for one day at most."""
    start, end = pass_.valid_from, pass_.valid_until
    if pass_.card.dress.relevance == "none" or end is None or start <= pass_.created_at or end - start > _LONGEST_DATED:
        return ()
    return (RelevantDate(start, end),)


def _colours(card: Card, background: tuple[int, int, int]) -> _Colours:
    """Choose background, foreground and labels: the offer's, and words that can be read on it where it names none."""
    dress, back, front, label = card.dress, background, _WHITE, _PALE
    if dress.background is not None:
        back = rgb(dress.background)
        front = label = max((_WHITE, _BLACK), key=lambda each: contrast(each, back))
    if dress.foreground is not None:
        front = label = rgb(dress.foreground)
    if dress.label is not None:
        label = rgb(dress.label)
    return _Colours(background=Colour(*back), foreground=Colour(*front), label_colour=Colour(*label))


def grouped(code: str) -> str:
    """Write a code in groups of four, as a person at the till types it."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))
