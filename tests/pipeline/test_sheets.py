"""Tables of stores: cells by their column, formulas made harmless, and everything written is read back."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FieldError, Invalid, Unreadable
from server.pipeline.sheets import CELL_MAX, COLUMNS, join_tags, read_sheet, split_tags, write_sheet
from server.store.stores import StoreRow

NOW = datetime(2026, 11, 2, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)


def store(**fields: Any) -> StoreRow:
    default: dict[str, Any] = {
        "id": UUID(int=1), "name": "A", "lat": 52.5, "lon": 13.4, "radius_m": 100.0, "time_zone": "Europe/Berlin",
        "country": None, "region": None, "hours": None, "tags": (), "address": None, "geofence_id": UUID(int=2),
        "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return StoreRow(**default | fields)


def rows(text: str | bytes, *, most: int = 100) -> list[Any]:
    return read_sheet(text.encode() if isinstance(text, str) else text, rows=most).rows


def wrong(text: str, *, most: int = 100) -> FieldError:
    with pytest.raises(Invalid) as caught:
        rows(text, most=most)
    [error] = caught.value.errors
    return error


def test_cells_stand_under_their_columns_and_empty_ones_are_left_out() -> None:
    assert rows("name,lat,lon,address\nA, 1 ,2,\nB,,,Markt 1\n") == [
        {"name": "A", "lat": "1", "lon": "2"},
        {"name": "B", "address": "Markt 1"},
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_kind_of_line_end_and_a_byte_order_mark_are_read(end: str, mark: bytes) -> None:
    text = end.join(["name,lat,lon", "Größe,1,2", '"two', 'lines",3,4', ""])
    assert rows(mark + text.encode()) == [
        {"name": "Größe", "lat": "1", "lon": "2"},
        {"name": f"two{end}lines", "lat": "3", "lon": "4"},
    ]


def test_blank_lines_and_lines_of_nothing_but_commas_are_no_rows() -> None:
    assert len(rows("name,lat,lon\n\n  \n,,\nA,1,2\n\n")) == 1


def test_a_short_row_lacks_its_last_cells_and_a_long_one_is_a_mistake() -> None:
    short, long = rows("name,lat,lon\nA,1\nB,1,2,3\n")
    assert short == {"name": "A", "lat": "1"}
    assert long == FieldError("row", "has 4 cells under 3 columns")


def test_a_cell_beyond_the_bound_is_a_mistake_of_its_row_alone() -> None:
    fits, beyond, other = rows(f"name,lat,lon\n{'x' * CELL_MAX},1,2\n{'x' * (CELL_MAX + 1)},1,2\nA,1,2\n")
    assert (len(fits["name"]), beyond.field, other["name"]) == (CELL_MAX, "name", "A")


def test_the_headers_case_and_spaces_do_not_matter_and_unknown_columns_are_named() -> None:
    sheet = read_sheet(b" Name ,LAT,lon,Colour,\nA,1,2,red,x\n", rows=9)
    assert sheet.ignored == ("colour", "")
    assert sheet.columns == {"name", "lat", "lon"}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "name"),
        ("lat,lon\n", "name"),
        ("name\n", "lat"),
        ("name,lon\n", "lat"),
        ("name,lat,lon,Name\n", "name"),
        ("name,lat,lon,x,x\n", "x"),
        (f"name,lat,lon,{'x' * 65}\n", "table"),
        ("name,lat,lon,a\x07b\n", "table"),
        ("name,lat,lon" + ",y" * 200 + "\n", "table"),
        ('name,lat,lon\n"A,1,2\n', "table"),
        ('name,lat,lon\n"A"x,1,2\n', "table"),
        ("name,lat,lon\n" + "x" * 140_000 + ",1,2\n", "table"),
        ("name,lat,lon\n" + "A,1,2\n" * 3, "table"),
    ],
)
def test_what_is_no_table_of_stores_is_refused_whole(text: str, field: str) -> None:
    assert wrong(text, most=2).field == field


def test_as_many_rows_as_are_allowed_are_read() -> None:
    assert len(rows("name,lat,lon\n" + "A,1,2\n" * 3, most=3)) == 3


def test_the_line_of_a_broken_quote_is_named() -> None:
    assert "line 3" in wrong('name,lat,lon\nA,1,2\n"B"x,1,2\nC,1,2\n').message


@pytest.mark.parametrize("data", [b"name\xff", "name,lat,lon\n".encode("utf-16")])
def test_bytes_that_are_no_utf_8_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Unreadable):
        rows(data)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_no_text_of_ours_begins_as_a_formula(begin: str) -> None:
    text = "".join(write_sheet([store(name=f"{begin}1+1", address=f"{begin}A1", tags=(f"{begin}x",), lat=-1.5)]))
    [_, cells] = csv.reader(io.StringIO(text))
    assert cells[COLUMNS.index("name")] == f"'{begin}1+1"
    assert cells[COLUMNS.index("lat")] == "-1.5"
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
    [row] = rows(text)
    assert (row["name"], row["address"], row["tags"]) == (f"{begin}1+1", f"{begin}A1", f"{begin}x")


@given(
    name=TEXTS,
    address=st.none() | TEXTS,
    tags=st.lists(TEXTS, max_size=4, unique=True),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
)
def test_what_is_written_is_read_back(name: str, address: str | None, tags: list[str], lat: float, lon: float) -> None:
    hours = {"mon": [["08:00", "20:00"]]}
    text = "".join(write_sheet([store(name=name, address=address, tags=tags, lat=lat, lon=lon, hours=hours), store()]))
    row, plain = rows(text)
    assert row["name"] == name
    assert row.get("address") == address
    assert split_tags(row.get("tags", "")) == tags
    assert (float(row["lat"]), float(row["lon"]), json.loads(row["hours"])) == (lat, lon, hours)
    assert set(plain) == {"name", "lat", "lon", "radius_m", "time_zone"}


@given(st.lists(TEXTS, max_size=5))
def test_tags_survive_one_cell(tags: list[str]) -> None:
    assert split_tags(join_tags(tags)) == tags


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("", []),
        (";;", []),
        (" a ; b;", ["a", "b"]),
        ("a\\;b;c", ["a;b", "c"]),
        ("a\\", ["a\\"]),
        ("a\\b", ["a\\b"]),
        ("a\\\\;b", ["a\\", "b"]),
    ],
)
def test_tags_are_separated_by_semicolons(cell: str, tags: list[str]) -> None:
    assert split_tags(cell) == tags
