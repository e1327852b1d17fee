"""A pass's words: what a document says of a reward, what a card remembers, when a pass is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.model.look import Dress
from server.model.money import Money
from server.model.pass_ import (
    Benefit,
    Card,
    Line,
    Pass,
    PassState,
    Spot,
    Told,
    benefit_from,
    card_document,
    card_from,
    money_from,
)
from server.model.place import Point

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)


def test_a_reward_is_read_from_its_document() -> None:
    document = {
        "type": "amount",
        "value": {"minor": 500, "currency": "EUR"},
        "uses": 3,
        "minimum_purchase": {"minor": 2000, "currency": "EUR"},
        "valid": {"at_most": "PT4H"},
        "places": "any",
        "wallet": {"apple": "coupon"},
    }
    expected = Benefit("amount", value=Money(500, "EUR"), uses=3, minimum_purchase=Money(2000, "EUR"))
    assert benefit_from(document) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "percent", "percent": 20}, Benefit("percent", percent=20)),
        ({"type": "points", "points": 10, "value": None}, Benefit("points", points=10)),
        ({"type": "free_item", "sku": "coffee", "uses": None}, Benefit("free_item", sku="coffee")),
    ],
)
def test_what_is_left_out_has_its_default(document: dict[str, object], expected: Benefit) -> None:
    assert benefit_from(document) == expected


def test_no_money_stays_none() -> None:
    assert money_from(None) is None
    assert money_from({"minor": 0, "currency": "JPY"}) == Money(0, "JPY")


def test_a_card_survives_its_document() -> None:
    card = Card("Coffee", "coffee-morning", (Spot(UUID(int=1), "Marktplatz", Point(48.4, 9.99)),), anywhere=True)
    assert card_from(card_document(card)) == card
    assert card_from(card_document(Card("Coffee", "coffee"))) == Card("Coffee", "coffee")


def test_a_card_survives_whatever_stands_on_it() -> None:
    spot = Spot(UUID(int=1), "Marktplatz", Point(48.4, 9.99))
    card = Card(
        "Kaffee",
        "coffee-morning",
        (spot,),
        near=(spot,),
        dress=Dress("storeCard", background="#145a3c"),
        lines=(Line("line1", "back", "Hinweis", "Bitte klingeln"),),
        terms="Einmal am Tag.",
        holder="Kim",
        told=Told("de-DE", "du", "Marktplatz", "Marktplatz 1", "Europe/Berlin"),
        others={"en": {"Kaffee": "Coffee"}},
        version=4,
    )
    assert card_from(json.loads(json.dumps(card_document(card)))) == card
    assert card.language == "de"
    assert "Kim" not in repr(card)


def test_a_card_of_an_earlier_version_can_still_be_read() -> None:
    spots = [{"id": str(UUID(int=1)), "name": "Marktplatz", "lat": 48.4, "lon": 9.99}]
    old = {"title": "Coffee", "offer": "coffee", "spots": spots, "anywhere": False}
    assert card_from(old) == Card("Coffee", "coffee", (Spot(UUID(int=1), "Marktplatz", Point(48.4, 9.99)),))
    assert card_document(card_from(old)) == old


def issued(state: PassState, until: datetime | None) -> Pass:
    return Pass(
        serial=UUID(int=1),
        customer_id=None,
        moment_id=UUID(int=2),
        offer_id=UUID(int=3),
        offer_version=1,
        state=state,
        card=Card("Coffee", "coffee"),
        benefit=Benefit("free_item"),
        uses_total=1,
        uses_left=1,
        valid_from=NOW,
        valid_until=until,
        places=None,
        place_tag=None,
        key_id=1,
        token_sealed=b"secret",
        modified_at=NOW,
        created_at=NOW,
    )


def test_an_active_pass_is_over_from_its_end_on() -> None:
    pass_ = issued(PassState.ACTIVE, UNTIL)
    assert pass_.state_at(UNTIL - timedelta(microseconds=1)) is PassState.ACTIVE
    assert pass_.state_at(UNTIL) is PassState.EXPIRED


@pytest.mark.parametrize("state", [PassState.REDEEMED, PassState.EXPIRED, PassState.VOIDED])
def test_what_is_over_stays_what_it_became(state: PassState) -> None:
    assert issued(state, UNTIL).state_at(UNTIL + timedelta(days=9)) is state


def test_a_pass_without_an_end_stays_active() -> None:
    assert issued(PassState.ACTIVE, None).state_at(NOW + timedelta(days=9999)) is PassState.ACTIVE


def test_a_pass_does_not_print_its_token() -> None:
    assert "secret" not in repr(issued(PassState.ACTIVE, UNTIL))
