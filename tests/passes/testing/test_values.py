"""Numbers and dates as pass.json has them."""

from __future__ import annotations

import math

import pytest

from passes.testing.values import check_date, is_number


@pytest.mark.parametrize("value", [0, -1, 3.5, 10**400])
def test_finite_numbers_are_numbers(value: float) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, False, "1", None, math.inf, -math.inf, math.nan, [1]])
def test_all_else_is_no_number(value: object) -> None:
    assert not is_number(value)


@pytest.mark.parametrize(
    "text",
    ["1980-05-07T10:30-05:00", "2026-03-02T11:00Z", "2026-03-02T11:00:59+14:00", "2024-02-29T00:00:00Z"],
)
def test_w3c_dates_with_a_zone_are_dates(text: str) -> None:
    assert check_date("x", text) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-03-02T11:00", "date.zone"),
        ("2026-03-02T11:00:00 +01:00", "date.zone"),
        ("2026-03-02T11:00:00+01", "date.zone"),
        ("2026-03-02T11:00:00z", "date.zone"),
        ("2026-03-02T11:00:00.123Z", "date.fraction"),
        ("2026-03-02T11:00:00.000+0000", "date.fraction"),
        ("2026-3-2T11:00Z", "date.form"),
        (" 11:00", "date.form"),
        ("", "date.form"),
        (None, "date.form"),
        (1772445600, "date.form"),
        ("2026-13-02T11:00Z", "date.calendar"),
        ("2026-03-02T24:01Z", "date.calendar"),
        ("2023-02-29T11:00Z", "date.calendar"),
    ],
)
def test_dates_that_phones_refused_are_refused(value: object, code: str) -> None:
    assert [finding.code for finding in check_date("x", value)] == [code]
