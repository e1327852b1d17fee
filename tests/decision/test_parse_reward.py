"""What the customer gets."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from server.model.look import Look
from server.model.money import Money
from server.model.offer import LocalClock, PlaceFilter, Reward, Validity
from tests.decision.rulebook import LEAST, STORE, changed, mistakes, read

EURO = {"minor": 100, "currency": "EUR"}


def reward(**members) -> Reward:
    """Read an offer with this reward."""
    found = read(changed(LEAST, "reward", members)).offer.reward
    assert found is not None
    return found


@pytest.mark.parametrize(
    "members",
    [
        {"type": "percent", "percent": 20},
        {"type": "amount", "value": EURO},
        {"type": "free_item"},
        {"type": "points", "points": 200},
        {"type": "stamp"},
        {"type": "stamp", "points": 2},
        {"type": "gift_card", "value": EURO},
        {"type": "access"},
        {"type": "experience"},
    ],
)
def test_every_type_has_what_it_needs(members):
    found = reward(**members)
    assert found.type == members["type"]
    assert (found.percent, found.points) == (members.get("percent"), members.get("points"))


def test_a_reward_has_sensible_defaults():
    found = reward(type="free_item")
    assert (found.uses, found.places, found.minimum_purchase, found.value) == (1, "triggering", None, None)
    assert found.valid == Validity(at_most=timedelta(days=30))
    assert found.wallet == Look()


def test_money_sku_and_uses_are_kept():
    found = reward(type="free_item", sku="coffee-small", value=EURO, minimum_purchase=EURO, uses=3)
    assert found == Reward(
        "free_item",
        value=Money(100, "EUR"),
        sku="coffee-small",
        uses=3,
        minimum_purchase=Money(100, "EUR"),
        valid=found.valid,
        wallet=found.wallet,
    )


@pytest.mark.parametrize(
    ("valid", "wanted"),
    [
        ({"from": "decision", "at_most": "PT4H"}, Validity(at_most=timedelta(hours=4))),
        ({"until": "2027-02-28"}, Validity(until=date(2027, 2, 28))),
        (
            {"from": "2026-12-01", "until": "2026-12-01"},
            Validity(date(2026, 12, 1), date(2026, 12, 1)),
        ),
        (
            {"from": {"local": "07:00"}, "until": {"local": "11:30", "tz": "Europe/Paris"}},
            Validity(LocalClock(time(7)), LocalClock(time(11, 30), "Europe/Paris")),
        ),
        (
            {"until": "2027-02-28T23:00:00Z", "at_most": "P7D"},
            Validity(None, datetime.fromisoformat("2027-02-28T23:00:00Z"), timedelta(days=7)),
        ),
        ({"from": "2026-12-01"}, Validity(date(2026, 12, 1), None, timedelta(days=30))),
    ],
)
def test_the_time_of_a_reward_is_kept(valid, wanted):
    assert reward(type="access", valid=valid).valid == wanted


def test_the_places_of_a_reward_are_words_ids_or_a_tag():
    assert reward(type="access", places="any").places == "any"
    assert reward(type="access", places={"tag": "store"}).places == PlaceFilter(tag="store")
    assert reward(type="access", places={"ids": [str(STORE.id)]}).places == PlaceFilter(ids=frozenset({STORE.id}))


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({}, ["type"]),
        ({"type": "money"}, ["type"]),
        ({"type": "access", "colour": "red"}, ["colour"]),
        ({"type": "percent"}, ["percent"]),
        ({"type": "percent", "percent": 0}, ["percent"]),
        ({"type": "percent", "percent": 101}, ["percent"]),
        ({"type": "amount"}, ["value"]),
        ({"type": "gift_card"}, ["value"]),
        ({"type": "points"}, ["points"]),
        ({"type": "points", "points": 0}, ["points"]),
        ({"type": "points", "points": 1.5}, ["points"]),
        ({"type": "access", "percent": 5}, ["percent"]),
        ({"type": "percent", "percent": 5, "points": 5}, ["points"]),
        ({"type": "amount", "value": 5}, ["value"]),
        ({"type": "amount", "value": {"minor": 5}}, ["value.currency"]),
        ({"type": "amount", "value": {"minor": 5, "currency": "euro"}}, ["value.currency"]),
        ({"type": "amount", "value": {"minor": 0, "currency": "EUR"}}, ["value.minor"]),
        ({"type": "amount", "value": {"minor": 2.5, "currency": "EUR"}}, ["value.minor"]),
        ({"type": "amount", "value": EURO | {"amount": 1}}, ["value.amount"]),
        ({"type": "access", "minimum_purchase": {"minor": -1, "currency": "EUR"}}, ["minimum_purchase.minor"]),
        ({"type": "access", "uses": 0}, ["uses"]),
        ({"type": "access", "sku": ""}, ["sku"]),
        ({"type": "access", "valid": "today"}, ["valid"]),
        ({"type": "access", "valid": {"to": "2026-12-01"}}, ["valid.to"]),
        ({"type": "access", "valid": {"until": "tomorrow"}}, ["valid.until"]),
        ({"type": "access", "valid": {"until": "decision"}}, ["valid.until"]),
        ({"type": "access", "valid": {"until": "2026-02-30"}}, ["valid.until"]),
        ({"type": "access", "valid": {"until": "2026-12-01T12:00:00"}}, ["valid.until"]),
        ({"type": "access", "valid": {"until": {"local": "24:00"}}}, ["valid.until.local"]),
        ({"type": "access", "valid": {"until": {}}}, ["valid.until.local"]),
        ({"type": "access", "valid": {"until": {"local": "11:00", "tz": "CEST"}}}, ["valid.until.tz"]),
        ({"type": "access", "valid": {"from": "2026-12-02", "until": "2026-12-01"}}, ["valid.until"]),
        (
            {"type": "access", "valid": {"from": "2026-12-01T10:00:00Z", "until": "2026-12-01T11:00:00+01:00"}},
            ["valid.until"],
        ),
        ({"type": "access", "valid": {"at_most": "PT1S"}}, ["valid.at_most"]),
        ({"type": "access", "places": "somewhere"}, ["places"]),
        ({"type": "access", "places": {"any": True}}, ["places.any", "places"]),
        ({"type": "access", "places": {"tag": "kiosk"}}, ["places.tag"]),
        ({"type": "access", "wallet": "apple"}, ["wallet"]),
        ({"type": "access", "wallet": {"apple": "boarding_pass"}}, ["wallet.apple"]),
        ({"type": "access", "wallet": {"samsung": "coupon"}}, ["wallet.samsung"]),
    ],
)
def test_a_reward_that_cannot_be_given_says_where(members, fields):
    found = [error.field for error in mistakes(changed(LEAST, "reward", members))]
    assert found == [f"reward.{field}" for field in fields]
