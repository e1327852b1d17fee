"""Rewards and money on the wire: what the offer states, and nothing that it does not."""

from __future__ import annotations

import msgspec
import pytest

from server.model.money import Money
from server.model.pass_ import Benefit
from server.web.rewards import MoneyBody, money_of, reward_answer, reward_of


def written(answer: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(answer))


def test_only_what_is_stated_is_written() -> None:
    assert written(reward_answer(Benefit("percent", percent=20))) == {"type": "percent", "percent": 20, "uses": 1}


def test_money_is_minor_units_and_a_currency() -> None:
    benefit = Benefit("amount", value=Money(500, "EUR"), uses=2, minimum_purchase=Money(2000, "EUR"))
    assert written(reward_answer(benefit)) == {
        "type": "amount",
        "value": {"minor": 500, "currency": "EUR"},
        "uses": 2,
        "minimum_purchase": {"minor": 2000, "currency": "EUR"},
    }


def test_a_document_is_written_without_what_is_not_for_the_till() -> None:
    document = {"type": "free_item", "sku": "coffee", "places": "any", "valid": {"at_most": "PT4H"}}
    assert written(reward_of(document)) == {"type": "free_item", "sku": "coffee", "uses": 1}


def test_money_is_read() -> None:
    read = msgspec.json.decode(b'{"minor": 250, "currency": "EUR"}', type=MoneyBody)
    assert money_of(read) == Money(250, "EUR")


@pytest.mark.parametrize(
    "text",
    [
        b'{"minor": -1, "currency": "EUR"}',
        b'{"minor": 1.5, "currency": "EUR"}',
        b'{"minor": "1", "currency": "EUR"}',
        b'{"minor": 1, "currency": "eur"}',
        b'{"minor": 1, "currency": "EURO"}',
        b'{"minor": 1}',
        b'{"minor": 1, "currency": "EUR", "major": 1}',
        b'{"minor": 99999999999999999, "currency": "EUR"}',
    ],
)
def test_what_is_no_money_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=MoneyBody)
