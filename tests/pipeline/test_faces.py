"""The face of a pass: what its own file says, written for a reader; read back from the file that a phone would get."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from passes.images import plain_png
from server.model.look import Dress
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Line, Pass, PassState, Spot, Told
from server.model.place import Point
from server.pipeline.faces import Face, View, face_of
from server.wallet.design import draw
from tests.passes import samples

NOW = samples.NOW
CODE = "0405ABCD" * 6
SECTIONS = ("header", "primary", "secondary", "auxiliary", "back")
CARD = Card(
    "Kaffee aufs Haus",
    "coffee",
    (Spot(UUID(int=1), "Café Kornblume", Point(50.98, 11.03)),),
    lines=(Line("line1", "auxiliary", "Größe", "Klein"),),
    terms="Nur heute",
    told=Told("de-DE", zone="Europe/Berlin"),
    others={"en": {"Kaffee aufs Haus": "Coffee on us", "Größe": "Size", "Klein": "Small", "Nur heute": "Today only"}},
)


def issued(**changes: Any) -> Pass:
    given: dict[str, Any] = {
        "serial": UUID(int=4),
        "customer_id": None,
        "moment_id": UUID(int=6),
        "offer_id": UUID(int=7),
        "offer_version": 1,
        "state": PassState.ACTIVE,
        "card": CARD,
        "benefit": Benefit("free_item", value=Money(250, "EUR"), minimum_purchase=Money(100050, "EUR")),
        "uses_total": 3,
        "uses_left": 2,
        "valid_from": NOW,
        "valid_until": NOW + timedelta(hours=3),
        "places": None,
        "place_tag": None,
        "key_id": 1,
        "token_sealed": b"",
        "modified_at": NOW,
        "created_at": NOW,
    }
    return Pass(**(given | changes))


def seen(pass_: Pass, locale: str = "de-DE", **more: Any) -> Face:
    return face_of(pass_, View(locale, "UTC", NOW, samples.BRAND, **more), code=CODE)


def styled(style: str) -> Pass:
    return issued(card=replace(CARD, dress=Dress(apple=style)))  # type: ignore[arg-type]


@pytest.mark.parametrize("style", ["coupon", "storeCard", "eventTicket", "generic"])
def test_each_section_has_the_fields_of_the_file_in_their_order(style: str) -> None:
    pass_ = styled(style)
    drawn = draw(pass_, code=CODE, brand=samples.BRAND, background=samples.GREEN, service=None, now=NOW)
    files = samples.unzipped(samples.template().build(drawn, signed_at=NOW))
    read = json.loads(files["pass.json"])
    face = seen(pass_)
    for section in SECTIONS:
        fields = read[style].get(f"{section}Fields", [])
        shown = getattr(face, section)
        assert [line.label for line in shown] == [field["label"] for field in fields], section
        texts = [(line.value, field["value"]) for line, field in zip(shown, fields, strict=True)]
        assert all(value == text for value, text in texts if isinstance(text, str) and "T" not in text[10:11])
    assert face.code_text == read["barcodes"][0]["altText"]
    assert f"rgb{tuple(bytes.fromhex(face.background[1:]))}".replace(" ", "") == read["backgroundColor"].replace(
        " ", ""
    )


def test_dates_numbers_and_money_are_written_in_the_readers_manner() -> None:
    german = {line.label: line.value for section in SECTIONS for line in getattr(seen(issued()), section)}
    assert german["GÜLTIG BIS"] == "02.03.26, 12:30"
    assert german["AB EINEM EINKAUF VON"] == "1.000,50\xa0€"
    assert (german["NOCH"], german["WERT"]) == ("2", "2,50\xa0€")
    english = {line.label: line.value for section in SECTIONS for line in getattr(seen(issued(), "en-US"), section)}
    assert english["VALID UNTIL"].replace("\u202f", " ") == "3/2/26, 12:30 PM"
    assert english["FROM A PURCHASE OF"] == "€1,000.50"


def test_a_reader_of_another_language_reads_the_offers_words_in_it() -> None:
    english = seen(issued(), "en-GB")
    assert english.primary[0].value == english.description == "Coffee on us"
    assert ("Size", "Small") in {tuple(line) for section in SECTIONS for line in getattr(english, section)}
    assert english.back[0].value == "Today only"
    french = seen(issued(), "fr-FR")
    assert french.primary[0].value == "Kaffee aufs Haus"


def test_googles_wallet_shows_it_in_the_kind_that_google_has_of_it() -> None:
    pass_ = issued(card=replace(CARD, dress=Dress(apple="coupon", google="loyalty")))
    assert (seen(pass_).style, seen(pass_, wallet="google").style) == ("coupon", "store_card")


def test_its_state_is_that_of_the_instant() -> None:
    late = View("de", "UTC", NOW + timedelta(hours=4), samples.BRAND)
    assert face_of(issued(), late, code=CODE).state is PassState.EXPIRED
    assert seen(issued(state=PassState.REDEEMED)).state is PassState.REDEEMED


def test_the_brands_pictures_are_shown_in_the_readers_language_and_twice_as_large() -> None:
    small, large, german, icon = (plain_png(size, size, (1, 2, 3)) for size in (10, 20, 30, 29))
    names = {"icon.png": icon, "strip.png": small, "strip@2x.png": large, "logo@2x.png": small}
    pictures = {"coupon": names | {"de.lproj/strip.png": german}}
    shown = {
        kind: base64.b64decode(url.partition(",")[2]) for kind, url in seen(issued(), pictures=pictures).images.items()
    }
    assert shown == {"strip": german, "logo": small}
    other = seen(issued(), "en-US", pictures=pictures).images["strip"]
    assert base64.b64decode(other.removeprefix("data:image/png;base64,")) == large
    assert seen(issued()).images == {}
