"""The fields of a pass, broken in one way at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from passes.testing import check
from passes.testing.fields import check_sections
from tests.passes.samples import edited

Style = dict[str, Any]

BROKEN: dict[str, tuple[str, Callable[[Style], Any]]] = {
    "a section that does not exist": ("section.unknown", lambda s: s.update(footerFields=[])),
    "a section that is an object": ("section.form", lambda s: s.update(headerFields={})),
    "four header fields": ("section.header", lambda s: s.update(headerFields=[field(f"h{n}") for n in range(4)])),
    "a poster ticket's section": ("section.ticket", lambda s: s.update(additionalInfoFields=[field("a")])),
    "a field that is a text": ("field.form", lambda s: s.update(headerFields=["uses"])),
    "a field without a key": ("field.key", lambda s: s["backFields"][0].pop("key")),
    "a key that is a number": ("field.key", lambda s: s["backFields"][0].update(key=1)),
    "a key twice in a section": ("field.key_twice", lambda s: s["backFields"][0].update(key="phone")),
    "a key twice in the pass": ("field.key_twice", lambda s: s["backFields"][0].update(key="reward")),
    "a field without a value": ("field.no_value", lambda s: s["primaryFields"][0].pop("value")),
    "a value that is a list": ("field.value", lambda s: s["primaryFields"][0].update(value=[1])),
    "a value that is true": ("field.value", lambda s: s["primaryFields"][0].update(value=True)),
    "a value that is null": ("field.value", lambda s: s["primaryFields"][0].update(value=None)),
    "a label that is a number": ("field.label", lambda s: s["primaryFields"][0].update(label=7)),
    "a change message without its place": (
        "field.change_message",
        lambda s: s["primaryFields"][0].update(changeMessage="Changed"),
    ),
    "bold text": ("field.markup", lambda s: s["backFields"][0].update(attributedValue="<b>now</b>")),
    "a link that runs code": (
        "field.markup",
        lambda s: s["backFields"][0].update(attributedValue="<a href='x' onclick='y'>z</a>"),
    ),
    "an attributed value that is a list": ("field.attributed", lambda s: s["backFields"][0].update(attributedValue=[])),
    "an unknown detector": ("field.detector", lambda s: s["backFields"][1].update(dataDetectorTypes=["Phone"])),
    "a detector on the front": ("field.detector_place", lambda s: s["headerFields"][0].update(dataDetectorTypes=[])),
    "an unknown alignment": ("field.alignment", lambda s: s["headerFields"][0].update(textAlignment="right")),
    "an alignment of a primary field": (
        "field.alignment_place",
        lambda s: s["primaryFields"][0].update(textAlignment="PKTextAlignmentLeft"),
    ),
    "a date style alone": ("field.half_date", lambda s: s["auxiliaryFields"][0].pop("timeStyle")),
    "an unknown date style": ("field.date_style", lambda s: s["auxiliaryFields"][0].update(dateStyle="short")),
    "a date style over a word": ("date.form", lambda s: s["auxiliaryFields"][0].update(value="at eleven")),
    "a date style over no zone": ("date.zone", lambda s: s["auxiliaryFields"][0].update(value="2026-03-02T11:00")),
    "a relative date of yes": ("field.date_switch", lambda s: s["auxiliaryFields"][0].update(isRelative="yes")),
    "a currency over a text": ("field.no_number", lambda s: s["headerFields"][0].update(value="3", currencyCode="EUR")),
    "a currency by its sign": ("field.currency", lambda s: s["headerFields"][0].update(currencyCode="€")),
    "an unknown number style": ("field.number_style", lambda s: s["headerFields"][0].update(numberStyle="Percent")),
    "a row of a secondary field": ("field.row_place", lambda s: s["secondaryFields"][0].update(row=1)),
    "semantics of a list": ("field.semantics", lambda s: s["backFields"][0].update(semantics=[])),
    "a third row": ("field.row", lambda s: s["auxiliaryFields"][0].update(row=2)),
}


def field(key: str, **more: object) -> dict[str, object]:
    return {"key": key, "value": "x", **more}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_field_is_refused_by_its_own_code_alone(name: str) -> None:
    code, change = BROKEN[name]
    assert {finding.code for finding in check(edited(lambda document: change(document["coupon"])))} == {code}


def test_a_number_beyond_all_numbers_is_refused() -> None:
    body = json.loads('{"primaryFields": [{"key": "a", "value": 1e999}]}')
    assert [finding.code for finding in check_sections("coupon", body)] == ["field.value"]


def test_everything_that_apple_allows_in_a_field_is_taken() -> None:
    body = {
        "headerFields": [field("a", textAlignment="PKTextAlignmentNatural", label="")],
        "primaryFields": [{"key": "b", "value": 3.2, "currencyCode": "EUR", "changeMessage": "Now %@"}],
        "secondaryFields": [{"key": "c", "value": 0.5, "numberStyle": "PKNumberStylePercent"}],
        "auxiliaryFields": [
            {
                "key": "d",
                "value": "1980-05-07T10:30-05:00",
                "dateStyle": "PKDateStyleFull",
                "timeStyle": "PKDateStyleNone",
                "ignoresTimeZone": True,
                "row": 0,
            }
        ],
        "backFields": [
            field("e", attributedValue='see <a href="https://kairos.example">here</a>', dataDetectorTypes=[]),
        ],
    }
    assert check_sections("coupon", body) == []
    assert check_sections("eventTicket", {"additionalInfoFields": [field("f")]}) == []
