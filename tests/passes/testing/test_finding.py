"""Strict JSON: what two readers could read differently is a finding."""

from __future__ import annotations

import pytest

from passes.testing.finding import read_object


def test_an_object_is_read() -> None:
    assert read_object("x", '{"a": ["ü", 1, null]}'.encode()) == ({"a": ["ü", 1, None]}, [])


@pytest.mark.parametrize(
    ("raw", "codes"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', ["json.duplicate"]),
        (b'{"a": Infinity, "b": -Infinity}', ["json.constant", "json.constant"]),
    ],
)
def test_what_is_read_in_spite_of_a_mistake_is_still_named(raw: bytes, codes: list[str]) -> None:
    value, findings = read_object("x", raw)
    assert value is not None
    assert [finding.code for finding in findings] == codes


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "json.syntax"),
        (b"{'a': 1}", "json.syntax"),
        (b'{"a": 1,}', "json.syntax"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json.syntax"),
        (b'"a"', "json.object"),
        (b"null", "json.object"),
        ('{"a": "ü"}'.encode("latin-1"), "json.encoding"),
        (b"\xef\xbb\xbf{}", "json.syntax"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_own_code(raw: bytes, code: str) -> None:
    value, findings = read_object("x", raw)
    assert value is None
    assert [finding.code for finding in findings] == [code]
