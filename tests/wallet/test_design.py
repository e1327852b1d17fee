"""What stands on a pass, read back from the file that a phone would get."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.testing import check
from server.model.look import AppleKind, Dress, Section, contrast
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Line, Pass, PassState, Spot, Told
from server.model.place import Point
from server.wallet.design import STYLES_OF, Updates, draw, grouped
from tests.passes import samples

NOW = samples.NOW
CODE = "0405ABCD" * 6
SERIAL = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")


def spot(number: int) -> Spot:
    return Spot(UUID(int=number), f"Marktplatz {number}", Point(48.39 + number / 1000, 9.99))


def issued(**changes: Any) -> Pass:
    given: dict[str, Any] = {
        "serial": SERIAL,
        "customer_id": UUID(int=5),
        "moment_id": UUID(int=6),
        "offer_id": UUID(int=7),
        "offer_version": 3,
        "state": PassState.ACTIVE,
        "card": Card("Coffee on us", "coffee-morning", (spot(1), spot(2)), near=(spot(1), spot(2))),
        "benefit": Benefit("free_item", value=Money(250, "EUR"), sku="coffee-small"),
        "uses_total": 1,
        "uses_left": 1,
        "valid_from": NOW,
        "valid_until": NOW + timedelta(hours=3),
        "places": None,
        "place_tag": None,
        "key_id": 1,
        "token_sealed": b"sealed",
        "modified_at": NOW,
        "created_at": NOW,
    }
    return Pass(**(given | changes))


def document(pass_: Pass, *, service: Updates | None = None, now: datetime = NOW) -> dict[str, Any]:
    """pass.json of the signed file, which the checker of passes has nothing to say against."""
    drawn = draw(pass_, code=CODE, brand=samples.BRAND, background=samples.GREEN, service=service, now=now)
    file = samples.template().build(drawn, signed_at=now)
    assert check(file) == []
    read: dict[str, Any] = json.loads(samples.unzipped(file)["pass.json"])
    return read


def fields(read: dict[str, Any]) -> dict[str, dict[str, Any]]:
    kind = next(kind for kind in ("coupon", "storeCard", "eventTicket", "generic") if kind in read)
    return {field["key"]: field for section in read[kind].values() for field in section}


def test_the_title_the_worth_the_end_and_the_store_stand_on_the_front() -> None:
    front = document(issued())["coupon"]
    assert [field["value"] for field in front["primaryFields"]] == ["Coffee on us"]
    assert {field["key"] for field in front["secondaryFields"]} == {"worth", "place"}
    assert [field["key"] for field in front["auxiliaryFields"]] == ["until"]


def test_money_is_a_number_with_its_currency() -> None:
    worth = fields(document(issued()))["worth"]
    assert (worth["value"], worth["currencyCode"]) == (2.5, "EUR")


def test_percent_and_points_are_said_in_their_own_way() -> None:
    assert fields(document(issued(benefit=Benefit("percent", percent=12.5))))["worth"]["value"] == "12.5 %"
    points = document(issued(benefit=Benefit("points", points=40)))["coupon"]["headerFields"]
    assert [(field["label"], field["value"]) for field in points] == [("POINTS", 40)]


def test_a_reward_without_a_figure_has_no_field_for_it() -> None:
    assert "worth" not in fields(document(issued(benefit=Benefit("access"))))


def test_the_end_is_told_in_the_phones_own_time() -> None:
    until = fields(document(issued()))["until"]
    assert until["value"] == "2026-03-02T11:30:00Z"
    assert (until["dateStyle"], until["timeStyle"]) == ("PKDateStyleShort", "PKDateStyleShort")
    assert "ignoresTimeZone" not in until


def test_a_reward_without_an_end_has_no_date_at_all() -> None:
    read = document(issued(valid_until=None))
    assert "expirationDate" not in read
    assert "until" not in fields(read)


def test_the_pass_expires_with_its_reward() -> None:
    assert document(issued())["expirationDate"] == "2026-03-02T11:30:00Z"


def test_a_minimum_purchase_is_on_the_front() -> None:
    benefit = Benefit("amount", value=Money(500, "EUR"), minimum_purchase=Money(2000, "EUR"))
    minimum = fields(document(issued(benefit=benefit)))["minimum"]
    assert (minimum["value"], minimum["currencyCode"]) == (20, "EUR")


def test_uses_are_counted_where_there_are_several() -> None:
    assert "uses" not in fields(document(issued()))
    uses = fields(document(issued(uses_total=5, uses_left=3)))["uses"]
    assert uses["value"] == 3
    assert "%@" in uses["changeMessage"]


def test_the_code_is_a_qr_code_that_can_also_be_typed() -> None:
    (barcode,) = document(issued())["barcodes"]
    assert barcode["format"] == "PKBarcodeFormatQR"
    assert barcode["message"] == CODE
    assert barcode["altText"].replace(" ", "") == CODE
    assert max(len(group) for group in grouped(CODE).split()) == 4


def test_the_ten_nearest_stores_bring_it_up_on_the_lock_screen() -> None:
    card = Card("Coffee on us", "coffee-morning", near=tuple(spot(number) for number in range(1, 11)))
    read = document(issued(card=card))
    assert [place["latitude"] for place in read["locations"]] == [spot(number).point.lat for number in range(1, 11)]
    assert all("Coffee on us" in place["relevantText"] for place in read["locations"])


def test_no_more_than_ten_places_are_written_whatever_the_card_holds() -> None:
    card = Card("Coffee", "coffee", near=tuple(spot(number) for number in range(1, 15)))
    assert len(document(issued(card=card))["locations"]) == 10


def test_a_reward_for_every_store_says_so() -> None:
    read = document(issued(card=Card("Coffee", "coffee", (), anywhere=True)))
    assert fields(read)["place"]["value"] == "In every store"
    assert "locations" not in read


@pytest.mark.parametrize("state", [PassState.REDEEMED, PassState.EXPIRED, PassState.VOIDED])
def test_a_pass_that_is_over_is_struck_out(state: PassState) -> None:
    assert document(issued(state=state))["voided"] is True


def test_an_active_pass_is_struck_out_from_its_last_instant_on() -> None:
    end = NOW + timedelta(hours=3)
    assert "voided" not in document(issued(), now=end - timedelta(seconds=1))
    assert document(issued(), now=end)["voided"] is True


def test_nobody_may_hand_it_on() -> None:
    assert document(issued())["sharingProhibited"] is True


def test_updates_come_from_the_service_with_the_passes_own_token() -> None:
    read = document(issued(), service=Updates("https://kairos.example/wallet/", "t" * 43))
    assert read["webServiceURL"] == "https://kairos.example/wallet/"
    assert read["authenticationToken"] == "t" * 43


def test_without_a_service_there_is_neither_address_nor_token() -> None:
    assert not {"webServiceURL", "authenticationToken"} & document(issued()).keys()


def test_nothing_of_the_customer_is_on_it() -> None:
    customer = UUID(int=0xC0FFEE1234567890)
    drawn = draw(
        issued(customer_id=customer), code=CODE, brand="Kairos", background=samples.GREEN, service=None, now=NOW
    )
    for data in samples.unzipped(samples.template().build(drawn, signed_at=NOW)).values():
        assert str(customer).encode() not in data
        assert customer.bytes not in data


def test_the_brand_is_on_the_lock_screen() -> None:
    read = document(issued())
    assert read["organizationName"] == read["logoText"] == samples.BRAND
    assert read["description"] == "Coffee on us"


def test_the_serial_stays_the_same_whatever_becomes_of_the_pass() -> None:
    serials = {document(replace(issued(), state=state))["serialNumber"] for state in PassState}
    assert serials == {str(SERIAL)}


def dressed(**changes: Any) -> Card:
    given: dict[str, Any] = {"spots": (spot(1),), "near": (spot(1),)}
    return Card("Coffee on us", "coffee-morning", **(given | changes))


BENEFITS = (
    Benefit("free_item", value=Money(250, "EUR"), sku="coffee-small"),
    Benefit("percent", percent=20),
    Benefit("amount", value=Money(500, "EUR"), minimum_purchase=Money(2000, "EUR")),
    Benefit("points", points=200),
    Benefit("stamp", uses=10),
    Benefit("gift_card", value=Money(2500, "EUR")),
    Benefit("access"),
    Benefit("experience", minimum_purchase=Money(100, "JPY")),
)
KINDS: tuple[AppleKind, ...] = ("coupon", "storeCard", "eventTicket", "generic")
LINES = tuple(
    Line(f"line{number}", section, f"LABEL {number}", f"Value {number}")
    for number, section in enumerate(get_args(Section) * 3, 1)
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("benefit", BENEFITS, ids=lambda benefit: benefit.type)
def test_every_reward_can_be_drawn_in_every_kind(kind: AppleKind, benefit: Benefit) -> None:
    card = dressed(dress=Dress(apple=kind), lines=LINES, terms="One a day.", holder="Kim")
    read = document(issued(card=card, benefit=benefit, uses_total=10, uses_left=7))
    assert kind in read
    shown = fields(read)
    assert {"reward", "until", "holder", "terms", "rules", "serial", *(line.key for line in LINES)} <= shown.keys()
    assert len(read[kind]["primaryFields"]) == 1


def test_what_has_no_room_on_the_front_stands_on_the_back() -> None:
    benefit = Benefit("amount", value=Money(500, "EUR"), minimum_purchase=Money(2000, "EUR"))
    lines = (Line("line1", "secondary", "A", "1"), Line("line2", "back", "B", "2"))
    coupon = document(issued(card=dressed(lines=lines, holder="Kim"), benefit=benefit))["coupon"]
    front = [field["key"] for section in ("secondaryFields", "auxiliaryFields") for field in coupon[section]]
    assert front == ["worth", "place", "until", "minimum"]  # four fields, and no more: Apple's rule for coupons
    back = [field["key"] for field in coupon["backFields"]]
    assert back[-3:] == ["holder", "line1", "line2"]


def test_a_line_stands_in_the_section_that_its_author_chose() -> None:
    lines = tuple(Line(f"line{at}", section, "L", "V") for at, section in enumerate(get_args(Section)))
    generic = document(issued(card=dressed(dress=Dress(apple="generic"), lines=lines)))["generic"]
    for line in lines:
        assert line.key in {field["key"] for field in generic[f"{line.section}Fields"]}


def test_a_card_shows_its_figure_large() -> None:
    def large(benefit: Benefit, **more: Any) -> tuple[str, Any]:
        card = dressed(dress=Dress(apple="storeCard"))
        (field,) = document(issued(card=card, benefit=benefit, **more))["storeCard"]["primaryFields"]
        return field["key"], field["value"]

    assert large(Benefit("points", points=200)) == ("points", 200)
    assert large(Benefit("gift_card", value=Money(2500, "EUR"))) == ("balance", 25)
    assert large(Benefit("stamp", uses=10), uses_total=10, uses_left=7) == ("uses", 7)
    assert large(Benefit("access")) == ("reward", "Coffee on us")


def test_stamps_count_down_and_say_so_on_the_lock_screen() -> None:
    uses = fields(document(issued(benefit=Benefit("stamp", uses=10), uses_total=10, uses_left=7)))["uses"]
    assert (uses["label"], uses["value"], uses["changeMessage"]) == ("STAMPS LEFT", 7, "Stamps left: %@")


def test_only_figures_of_the_holders_own_are_told_when_they_change() -> None:
    card = dressed(lines=LINES, terms="One a day.")
    told = {key for key, field in fields(document(issued(card=card, uses_total=2))).items() if "changeMessage" in field}
    assert told == {"uses", "until"}


def test_terms_of_the_offer_stand_before_ours() -> None:
    back = document(issued(card=dressed(terms="Only on Mondays.")))["coupon"]["backFields"]
    assert [(field["key"], field["label"]) for field in back[:2]] == [("terms", "TERMS"), ("rules", "GOOD TO KNOW")]
    (alone,) = [f for f in document(issued(card=dressed()))["coupon"]["backFields"] if f["key"] in ("terms", "rules")]
    assert alone["label"] == "TERMS"


def test_colours_are_the_offers() -> None:
    dress = Dress(background="#145a3c", foreground="#fefefe", label="#c8dcd2")
    read = document(issued(card=dressed(dress=dress)))
    colours = [read[name] for name in ("backgroundColor", "foregroundColor", "labelColor")]
    assert colours == ["rgb(20, 90, 60)", "rgb(254, 254, 254)", "rgb(200, 220, 210)"]


HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(HEX)
def test_on_every_background_our_words_can_be_read(background: str) -> None:
    card = dressed(dress=Dress(background=background))
    drawn = draw(issued(card=card), code=CODE, brand="Kairos", background=samples.GREEN, service=None, now=NOW)
    assert drawn.background is not None
    for words in (drawn.foreground, drawn.label_colour):
        assert words is not None
        assert contrast(words, drawn.background) >= 4.5  # what WCAG asks of plain text


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80).filter(str.strip)


@settings(max_examples=40)
@given(title=TEXT, terms=TEXT, holder=TEXT, labels=st.lists(st.tuples(TEXT, TEXT), max_size=10), other=TEXT)
def test_whatever_the_texts_are_a_phone_can_read_the_pass(
    title: str, terms: str, holder: str, labels: list[tuple[str, str]], other: str
) -> None:
    sections = itertools.cycle(get_args(Section))
    lines = tuple(Line(f"line{at}", next(sections), *each) for at, each in enumerate(labels))
    others = {"de": {title: other}, "pt": {terms: other}}
    read = document(issued(card=dressed(lines=lines, terms=terms, holder=holder, others=others), uses_total=2))
    assert fields(read)["terms"]["value"] == terms


def strings(pass_: Pass) -> dict[str, dict[str, str]]:
    """Every pass.strings of the file as macOS reads it: `"key" = "value";`."""
    drawn = draw(pass_, code=CODE, brand="Kairos", background=samples.GREEN, service=None, now=NOW)
    found: dict[str, dict[str, str]] = {}
    for name, data in samples.unzipped(samples.template().build(drawn, signed_at=NOW)).items():
        language, _, file = name.partition(".lproj/")
        if file == "pass.strings":
            pairs = re.findall(r'"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";', data.decode())
            found[language] = {json.loads(f'"{key}"'): json.loads(f'"{value}"') for key, value in pairs}
    return found


def words(read: dict[str, Any]) -> set[str]:
    """Every text of a pass that a phone looks up: labels, values, messages, the description, what the lock screen says."""
    texts = {read["description"], *(place["relevantText"] for place in read.get("locations", ()))}
    for field in fields(read).values():
        texts |= {field[key] for key in ("label", "value", "changeMessage") if isinstance(field.get(key), str)}
    return texts


PROPER = {"place", "stores", "offer", "serial", "until", "holder"}


@pytest.mark.parametrize(("locale", "first", "second"), [("de-DE", "Kaffee", "Coffee"), ("en-GB", "Coffee", "Kaffee")])
def test_the_pass_speaks_the_customers_language_and_the_others_of_its_offer(
    locale: str, first: str, second: str
) -> None:
    language, other = ("de", "en") if locale == "de-DE" else ("en", "de")
    lines = (Line("line1", "back", f"{first} label", f"{first} value"),)
    table = {first: second, f"{first} label": f"{second} label", f"{first} value": f"{second} value", "T1": "T2"}
    card = Card(
        first,
        "coffee",
        (spot(1),),
        near=(spot(1),),
        lines=lines,
        terms="T1",
        told=Told(locale=locale),
        others={other: table},
    )
    pass_ = issued(card=card, uses_total=2, benefit=BENEFITS[2])
    read, tables = document(pass_), strings(pass_)
    shown = fields(read)
    assert shown["until"]["label"] == {"de": "GÜLTIG BIS", "en": "VALID UNTIL"}[language]
    assert shown["reward"]["value"] == first
    assert read["locations"][0]["relevantText"] == f"Marktplatz 1: {first}"
    proper = {field["value"] for key, field in shown.items() if key in PROPER}
    for texts in (tables[language], tables[other]):
        assert words(read) - proper <= texts.keys()
    assert all(text == said for text, said in tables[language].items())
    said = tables[other]
    assert (said[first], said["T1"], said[f"{first} value"]) == (second, "T2", f"{second} value")
    assert said[f"Marktplatz 1: {first}"] == f"Marktplatz 1: {second}"
    assert said[shown["until"]["label"]] == {"de": "GÜLTIG BIS", "en": "VALID UNTIL"}[other]


def test_a_third_language_has_our_labels_in_english_and_its_own_words() -> None:
    card = dressed(told=Told(locale="fr-FR"), others={"de": {"Coffee on us": "Kaffee aufs Haus"}})
    tables = strings(issued(card=card))
    assert tables["fr"]["Coffee on us"] == "Coffee on us"
    assert tables["de"]["Coffee on us"] == "Kaffee aufs Haus"
    assert tables["en"]["REWARD"] == "REWARD"
    assert tables["de"]["REWARD"] == "PRÄMIE"


def test_a_name_is_on_the_pass_only_where_the_offer_asked_for_it() -> None:
    for holder in (None, "Zoë-Canary"):
        drawn = draw(
            issued(card=dressed(holder=holder)),
            code=CODE,
            brand="Kairos",
            background=samples.GREEN,
            service=None,
            now=NOW,
        )
        file = b"".join(samples.unzipped(samples.template().build(drawn, signed_at=NOW)).values())
        assert ("Zoë-Canary".encode() in file) == (holder is not None)


@pytest.mark.parametrize("state", [PassState.REDEEMED, PassState.EXPIRED, PassState.VOIDED])
def test_a_pass_that_is_over_comes_up_nowhere(state: PassState) -> None:
    read = document(issued(state=state, card=dressed(dress=Dress(max_distance_m=200))))
    assert not {"locations", "maxDistance", "relevantDates", "relevantDate"} & read.keys()


def test_how_near_one_must_be_belongs_to_the_places() -> None:
    dress = Dress(max_distance_m=200)
    assert document(issued(card=dressed(dress=dress)))["maxDistance"] == 200
    assert "maxDistance" not in document(issued(card=dressed(dress=dress, near=())))


def test_tickets_of_a_group_lie_together() -> None:
    assert (
        document(issued(card=dressed(dress=Dress(apple="eventTicket", group="fair"))))["groupingIdentifier"] == "fair"
    )
    assert "groupingIdentifier" not in document(issued(card=dressed(dress=Dress(group="fair"))))


def test_an_appointment_comes_up_by_its_time_where_the_kind_can() -> None:
    later = {"valid_from": NOW + timedelta(hours=9), "valid_until": NOW + timedelta(hours=12)}
    for kind in KINDS:
        read = document(issued(card=dressed(dress=Dress(apple=kind), near=()), **later))
        dates = [{"startDate": "2026-03-02T17:30:00Z", "endDate": "2026-03-02T20:30:00Z"}]
        assert read.get("relevantDates") == (dates if kind in ("eventTicket", "generic") else None)
    ticket = Dress(apple="eventTicket")
    long = later | {"valid_until": NOW + timedelta(days=3)}
    for card, times in (
        (dressed(dress=ticket), later),
        (dressed(dress=ticket, near=()), {}),
        (dressed(dress=ticket, near=()), long),
        (dressed(dress=Dress(apple="eventTicket", relevance="none"), near=()), later),
    ):
        assert "relevantDates" not in document(issued(card=card, **times))


def test_another_wallet_may_draw_it_in_another_style() -> None:
    drawn = draw(
        issued(card=dressed(dress=Dress(apple="coupon", google="loyalty"))),
        code=CODE,
        brand="Kairos",
        background=samples.GREEN,
        service=None,
        now=NOW,
        style=STYLES_OF["loyalty"],
    )
    assert drawn.style == "store_card"


def test_openssl_takes_the_signature_of_what_was_drawn() -> None:
    card = dressed(dress=Dress(apple="eventTicket", background="#000000"), lines=LINES, terms='Ä "quoted" \\ line\nend')
    drawn = draw(issued(card=card), code=CODE, brand="Kairos", background=samples.GREEN, service=None, now=NOW)
    file = samples.template().build(drawn, signed_at=NOW)
    assert samples.verified(file)
    assert check(file) == []
