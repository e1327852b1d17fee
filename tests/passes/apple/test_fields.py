"""Each rule of Apple's about fields, broken once: the refusal names the key and has a code that stays."""

from __future__ import annotations

from decimal import Decimal

import pytest

from passes.apple.fields import check_fields, section_key
from passes.errors import ContentError
from passes.model import Alignment, DateStyle, Detector, Field, Fields, NumberStyle, Section
from passes.styles import STYLES
from tests.passes.samples import NOW

NAIVE = NOW.replace(tzinfo=None)

FIELDS: dict[str, tuple[str, str, Section, Field]] = {
    "no key": ("field.key", ".key", Section.BACK, Field("", "x")),
    "a list": ("field.value", ".value", Section.BACK, Field("a", ["x"])),  # type: ignore[arg-type]
    "a switch": ("field.value", ".value", Section.BACK, Field("a", True)),
    "no number": ("field.finite", ".value", Section.BACK, Field("a", float("nan"))),
    "an endless decimal": ("field.finite", ".value", Section.BACK, Field("a", Decimal("Infinity"))),
    "a time without a zone": (
        "date.zone",
        ".value",
        Section.BACK,
        Field("a", NAIVE, date_style=DateStyle.SHORT, time_style=DateStyle.SHORT),
    ),
    "half a date style": ("field.half_date", "", Section.BACK, Field("a", NOW, date_style=DateStyle.SHORT)),
    "a date without a style": ("field.undated", "", Section.BACK, Field("a", NOW)),
    "a style without a date": (
        "field.dateless",
        "",
        Section.BACK,
        Field("a", "x", date_style=DateStyle.SHORT, time_style=DateStyle.SHORT),
    ),
    "a relative text": ("field.dateless", "", Section.BACK, Field("a", "x", is_relative=True)),
    "a currency of a text": ("field.numberless", "", Section.BACK, Field("a", "3", currency="EUR")),
    "a number style of a text": (
        "field.numberless",
        "",
        Section.BACK,
        Field("a", "3", number_style=NumberStyle.PERCENT),
    ),
    "two number styles": (
        "field.two_numbers",
        "",
        Section.BACK,
        Field("a", 3, currency="EUR", number_style=NumberStyle.DECIMAL),
    ),
    "a currency by its sign": ("field.currency", ".currencyCode", Section.BACK, Field("a", 3, currency="€")),
    "a change without its place": (
        "field.change_message",
        ".changeMessage",
        Section.BACK,
        Field("a", "x", change_message="changed"),
    ),
    "bold text": ("field.markup", ".attributedValue", Section.BACK, Field("a", "x", attributed_value="<b>x</b>")),
    "a link with code": (
        "field.markup",
        ".attributedValue",
        Section.BACK,
        Field("a", "x", attributed_value="<a href='x' onclick='y'>x</a>"),
    ),
    "an aligned primary field": (
        "field.alignment",
        ".textAlignment",
        Section.PRIMARY,
        Field("a", "x", alignment=Alignment.LEFT),
    ),
    "an aligned back field": (
        "field.alignment",
        ".textAlignment",
        Section.BACK,
        Field("a", "x", alignment=Alignment.LEFT),
    ),
    "a detector on the front": (
        "field.detectors",
        ".dataDetectorTypes",
        Section.HEADER,
        Field("a", "x", detectors=(Detector.LINK,)),
    ),
    "a row in the header": ("field.row", ".row", Section.HEADER, Field("a", "x", row=1)),
    "a third row": ("field.row_number", ".row", Section.AUXILIARY, Field("a", "x", row=2)),  # type: ignore[arg-type]
    "a key that is a number": ("field.key", ".key", Section.BACK, Field(7, "x")),  # type: ignore[arg-type]
    "more than a phone can hold": ("field.finite", ".value", Section.BACK, Field("a", 10**5000)),
    "an attributed list": ("field.value", ".attributedValue", Section.BACK, Field("a", "x", attributed_value=[1])),  # type: ignore[arg-type]
    "an attributed time without a zone": (
        "date.zone",
        ".attributedValue",
        Section.BACK,
        Field("a", "x", attributed_value=NAIVE),
    ),
    "semantics of a list": ("json.value", ".semantics", Section.BACK, Field("a", "x", semantics=["a"])),  # type: ignore[arg-type]
    "semantics of no JSON": ("json.value", ".semantics", Section.BACK, Field("a", "x", semantics={"a": {1}})),
}


def refused(fields: Fields, style: str = "coupon") -> tuple[str, str]:
    with pytest.raises(ContentError) as caught:
        check_fields(fields, STYLES[style])
    assert caught.value.rule
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("name", FIELDS)
def test_a_broken_field_is_refused_with_code_and_place(name: str) -> None:
    code, key, section, field = FIELDS[name]
    fields = Fields(**{section.value: (field,)})
    assert refused(fields) == (code, f"coupon.{section.value}Fields[0]{key}")


def test_a_key_is_unique_in_the_whole_pass() -> None:
    fields = Fields(header=(Field("a", "x"),), back=(Field("b", "x"), Field("a", "x")))
    assert refused(fields) == ("field.duplicate_key", "coupon.backFields[1].key")


@pytest.mark.parametrize(
    ("counts", "code", "where"),
    [
        ({"header": 4}, "fields.many", "coupon.headerFields"),
        ({"primary": 2}, "fields.many", "coupon.primaryFields"),
        ({"secondary": 3, "auxiliary": 2}, "fields.rows", "coupon"),
        ({"additional_info": 1}, "fields.section", "coupon.additionalInfoFields"),
    ],
)
def test_more_fields_than_wallet_shows_are_refused(counts: dict[str, int], code: str, where: str) -> None:
    sections = {
        section: tuple(Field(f"{section}{index}", "x") for index in range(count)) for section, count in counts.items()
    }
    assert refused(Fields(**sections)) == (code, where)


@pytest.mark.parametrize(
    "field",
    [
        Field("a", "x", row=0),
        Field("a", "x", row=1, alignment=Alignment.NATURAL, change_message="Now: %@"),
        Field("a", 10**300, number_style=NumberStyle.SCIENTIFIC),
        Field("a", Decimal("3.20"), currency="EUR", semantics={"balance": {"amount": "3.20", "currencyCode": "EUR"}}),
        Field(
            "a", NOW, date_style=DateStyle.NONE, time_style=DateStyle.SHORT, is_relative=True, ignores_time_zone=True
        ),
        Field("a", "x", attributed_value="<a href='https://k.example'>here</a>"),
        Field("a", "x", attributed_value=3),
        Field("a", "x", attributed_value=NOW),
    ],
)
def test_what_apple_allows_in_a_field_is_not_refused(field: Field) -> None:
    check_fields(Fields(auxiliary=(field,)), STYLES["coupon"])
    with pytest.raises(ContentError):
        check_fields(Fields(auxiliary=(field, field)), STYLES["coupon"])


@pytest.mark.parametrize(
    ("section", "key"),
    [(Section.HEADER, "headerFields"), (Section.BACK, "backFields"), (Section.ADDITIONAL_INFO, "additionalInfoFields")],
)
def test_sections_have_apples_names(section: Section, key: str) -> None:
    assert section_key(section) == key
