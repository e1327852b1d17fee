"""Ranges in a query: dates of a zone and instants, half-open, with every mistake named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.errors import Invalid
from server.web.instants import Range, read_range

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-03", datetime(2026, 11, 2, 23, tzinfo=UTC)),
        ("2026-07-03", datetime(2026, 7, 2, 22, tzinfo=UTC)),
        ("2026-11-03T08:00:00Z", datetime(2026, 11, 3, 8, tzinfo=UTC)),
        ("2026-11-03t08:00:00z", datetime(2026, 11, 3, 8, tzinfo=UTC)),
        ("2026-11-03T08:00:00.5+01:00", datetime(2026, 11, 3, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-03T08:00:00 01:00", datetime(2026, 11, 3, 7, tzinfo=UTC)),
    ],
)
def test_dates_begin_at_the_zones_midnight_and_instants_are_what_they_are(text: str, wanted: datetime) -> None:
    assert read_range(text, "2027-01-01", zone=BERLIN).start == wanted


def test_a_date_whose_midnight_the_zone_skips_begins_at_its_first_instant() -> None:
    span = read_range("2026-09-06", "2026-09-07", zone="America/Santiago")
    assert span.end - span.start == timedelta(hours=23)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-31", "2026-13-01", "20261103", "2026-11-03T08:00:00", "2026-11-03T25:00:00Z", "2026-W45-2", "1979-01-01",
     "2100-01-02", "9999-12-31T23:59:59-12:00", "0001-01-01", "２０２６-11-03"],
)  # fmt: skip
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_range(text, "2027-01-01", zone=BERLIN)
    assert [each.field for each in refused.value.errors] == ["from"]


def test_what_is_not_said_is_the_usual_or_required() -> None:
    usual = Range(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert read_range(None, None, zone=BERLIN, usual=usual) == usual
    with pytest.raises(Invalid) as refused:
        read_range(None, None, zone=BERLIN)
    assert [each.field for each in refused.value.errors] == ["from", "to"]


def test_a_range_has_at_least_an_instant() -> None:
    with pytest.raises(Invalid):
        read_range("2026-11-03", "2026-11-03", zone=BERLIN)
