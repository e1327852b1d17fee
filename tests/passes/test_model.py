"""The words of the library: values that cannot be changed, and fields put where their style shows them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from passes import model
from passes.model import Field, Fields, Pass, Role, Section, arrange
from passes.styles import STYLES

VALUES = [value for value in vars(model).values() if isinstance(value, type) and is_dataclass(value)]


@pytest.mark.parametrize("value", VALUES)
def test_every_value_is_frozen_and_slotted(value: type) -> None:
    assert "__slots__" in vars(value)
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_pass_cannot_be_changed_once_it_is_made() -> None:
    made = Pass("1", "coupon", "Coffee")
    with pytest.raises(FrozenInstanceError):
        made.voided = True  # type: ignore[misc]


def test_fields_are_read_section_by_section_in_the_order_of_the_pass() -> None:
    own = Fields(header=(Field("a", "x"),), back=(Field("b", "x"),))
    assert [section for section, _ in own] == list(Section)
    assert [field.key for _, entries in own for field in entries] == ["a", "b"]
    assert {entry.name for entry in fields(Fields)} == {section.value for section in Section}


def test_a_coupon_shows_its_headline_large_and_its_terms_on_the_back() -> None:
    headline, terms, place, holder, until = (Field(key, "x") for key in ("h", "t", "p", "o", "u"))
    arranged = arrange(
        STYLES["coupon"],
        {
            Role.HEADLINE: (headline,),
            Role.DEADLINE: (until,),
            Role.HOLDER: (holder,),
            Role.PLACE: (place,),
            Role.SMALL_PRINT: (terms,),
        },
    )
    assert arranged == Fields(primary=(headline,), secondary=(place,), auxiliary=(until, holder), back=(terms,))


def test_the_same_fields_stand_elsewhere_on_a_store_card() -> None:
    entries = {Role.HEADLINE: (Field("h", "x"),), Role.BALANCE: (Field("b", 7),)}
    assert arrange(STYLES["store_card"], entries) == Fields(primary=(Field("b", 7),), secondary=(Field("h", "x"),))


@pytest.mark.parametrize("name", sorted(STYLES))
def test_no_style_loses_a_field(name: str) -> None:
    entries = {role: (Field(role.value, "x"),) for role in Role}
    keys = {field.key for _, placed in arrange(STYLES[name], entries) for field in placed}
    assert keys == {role.value for role in Role}


def test_nothing_in_nothing_out() -> None:
    assert arrange(STYLES["generic"], {}) == Fields()
