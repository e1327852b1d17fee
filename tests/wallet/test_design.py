"""What stands on a pass, read back from the file that a phone would get."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from passes.testing import check
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Pass, PassState, Spot
from server.model.place import Point
from server.wallet.design import Updates, amount, draw, grouped, words_for
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
        "card": Card("Coffee on us", "coffee-morning", (spot(1), spot(2))),
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
    return {field["key"]: field for section in read["coupon"].values() for field in section}


def test_the_title_the_worth_the_end_and_the_store_stand_on_the_front() -> None:
    front = document(issued())["coupon"]
    assert [field["value"] for field in front["primaryFields"]] == ["Coffee on us"]
    assert {field["key"] for field in front["secondaryFields"]} == {"worth", "place"}
    assert [field["key"] for field in front["auxiliaryFields"]] == ["until"]


def test_money_is_a_number_with_its_currency() -> None:
    worth = fields(document(issued()))["worth"]
    assert (worth["value"], worth["currencyCode"]) == (2.5, "EUR")


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (Money(250, "EUR"), Decimal("2.50")),
        (Money(250, "JPY"), Decimal(250)),
        (Money(2500, "KWD"), Decimal("2.500")),
        (Money(0, "USD"), Decimal("0.00")),
        (Money(1, "GBP"), Decimal("0.01")),
    ],
)
def test_minor_units_become_whole_ones_by_iso_4217(money: Money, expected: Decimal) -> None:
    assert amount(money) == expected


def test_percent_and_points_are_said_in_their_own_way() -> None:
    assert fields(document(issued(benefit=Benefit("percent", percent=12.5))))["worth"]["value"] == "12.5 %"
    assert fields(document(issued(benefit=Benefit("points", points=40))))["worth"]["value"] == 40


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
    card = Card("Coffee on us", "coffee-morning", tuple(spot(number) for number in range(1, 11)))
    read = document(issued(card=card))
    assert [place["latitude"] for place in read["locations"]] == [spot(number).point.lat for number in range(1, 11)]
    assert all("Coffee on us" in place["relevantText"] for place in read["locations"])


def test_no_more_than_ten_places_are_written_whatever_the_card_holds() -> None:
    card = Card("Coffee", "coffee", tuple(spot(number) for number in range(1, 15)))
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


def test_every_text_of_ours_is_there_in_german() -> None:
    drawn = draw(
        issued(uses_total=2, benefit=Benefit("amount", value=Money(5, "EUR"), minimum_purchase=Money(9, "EUR"))),
        code=CODE,
        brand="Kairos",
        background=samples.GREEN,
        service=None,
        now=NOW,
    )
    german = drawn.localisations["de"]
    labels = {field.label for _, section in drawn.fields for field in section}
    assert labels <= german.keys()
    assert not [text for text, other in german.items() if text == other]


def test_the_brand_is_on_the_lock_screen() -> None:
    read = document(issued())
    assert read["organizationName"] == read["logoText"] == samples.BRAND
    assert read["description"] == "Coffee on us"


def test_the_serial_stays_the_same_whatever_becomes_of_the_pass() -> None:
    serials = {document(replace(issued(), state=state))["serialNumber"] for state in PassState}
    assert serials == {str(SERIAL)}


@pytest.mark.parametrize(
    ("benefit", "english", "german"),
    [
        (Benefit("percent", percent=20), "20 % off", "20 % Rabatt"),
        (Benefit("points", points=7), "7 points", "7 Punkte"),
        (Benefit("amount", value=Money(250, "EUR")), "2.50 EUR off", "2,50 EUR Rabatt"),
        (Benefit("free_item", value=Money(250, "EUR")), "One on us", "Einmal aufs Haus"),
        (Benefit("gift_card", value=Money(250, "EUR")), "A gift card", "Ein Gutschein"),
        (Benefit("something new"), "Your reward", "Deine Prämie"),
    ],
)
def test_a_reward_has_words_of_its_own(benefit: Benefit, english: str, german: str) -> None:
    assert words_for(benefit, german=False) == english
    assert words_for(benefit, german=True) == german
