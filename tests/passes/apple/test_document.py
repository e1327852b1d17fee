"""pass.json as a whole, and how times and translations are written."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from passes.apple.document import Issuer, document_for, strings_for
from passes.errors import ContentError
from passes.model import (
    Alignment,
    Barcode,
    Beacon,
    Colour,
    DateStyle,
    Detector,
    Field,
    Fields,
    Location,
    Nfc,
    NumberStyle,
    Pass,
    RelevantDate,
    Symbology,
)
from passes.styles import STYLES
from passes.testing.strings import check_strings
from tests.passes.apple.test_rules import P256
from tests.passes.samples import BRAND, NOW, PASS_TYPE, SERVICE, TEAM, TOKEN, coupon, ticket

ISSUER = Issuer(PASS_TYPE, TEAM, BRAND)


def read(pass_: Pass) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(document_for(pass_, STYLES[pass_.style], ISSUER))
    return document


def test_a_bare_pass_holds_what_apple_requires_and_nothing_else() -> None:
    assert read(Pass("1", "coupon", "Coffee on us")) == {
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "serialNumber": "1",
        "teamIdentifier": TEAM,
        "organizationName": BRAND,
        "description": "Coffee on us",
        "coupon": {},
    }


def test_a_whole_coupon_is_written_as_apple_documents_it() -> None:
    document = read(coupon(voided=True, suppress_strip_shine=True, associated_apps=(7,), app_launch_url="kairos://x"))
    body = document.pop("coupon")
    assert document == {
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "serialNumber": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b",
        "teamIdentifier": TEAM,
        "organizationName": BRAND,
        "description": "Coffee on us until 11",
        "logoText": "Kaffeeklatsch",
        "barcodes": [
            {
                "format": "PKBarcodeFormatQR",
                "message": "1.k1.abcdef",
                "messageEncoding": "iso-8859-1",
                "altText": "ABCDEF",
            },
            {"format": "PKBarcodeFormatCode128", "message": "1.k1.abcdef", "messageEncoding": "iso-8859-1"},
        ],
        "barcode": {
            "format": "PKBarcodeFormatQR",
            "message": "1.k1.abcdef",
            "messageEncoding": "iso-8859-1",
            "altText": "ABCDEF",
        },
        "backgroundColor": "rgb(20, 90, 60)",
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(200, 220, 210)",
        "suppressStripShine": True,
        "locations": [{"latitude": 48.3984, "longitude": 9.9916, "relevantText": "Coffee is 50 m away"}],
        "maxDistance": 200,
        "beacons": [{"proximityUUID": "F8F589E9-C07E-58B2-AEAB-A36BE4A48FAC", "major": 1, "minor": 2}],
        "expirationDate": "2026-03-02T10:30:00Z",
        "voided": True,
        "sharingProhibited": True,
        "associatedStoreIdentifiers": [7],
        "appLaunchURL": "kairos://x",
        "webServiceURL": SERVICE,
        "authenticationToken": TOKEN,
        "userInfo": {"offer": "coffee"},
    }
    assert list(body) == ["headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields"]
    assert body["primaryFields"] == [
        {"key": "reward", "label": "TODAY", "value": "Coffee on us", "changeMessage": "Now: %@"}
    ]
    assert body["auxiliaryFields"] == [
        {
            "key": "until",
            "label": "UNTIL",
            "value": "2026-03-02T10:30:00Z",
            "dateStyle": "PKDateStyleNone",
            "timeStyle": "PKDateStyleShort",
            "isRelative": True,
        }
    ]
    assert body["backFields"][1]["dataDetectorTypes"] == ["PKDataDetectorTypePhoneNumber"]


def test_every_part_of_a_field_has_apples_name() -> None:
    field = Field(
        "a",
        NOW,
        "L",
        attributed_value="<a href='https://k.example'>x</a>",
        alignment=Alignment.CENTER,
        date_style=DateStyle.FULL,
        time_style=DateStyle.LONG,
        ignores_time_zone=True,
        row=0,
        semantics={"eventName": "Tasting"},
    )
    assert read(ticket(fields=Fields(auxiliary=(field,))))["eventTicket"]["auxiliaryFields"] == [
        {
            "key": "a",
            "label": "L",
            "value": "2026-03-02T08:30:00Z",
            "attributedValue": "<a href='https://k.example'>x</a>",
            "textAlignment": "PKTextAlignmentCenter",
            "dateStyle": "PKDateStyleFull",
            "timeStyle": "PKDateStyleLong",
            "ignoresTimeZone": True,
            "row": 0,
            "semantics": {"eventName": "Tasting"},
        }
    ]


def test_no_detectors_is_another_thing_than_all_of_them() -> None:
    fields = Fields(back=(Field("a", "x", detectors=()), Field("b", "x", detectors=(Detector.LINK, Detector.ADDRESS))))
    none, two = read(coupon(fields=fields))["coupon"]["backFields"]
    assert none["dataDetectorTypes"] == []
    assert two["dataDetectorTypes"] == ["PKDataDetectorTypeLink", "PKDataDetectorTypeAddress"]
    assert "dataDetectorTypes" not in read(coupon())["coupon"]["backFields"][0]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3, "3"),
        (Decimal("3.20"), "3.2"),
        (Decimal("300"), "300"),
        (Decimal("3E+2"), "300"),
        (0.25, "0.25"),
        ("3", '"3"'),
    ],
)
def test_numbers_are_numbers_and_texts_are_texts(value: object, written: str) -> None:
    field = Field("a", value, number_style=None if isinstance(value, str) else NumberStyle.DECIMAL)  # type: ignore[arg-type]
    raw = document_for(coupon(fields=Fields(back=(field,))), STYLES["coupon"], ISSUER).decode()
    assert f'"value":{written},' in raw + "," or f'"value":{written}}}' in raw


def test_a_ticket_is_dated_for_new_and_old_phones() -> None:
    moment = RelevantDate(NOW + timedelta(days=1))
    span = RelevantDate(NOW, NOW + timedelta(hours=4))
    document = read(ticket(relevant_dates=(span, moment)))
    assert document["relevantDates"] == [
        {"startDate": "2026-03-02T08:30:00Z", "endDate": "2026-03-02T12:30:00Z"},
        {"relevantDate": "2026-03-03T08:30:00Z", "date": "2026-03-03T08:30:00Z"},
    ]
    assert document["relevantDate"] == "2026-03-03T08:30:00Z"
    assert read(ticket(relevant_dates=(span,)))["relevantDate"] == "2026-03-02T08:30:00Z"
    assert document["groupingIdentifier"] == "tasting"


def test_contactless_payload_place_and_codes_are_written() -> None:
    document = read(
        coupon(
            nfc=Nfc("x", P256, requires_authentication=True),
            locations=(Location(1, 2, altitude=3),),
            beacons=(Beacon("F8F589E9-C07E-58B2-AEAB-A36BE4A48FAC", relevant_text="here"),),
            barcodes=(Barcode("x", Symbology.PDF417), Barcode("x", Symbology.AZTEC)),
            background=Colour(0, 0, 255),
        )
    )
    assert document["nfc"] == {"message": "x", "encryptionPublicKey": P256, "requiresAuthentication": True}
    assert document["locations"] == [{"latitude": 1, "longitude": 2, "altitude": 3}]
    assert document["beacons"] == [{"proximityUUID": "F8F589E9-C07E-58B2-AEAB-A36BE4A48FAC", "relevantText": "here"}]
    assert [code["format"] for code in document["barcodes"]] == ["PKBarcodeFormatPDF417", "PKBarcodeFormatAztec"]
    assert document["backgroundColor"] == "rgb(0, 0, 255)"


def test_the_pass_may_name_the_issuer_but_no_other() -> None:
    assert read(coupon(pass_type_id=PASS_TYPE, team_id=TEAM, organization="Klatsch"))["organizationName"] == "Klatsch"
    for changes, where in (({"pass_type_id": "pass.de.x"}, "passTypeIdentifier"), ({"team_id": "X"}, "teamIdentifier")):
        with pytest.raises(ContentError) as caught:
            read(coupon(**changes))
        assert (caught.value.code, caught.value.field) == ("issuer.other", where)


def test_old_readers_get_the_first_code_that_they_know() -> None:
    linear, square = Barcode("1", Symbology.CODE128), Barcode("2", Symbology.AZTEC)
    assert read(coupon(barcodes=(linear, square)))["barcode"]["message"] == "2"
    assert "barcode" not in read(coupon(barcodes=(linear,)))
    assert "barcode" not in read(coupon(barcodes=()))


def test_a_poster_ticket_says_how_it_wants_to_be_seen_and_what_it_means() -> None:
    document = read(
        ticket(
            preferred_schemes=("posterEventTicket", "eventTicket"),
            semantics={"eventName": "Tasting"},
            fields=Fields(additional_info=(Field("a", "x", attributed_value=NOW),)),
        )
    )
    assert document["preferredStyleSchemes"] == ["posterEventTicket", "eventTicket"]
    assert document["semantics"] == {"eventName": "Tasting"}
    assert document["eventTicket"] == {
        "additionalInfoFields": [{"key": "a", "value": "x", "attributedValue": "2026-03-02T08:30:00Z"}]
    }


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"description": "\ud83d"}, "description"),
        ({"fields": Fields(back=(Field("a", "x"), Field("b", "x \udfff")))}, "coupon.backFields[1].value"),
        ({"locations": (Location(1, 2, relevant_text="\ud800"),)}, "locations[0].relevantText"),
        ({"user_info": {"\udc00": 1}}, "pass.json"),
    ],
)
def test_a_lone_surrogate_is_refused_where_it_stands(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ContentError) as caught:
        read(coupon(**changes))
    assert (caught.value.code, caught.value.field) == ("text.unicode", where)


def test_a_label_that_is_no_text_is_refused() -> None:
    with pytest.raises(ContentError) as caught:
        read(coupon(fields=Fields(back=(Field("a", "x", label=7),))))  # type: ignore[arg-type]
    assert caught.value.code == "text.kind"


ESCAPED = '\x00\x1f "quoted" \\ back / slash \n \r \t \x7f \u2028 ü € \U0001f44d & > '


def test_the_document_is_the_text_that_json_itself_would_write() -> None:
    """All that a pass can hold, each text full of what JSON must escape: read and written again it is the same."""
    fields = (
        Field(
            ESCAPED, ESCAPED, ESCAPED, attributed_value=ESCAPED, change_message=f"%@{ESCAPED}", alignment=Alignment.LEFT
        ),
        Field("a", NOW, "L", date_style=DateStyle.FULL, time_style=DateStyle.LONG, is_relative=True, row=1),
        Field("b", Decimal("3.20"), currency="EUR", semantics={ESCAPED: [1.5, None, True]}),
        Field("c", -0.0, number_style=NumberStyle.SPELL_OUT, ignores_time_zone=False, attributed_value=1e22),
    )
    pass_ = ticket(
        description=ESCAPED,
        organization=ESCAPED,
        logo_text=ESCAPED,
        fields=Fields(auxiliary=fields, back=(Field("d", ESCAPED, detectors=tuple(Detector)),)),
        barcodes=(Barcode(ESCAPED, encoding="utf-8", alt_text=ESCAPED), Barcode("x", Symbology.CODE128)),
        locations=(Location(-89.99999999999999, 1e-7, 478, ESCAPED), Location(0, 180)),
        beacons=(Beacon("F8F589E9-C07E-58B2-AEAB-A36BE4A48FAC", 0, 65535, ESCAPED),),
        relevant_dates=(RelevantDate(NOW), RelevantDate(NOW, NOW + timedelta(hours=4))),
        max_distance=0.5,
        grouping=ESCAPED,
        preferred_schemes=("posterEventTicket",),
        semantics={ESCAPED: ESCAPED},
        user_info={ESCAPED: [ESCAPED]},
        associated_apps=(1, 2**40),
        app_launch_url=ESCAPED,
        nfc=Nfc("ü", P256, requires_authentication=True),
        voided=True,
        suppress_strip_shine=True,
    )
    raw = document_for(pass_, STYLES["event_ticket"], ISSUER)
    assert raw.decode() == json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))
    assert raw.decode().count(json.dumps(ESCAPED, ensure_ascii=False)) == 21


def test_translations_are_written_in_the_order_of_the_texts() -> None:
    text = strings_for("de", {"TODAY": "HEUTE", "Coffee on us": "Kaffee aufs Haus"})
    assert text == b'"Coffee on us" = "Kaffee aufs Haus";\n"TODAY" = "HEUTE";\n'


def test_quotes_line_ends_and_backslashes_are_escaped() -> None:
    assert strings_for("de", {'a "b"': "c\\d\ne\r"}) == b'"a \\"b\\"" = "c\\\\d\\ne\\r";\n'


@pytest.mark.parametrize("text", ['";\n"x" = "y', "\\", '\\"', "/* x */", "//", "Grüße ☕", "", "%@"])
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    assert check_strings({"de.lproj/pass.strings": strings_for("de", {"a": text, text + "b": "c"})}) == []


def test_a_lone_surrogate_in_a_translation_is_refused() -> None:
    with pytest.raises(ContentError) as caught:
        strings_for("de", {"a": "\udc00"})
    assert caught.value.field == "de.lproj/pass.strings"
