"""The face of a pass: what a wallet shows of it, as words and colours, for pages that show it as the wallet would.

Rule 1: it is the design of the pass itself (server.wallet.design) that is read here, so a page and a phone say the same.
Rule 2: a phone writes dates, numbers and money in its owner's manner; here they are written for the reader's locale.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import passes.model as paper
from passes.images import read_name
from passes.model import Section
from server.decision import formats
from server.decision.wall import zone_named
from server.model.money import Money
from server.model.pass_ import Pass, PassState
from server.wallet.certificates import GREEN
from server.wallet.design import STYLES_OF, draw

Wallet = Literal["apple", "google"]

_WHITE: Final = paper.Colour(255, 255, 255)
_SHOWN: Final = ("logo", "strip", "thumbnail", "background")
"""Pictures that stand on the front; the icon is for notices."""


class Shown(NamedTuple):
    """One line of the pass, as its reader reads it."""

    label: str
    value: str


class Face(NamedTuple):
    """What a wallet shows. `style` is the wallet's word for it; colours are `#rrggbb`; `images` are data: URLs by kind."""

    wallet: Wallet
    style: str
    organization: str
    logo_text: str
    description: str
    background: str
    foreground: str
    label: str
    header: tuple[Shown, ...]
    primary: tuple[Shown, ...]
    secondary: tuple[Shown, ...]
    auxiliary: tuple[Shown, ...]
    back: tuple[Shown, ...]
    code_text: str
    state: PassState
    images: Mapping[str, str]


class View(NamedTuple):
    """Who looks at it: in which wallet, language, zone and when. `pictures` are the brand's, by style (None: drawn ones)."""

    locale: str
    zone: str
    now: datetime
    brand: str
    wallet: Wallet = "apple"
    pictures: Mapping[str, Mapping[str, bytes]] | None = None


def face_of(pass_: Pass, view: View, *, code: str) -> Face:
    """Give the face of a pass as it is at `view.now`."""
    style = STYLES_OF[pass_.card.dress.apple if view.wallet == "apple" else pass_.card.dress.google]
    drawn = draw(pass_, code=code, brand=view.brand, background=GREEN, service=None, now=view.now, style=style)
    language = formats.language_of(view.locale)
    words = drawn.localisations.get(language, {})
    zone = zone_named(pass_.card.told.zone or view.zone) or ZoneInfo("UTC")

    def lines(section: Section) -> tuple[Shown, ...]:
        fields: Iterable[paper.Field] = getattr(drawn.fields, section.value)
        return tuple(Shown(_said(each.label or "", words), _value(each, words, view.locale, zone)) for each in fields)

    return Face(
        wallet=view.wallet,
        style=style,
        organization=drawn.organization or view.brand,
        logo_text=drawn.logo_text or "",
        description=_said(drawn.description, words),
        background=_hex(drawn.background or paper.Colour(*GREEN)),
        foreground=_hex(drawn.foreground or _WHITE),
        label=_hex(drawn.label_colour or _WHITE),
        header=lines(Section.HEADER),
        primary=lines(Section.PRIMARY),
        secondary=lines(Section.SECONDARY),
        auxiliary=lines(Section.AUXILIARY),
        back=lines(Section.BACK),
        code_text=drawn.barcodes[0].alt_text or "",
        state=pass_.state_at(view.now),
        images=_images((view.pictures or {}).get(style, {}), language),
    )


def _said(text: str, words: Mapping[str, str]) -> str:
    return words.get(text, text)


def _value(field: paper.Field, words: Mapping[str, str], locale: str, zone: ZoneInfo) -> str:
    """Write a value as a phone of this locale does."""
    value = field.value
    if isinstance(value, str):
        return _said(value, words)
    if isinstance(value, datetime):
        return formats.say_stamp(value.astimezone(zone), locale)
    if field.currency is not None:
        minor = Decimal(value).scaleb(formats.minor_digits(field.currency))
        return formats.say_money(Money(int(minor), field.currency), locale)
    return formats.say_number(float(value), locale)


def _hex(colour: paper.Colour) -> str:
    return f"#{colour.red:02x}{colour.green:02x}{colour.blue:02x}"


def _images(pictures: Mapping[str, bytes], language: str) -> dict[str, str]:
    """Choose each picture once: in the reader's language where there is one, at twice its size where there is that."""
    best: dict[str, tuple[tuple[bool, bool], bytes]] = {}
    for name, data in pictures.items():
        known = read_name(name)
        if known.kind not in _SHOWN or known.language not in (None, language):
            continue
        rank = (known.language is not None, known.scale == 2)
        if known.kind not in best or rank > best[known.kind][0]:
            best[known.kind] = rank, data
    return {kind: f"data:image/png;base64,{base64.b64encode(data).decode()}" for kind, (_, data) in best.items()}
