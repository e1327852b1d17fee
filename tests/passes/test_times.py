"""Times in a pass: with a zone, without fractions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from passes.errors import ContentError
from passes.testing.values import check_date
from passes.times import check_time, w3c
from tests.passes.samples import NOW

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("when", "written"),
    [
        (NOW, "2026-03-02T08:30:00Z"),
        (NOW.replace(microsecond=999_999), "2026-03-02T08:30:00Z"),
        (NOW.astimezone(BERLIN), "2026-03-02T09:30:00+01:00"),
        (datetime(2026, 7, 1, 9, 30, 1, 5, tzinfo=BERLIN), "2026-07-01T09:30:01+02:00"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "2026-10-25T02:30:00+02:00"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "2026-10-25T02:30:00+01:00"),
        (datetime(2026, 1, 1, tzinfo=timezone(-timedelta(hours=3, minutes=30))), "2026-01-01T00:00:00-03:30"),
        (datetime(1893, 1, 1, tzinfo=BERLIN), "1892-12-31T23:06:32Z"),
        (datetime(987, 1, 1, tzinfo=UTC), "0987-01-01T00:00:00Z"),
    ],
)
def test_times_are_w3c_with_a_zone_and_without_fractions(when: datetime, written: str) -> None:
    assert w3c(when) == written
    assert check_date("x", written) == []
    assert abs(datetime.fromisoformat(written) - when) < timedelta(seconds=1)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ContentError) as caught:
        w3c(NOW.replace(tzinfo=None))
    assert caught.value.code == "date.zone"


def test_the_refusal_names_the_place() -> None:
    with pytest.raises(ContentError) as caught:
        check_time("expirationDate", NOW.replace(tzinfo=None))
    assert caught.value.field == "expirationDate"


def test_two_names_of_one_moment_are_written_as_two_texts_of_one_moment() -> None:
    here, there = w3c(NOW.astimezone(BERLIN)), w3c(NOW)
    assert here != there
    assert datetime.fromisoformat(here) == datetime.fromisoformat(there)


def test_a_time_that_has_no_year_in_utc_is_refused() -> None:
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14, seconds=1)))
    with pytest.raises(ContentError) as caught:
        w3c(first)
    assert caught.value.code == "date.range"
    assert w3c(datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))) == "0001-01-01T00:00:00+14:00"
    assert w3c(datetime.max.replace(tzinfo=UTC)) == "9999-12-31T23:59:59Z"
