"""What a pass looks like, for pages and apps that show it themselves: its face as data, its code as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from server.errors import NotFound
from server.model.pass_ import Pass
from server.pipeline.faces import Face, Shown, View, Wallet, face_of
from server.store import passes
from server.wallet.qr import MEDIA, qr_svg
from server.web.call import Call, Reply
from server.web.door import door
from server.web.profiles import Locale


class FaceQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """In which language (that of the pass, if not said), and as whose wallet shows it."""

    locale: Locale | None = None
    wallet: Wallet = "apple"


class LineAnswer(msgspec.Struct, frozen=True):
    """One line of the pass, written for its reader."""

    label: str
    value: str


class FaceAnswer(msgspec.Struct, frozen=True):
    """What a wallet shows of a pass. Colours are `#rrggbb`; `images` are data: URLs by kind (logo, strip, …)."""

    wallet: Wallet
    style: str
    organization: str
    logo_text: str
    description: str
    background: str
    foreground: str
    label: str
    header: list[LineAnswer]
    primary: list[LineAnswer]
    secondary: list[LineAnswer]
    auxiliary: list[LineAnswer]
    back: list[LineAnswer]
    code_text: str
    state: str
    images: Mapping[str, str]


@door(
    "GET",
    "/v1/passes/{serial}/face",
    query=FaceQuery,
    answer=FaceAnswer,
    summary="Show what a wallet shows of one of one's own passes",
    errors=(404,),
    tags=("App",),
)
async def face(call: Call) -> FaceAnswer:
    """Draw the caller's own pass as it is now."""
    query: FaceQuery = call.query
    pass_, now = await _own(call), call.parts.clock.now()
    view = view_of(call, locale=query.locale or pass_.card.told.locale, wallet=query.wallet, now=now)
    return face_answer(face_of(pass_, view, code=call.parts.desk.code(pass_, now=now)))


@door(
    "GET",
    "/v1/passes/{serial}/qr.svg",
    answer=bytes,
    produces=MEDIA,
    summary="Draw the code of one of one's own passes, for the counter to scan",
    errors=(404,),
    tags=("App",),
)
async def picture(call: Call) -> Reply:
    """Draw the code of the caller's own pass; it is kept nowhere on the way."""
    pass_ = await _own(call)
    desk, now = call.parts.desk, call.parts.clock.now()
    code = desk.signed_code(pass_, now=now) or desk.code(pass_, now=now)
    return Reply(200, qr_svg(code), headers={"Cache-Control": "no-store"}, media=MEDIA)


async def _own(call: Call) -> Pass:
    async with call.connection() as db:
        found = await passes.find(db, serial=call.uuid("serial"), customer_id=call.customer_id)
    if found is None:
        raise NotFound
    return found


def view_of(call: Call, *, locale: str, wallet: Wallet, now: datetime) -> View:
    """Say who looks at a pass: by the brand's name and pictures, on the programme's clock where the pass has none."""
    settings = call.parts.settings
    brand = settings.apple.organization or settings.programme.name
    zone, pictures = settings.programme.time_zone, call.parts.desk.pictures
    return View(locale, zone, now, brand, wallet, pictures if wallet == "apple" else None)


def face_answer(shown: Face) -> FaceAnswer:
    """Write a face as it is answered."""
    return FaceAnswer(
        wallet=shown.wallet,
        style=shown.style,
        organization=shown.organization,
        logo_text=shown.logo_text,
        description=shown.description,
        background=shown.background,
        foreground=shown.foreground,
        label=shown.label,
        header=_lines(shown.header),
        primary=_lines(shown.primary),
        secondary=_lines(shown.secondary),
        auxiliary=_lines(shown.auxiliary),
        back=_lines(shown.back),
        code_text=shown.code_text,
        state=shown.state,
        images=shown.images,
    )


def _lines(lines: Iterable[Shown]) -> list[LineAnswer]:
    return [LineAnswer(each.label, each.value) for each in lines]
