"""Bodies are read strictly: what two readers could understand differently, or PostgreSQL refuse, is refused here."""

from __future__ import annotations

import json
import math
import string
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FieldError, Invalid, Unreadable
from server.web.codec import Instant, canonical, clean, convert, encode, field_error, parse, read_json, read_texts


class Fix(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    id: UUID
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    at: Instant | None = None
    source: Literal["gps", "wifi"] = "gps"
    count: int = 0
    more: dict[str, Any] = {}


class Batch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pings: list[Fix]


ID = "0192c7a0-0000-7000-8000-000000000000"


def batch(**fields: Any) -> bytes:
    return json.dumps({"pings": [{"id": ID, "lat": 52.5} | fields]}).encode()


def refused(body: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read_json(body, Batch, depth=16)
    return caught.value.detail


def wrong(body: bytes) -> FieldError:
    with pytest.raises(Invalid) as caught:
        read_json(body, Batch, depth=16)
    [error] = caught.value.errors
    return error


def test_a_right_body_becomes_its_struct() -> None:
    read = read_json(batch(at="2026-10-25T02:30:00+02:00", source="wifi"), Batch, depth=16)
    assert read.pings[0].id == UUID(ID)
    assert read.pings[0].at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"pings": []} {}',
        b"\xff\xfe{",
        b'{"pings": [], }',
        b"{'pings': []}",
        '{"pings": []}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"pings": []}',
        b'{"pings": ["\x01"]}',
        b'{"pings": ["\xc3"]}',
    ],
)
def test_what_is_no_json_in_utf_8_cannot_be_read(body: bytes) -> None:
    assert refused(body) == "The body is not JSON in UTF-8."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know_are_refused(number: str) -> None:
    assert "NaN" in refused(b'{"pings": [{"id": "x", "lat": %s}]}' % number.encode())


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E+400", "1" + "0" * 400 + ".0", "123456789e400"])
def test_numbers_that_overflow_are_refused(number: str) -> None:
    assert "too large" in refused(b'{"pings": [{"lat": %s}]}' % number.encode())


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits_are_refused(number: int) -> None:
    assert "64 bits" in refused(batch(more={"n": number}))


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_the_largest_and_smallest_integers_are_read(number: int) -> None:
    assert read_json(batch(count=number), Batch, depth=16).pings[0].count == number


def test_an_integer_of_five_thousand_digits_is_refused_at_once() -> None:
    assert refused(b'{"pings": %s}' % (b"9" * 5000))


@pytest.mark.parametrize(
    "body",
    [
        b'{"pings": [], "pings": []}',
        b'{"pings": [{"lat": 1, "id": "a", "lat": 2}]}',
        b'{"pings": [{"more": {"a": {"b": 1, "b": 1}}}]}',
        b'{"pings": [{"more": {"a": 1, "\\u0061": 2}}]}',
        '{"pings": [{"more": {"é": 1, "e\u0301": 2}}]}'.encode(),
    ],
)
def test_the_same_key_twice_is_refused_at_any_depth(body: bytes) -> None:
    assert "same key twice" in refused(body)


def nested(depth: int, opening: str, closing: str) -> bytes:
    return (opening * depth + closing * depth).encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_beyond_sixteen_is_refused(opening: str, closing: str) -> None:
    per = opening.count("[") + opening.count("{")
    inner = "0" if '"' in opening else ""
    at_most = (opening * (16 // per) + inner + closing * (16 // per)).encode()
    parse(at_most, depth=16)
    with pytest.raises(Unreadable, match="too deep"):
        parse((opening * (16 // per + 1) + inner + closing * (16 // per + 1)).encode(), depth=16)


def test_a_hundred_thousand_brackets_are_refused() -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        parse(b"[" * 100_000, depth=16)
    with pytest.raises(Unreadable, match="nested too deeply"):
        parse(nested(100_000, "[", "]"), depth=16)


def test_many_brackets_side_by_side_are_no_depth() -> None:
    assert parse(b'{"a": [' + b"[[]]," * 5000 + b"[]]}", depth=4)


@pytest.mark.parametrize("text", [b'"\\u0000"', b'"a\\u0000b"', b'{"a\\u0000": 1}'])
def test_nul_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable, match="NUL"):
        parse(text, depth=16)


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'"a\\udfffb"', b'{"\\ud800": 1}'])
def test_half_a_surrogate_pair_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable, match="surrogate"):
        parse(text, depth=16)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse(b'"\\ud83c\\udf82"', depth=16) == "🎂"


@pytest.mark.parametrize("text", ['"e\u0301"', '"e\\u0301"'])
def test_texts_come_out_in_one_form(text: str) -> None:
    assert parse(text.encode(), depth=16) == "é"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lat": "52.5"}, FieldError("pings[0].lat", "Expected float, got str")),
        ({"lat": 152.5}, FieldError("pings[0].lat", "Expected float <= 90.0")),
        ({"lat": True}, FieldError("pings[0].lat", "Expected float, got bool")),
        ({"id": "secret-value"}, FieldError("pings[0].id", "Invalid UUID")),
        ({"source": "secret-value"}, FieldError("pings[0].source", "is none of the allowed values")),
        ({"altitude": 7}, FieldError("pings[0].altitude", "is not a known field")),
        ({"at": "2026-01-01T00:00:00"}, FieldError("pings[0].at", "Expected datetime with a timezone component")),
        ({"count": 1.5}, FieldError("pings[0].count", "Expected int, got float")),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not(fields: dict[str, Any], expected: FieldError) -> None:
    assert wrong(batch(**fields)) == expected


def test_a_missing_field_is_named() -> None:
    assert wrong(b"{}") == FieldError("pings", "is required")
    assert wrong(b'{"pings": [{"lat": 1}]}') == FieldError("pings[0].id", "is required")


def test_a_body_of_another_kind_is_wrong_as_a_whole() -> None:
    assert wrong(b"[]") == FieldError("", "Expected object, got array")


def test_a_field_with_a_hostile_name_is_shown_short_and_printable() -> None:
    error = field_error("Object contains unknown field `" + "\x1b[31m" + "a" * 500 + "`")
    assert error.field.isprintable()
    assert len(error.field) <= 120


def test_a_wrong_key_of_a_map_is_told_as_such() -> None:
    class Counts(msgspec.Struct):
        by: dict[Literal["a"], int]

    with pytest.raises(Invalid) as caught:
        convert({"by": {"hush": 1}}, Counts)
    assert caught.value.errors[0].field == "by"
    assert "hush" not in caught.value.errors[0].message


def test_answers_have_times_in_utc_with_a_z_and_ids_as_texts() -> None:
    fix = Fix(UUID(ID), 1.5, datetime(2026, 1, 1, tzinfo=UTC))
    written = json.loads(encode(fix))
    assert written["at"] == "2026-01-01T00:00:00Z"
    assert written["id"] == ID


def test_equal_values_have_equal_canonical_bytes() -> None:
    assert canonical({"b": [1, {"z": 1, "y": 2}], "a": None}) == canonical({"a": None, "b": [1, {"y": 2, "z": 1}]})
    assert canonical({"a": 1}) != canonical({"a": 2})


class Query(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"from_": "from"}):
    from_: Instant | None = None
    limit: int | None = None
    share: float = 0.0


def test_a_querys_texts_become_values() -> None:
    read = read_texts({"limit": "7", "from": "2026-01-01T00:00:00Z", "share": "0.5"}, Query)
    assert read == Query(datetime(2026, 1, 1, tzinfo=UTC), 7, 0.5)


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ({"limit": "x"}, "limit"),
        ({"nix": "1"}, "nix"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"share": "nan"}, "share"),
    ],
)
def test_a_wrong_parameter_is_named(pairs: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_texts(pairs, Query)
    assert caught.value.errors[0].field == field


def test_cleaning_gives_one_form_and_refuses_what_cannot_be_stored() -> None:
    assert clean("e\u0301") == "é"
    for text in ("a\0", "\ud800"):
        with pytest.raises(Invalid):
            clean(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(string.ascii_letters + string.digits + "äß€🎂\n\"\\", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcä\"\\:", max_size=4), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON_VALUES)
def test_what_is_strict_json_is_read_as_every_other_reader_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse(text.encode(), depth=100) == json.loads(text)


@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.eE+-\\untrfalsNI ', max_size=40).map(str.encode))
def test_whatever_comes_is_read_or_refused_and_never_breaks(body: bytes) -> None:
    try:
        value = parse(body, depth=16)
    except Unreadable:
        return
    assert json.loads(json.dumps(value)) == value or not math.isfinite(value)
