"""Tables of customers, read cell by cell: types by their columns, consents with their proof, formulas as the texts they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FieldError, Invalid, Unreadable
from server.pipeline.customer_sheets import CustomerReading, CustomerRow, is_of_customers, read_customers

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


def read(text: str | bytes, *, rows: int = 100) -> CustomerReading:
    return read_customers(text.encode() if isinstance(text, str) else text, rows=rows, now=NOW)


def one(columns: str, cells: str) -> CustomerRow:
    reading = read(f"external_id,{columns}\nC-1,{cells}\n")
    assert not reading.refused
    return reading.rows[0]


def wrong(columns: str, cells: str) -> tuple[str, str]:
    reading = read(f"external_id,{columns}\nC-1,{cells}\n")
    assert not reading.rows
    return reading.refused[0].field, reading.refused[0].message


def test_a_row_says_whose_it_is_and_what_is_known() -> None:
    row = one("locale,time_zone,attr.tier,attr.visits:number", "de-DE,Europe/Berlin,gold,12")
    assert row.external_id == "C-1"
    assert (row.change.locale, row.change.time_zone) == ("de-DE", "Europe/Berlin")
    assert row.change.attributes == {"tier": "gold", "visits": 12}
    assert row.change.given == {"locale", "time_zone", "attributes"}
    assert (row.said, row.proof) == ({}, None)


def test_an_empty_cell_says_nothing() -> None:
    row = one("locale,time_zone,attr.tier,attr.visits:number,consent.push", ",,,,")
    assert (row.change.given, row.change.attributes, row.said) == (frozenset(), None, {})


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("", "12", "12"), (":text", "12", "12"), (":number", "12", 12), (":number", "-5", -5), (":number", "12.5", 12.5),
        (":number", "1e3", 1000.0), (":boolean", "true", True), (":boolean", "YES", True), (":boolean", "0", False),
        (":boolean", "no", False), ("", "=1+1", "=1+1"), ("", "'=1+1", "=1+1"), ("", "@SUM(A1)", "@SUM(A1)"),
        ("", "+49 30 1", "+49 30 1"), ("", "'", "'"), ("", "Café", "Café"),
    ],
)  # fmt: skip
def test_a_cell_is_what_its_column_says(kind: str, cell: str, value: Any) -> None:
    row = one(f"attr.x{kind}", cell)
    assert row.change.attributes is not None
    assert row.change.attributes["x"] == value
    assert type(row.change.attributes["x"]) is type(value)


@pytest.mark.parametrize(
    ("columns", "cells", "field"),
    [
        ("locale", "deutsch!", "locale"),
        ("locale", "x" * 36, "locale"),
        ("time_zone", "Europe/Atlantis", "time_zone"),
        ("attr.x:number", "twelve", "attr.x:number"),
        ("attr.x:number", "1e999", "attr.x:number"),
        ("attr.x:number", "nan", "attr.x:number"),
        ("attr.x:boolean", "perhaps", "attr.x:boolean"),
        ("attr.x", "x" * 501, "attr.x"),
        ("attr.1st", "a", "attributes"),
        ("attr.", "a", "attributes"),
        ("attr.x", "a\0b", "attr.x"),
        ("consent.push", "yes", "consent_source"),
        ("consent.push,consent_source", "yes,form", "consent_at"),
        ("consent.push,consent_at", "yes,2026-10-01T09:00:00Z", "consent_source"),
        ("consent.push,consent_source,consent_at", "perhaps,form,2026-10-01T09:00:00Z", "consent.push"),
        ("consent.push,consent_source,consent_at", "yes,form,2026-10-01", "consent_at"),
        ("consent.push,consent_source,consent_at", "yes,form,2026-10-01T09:00:00", "consent_at"),
        ("consent.push,consent_source,consent_at", "yes,form,2026-13-01T09:00:00Z", "consent_at"),
        ("consent.push,consent_source,consent_at", "yes,form,0001-01-01T00:00:00+14:00", "consent_at"),
        ("consent.push,consent_source,consent_at", "yes,form,2026-11-03T08:03:00Z", "consent_at"),
        ("consent.push,consent_source,consent_at", f"yes,{'f' * 201},2026-10-01T09:00:00Z", "consent_source"),
        ("locale", "de-DE,too,many", "row"),
    ],
)
def test_a_row_is_refused_by_its_first_mistake(columns: str, cells: str, field: str) -> None:
    assert wrong(columns, cells)[0] == field


def test_a_consent_has_its_proof() -> None:
    row = one("consent.push,consent.location,consent_source,consent_at", "yes,no,form 3,2026-10-01 09:12:00+02:00")
    assert row.said == {"push": True, "location": False}
    assert row.proof == ("form 3", datetime(2026, 10, 1, 7, 12, tzinfo=UTC))


@pytest.mark.parametrize("number", ["", "x" * 201])
def test_a_row_without_a_number_is_nobodys(number: str) -> None:
    reading = read(f"external_id,locale\n{number},de-DE\nC-2,de-DE\n")
    assert [(each.index, each.field) for each in reading.refused] == [(0, "external_id")]
    assert [(each.place, each.external_id) for each in reading.rows] == [(1, "C-2")]


def test_a_number_that_comes_twice_counts_once() -> None:
    reading = read("external_id,locale\nC-1,de-DE\nC-2,fr-FR\nC-1,en-US\n")
    assert [each.external_id for each in reading.rows] == ["C-1", "C-2"]
    [refused] = reading.refused
    assert (refused.index, refused.field, refused.message) == (2, "external_id", "is that of row 1, too")


def test_names_of_attributes_keep_their_case_and_unknown_columns_are_told() -> None:
    reading = read("External_ID,Locale,attr.firstName,attr.first_name,Colour,attr.x:colour\nC-1,de-DE,A,B,red,blue\n")
    assert reading.rows[0].change.attributes == {"firstName": "A", "first_name": "B"}
    assert reading.ignored == ("colour", "attr.x:colour")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("locale", "external_id"),
        ("external_id;locale", "external_id"),
        ("external_id,external_id", "external_id"),
        ("external_id,attr.x,attr.x:number", "attr.x"),
        ("", "external_id"),
    ],
)
def test_a_table_that_cannot_be_one_of_customers_is_refused_whole(header: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(f"{header}\n1,2,3\n")
    assert refusal.value.errors[0].field == field


def test_a_table_has_as_many_rows_as_are_allowed() -> None:
    text = "external_id\n" + "".join(f"C-{number}\n" for number in range(4))
    assert len(read(text, rows=4).rows) == 4
    with pytest.raises(Invalid) as refusal:
        read(text, rows=3)
    assert refusal.value.errors == (FieldError("table", "has more than 3 rows"),)


def test_what_is_no_text_is_no_table() -> None:
    with pytest.raises(Unreadable):
        read(b"\xff\xfe\x00")


def test_numbers_are_compared_in_one_form() -> None:
    reading = read("external_id\nCafé\nCafe\u0301\n")
    assert [each.external_id for each in reading.rows] == ["Café"]
    assert reading.refused[0].field == "external_id"


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("external_id,locale", True),
        ('\ufeff"External_ID","locale"', True),
        ("name,lat,lon,radius_m", False),
        ("name,external_id,lat,lon,radius_m", False),
        ("locale,external_id", True),
        ("", False),
    ],
)
def test_a_file_tells_by_its_first_line_whether_it_is_one_of_customers(header: str, is_one: bool) -> None:
    assert is_of_customers(header) == is_one


COLUMNS = [
    "locale",
    "time_zone",
    "attr.x",
    "attr.y:number",
    "attr.z:boolean",
    "consent.push",
    "consent_source",
    "consent_at",
]
CELLS = st.one_of(
    st.sampled_from(["", "de-DE", "Europe/Berlin", "12", "yes", "2026-10-01T09:00:00Z", "=1+1", "form"]),
    st.text(max_size=30),
)


@given(st.lists(st.lists(CELLS, min_size=8, max_size=8), max_size=5))
def test_whatever_stands_in_cells_every_row_is_taken_or_refused_once(rows: list[list[str]]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["external_id", *COLUMNS])
    for number, cells in enumerate(rows):
        writer.writerow([f"C-{number}", *(cell.encode("utf-8", "ignore").decode() for cell in cells)])
    reading = read(buffer.getvalue())
    places = [each.place for each in reading.rows] + [each.index for each in reading.refused]
    assert sorted(places) == list(range(len(rows)))
    for row in reading.rows:
        assert not row.said or (row.proof is not None and row.proof.at <= NOW + timedelta(minutes=2))
