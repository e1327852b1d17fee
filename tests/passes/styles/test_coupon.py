"""A coupon: the reward is what is seen first."""

from __future__ import annotations

from passes.model import Field, Fields, Role, Section
from passes.styles.coupon import STYLE
from passes.testing import check
from tests.passes.samples import NOW, coupon, template


def test_its_class_at_google_is_offer() -> None:
    assert STYLE.google == "offer"


def test_the_reward_is_the_primary_field_and_the_deadline_stands_below() -> None:
    assert STYLE.places[Role.HEADLINE] is Section.PRIMARY
    assert STYLE.places[Role.DEADLINE] is Section.AUXILIARY


def test_a_coupon_comes_up_by_place_alone_and_in_no_group() -> None:
    assert (STYLE.may_be_dated, STYLE.may_group) == (False, False)


def test_four_fields_fit_below_the_reward() -> None:
    four = tuple(Field(str(number), "x") for number in range(4))
    pkpass = template().build(coupon(fields=Fields(secondary=four)), signed_at=NOW)
    assert check(pkpass) == []
