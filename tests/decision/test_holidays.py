"""Public holidays, against days that are written in law."""

from __future__ import annotations

from datetime import date

import pytest

from server.decision.holidays import between, calendar_of, holiday_on, regions_of


def easter(year: int) -> date:
    """Work Easter Sunday out (the anonymous Gregorian algorithm; Meeus, Astronomical Algorithms, ch. 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    s = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * s) // 451
    month, day = divmod(h + s - 7 * m + 114, 31)
    return date(year, month, day + 1)


@pytest.mark.parametrize("year", range(2020, 2040))
def test_the_holidays_that_follow_easter_are_found_by_its_rule(year):
    calendar = calendar_of("DE", "BY", year)
    assert calendar is not None
    for days in (-2, 1, 39, 50, 60):  # Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi
        assert date.fromordinal(easter(year).toordinal() + days) in calendar


def test_a_holiday_is_told_with_its_name_in_english():
    assert holiday_on(date(2026, 10, 3), country="DE", region="BE") == (True, "German Unity Day")
    assert holiday_on(date(2026, 10, 2), country="DE", region="BE") == (False, None)


@pytest.mark.parametrize("region", ["BE", "be", "DE-BE"])
def test_a_region_may_be_written_with_its_country(region):
    assert holiday_on(date(2026, 3, 8), country="de", region=region) == (True, "Women's Day")


@pytest.mark.parametrize(("country", "region"), [(None, None), (None, "BE"), ("XX", None), ("DE", "ZZ"), ("", None)])
def test_an_unknown_calendar_is_no_answer(country, region):
    assert holiday_on(date(2026, 10, 3), country=country, region=region) is None


def test_where_no_regions_are_known_the_country_answers_for_them():
    assert holiday_on(date(2026, 3, 17), country="IE", region="L") == (True, "Saint Patrick's Day")


def test_a_calendar_is_made_once():
    assert calendar_of("DE", "BE", 2026) is calendar_of("DE", "BE", 2026)


def test_the_days_of_a_span_come_in_order_and_its_end_is_not_in_it():
    days = between(date(2026, 12, 25), date(2027, 12, 25), country="DE", region="BY")
    assert days is not None
    assert days == sorted(days)
    assert (days[0], days[-1][0]) == ((date(2026, 12, 25), "Christmas Day"), date(2027, 11, 1))
    assert date(2027, 3, 29) in dict(days)  # Easter Monday
    assert between(date(2026, 1, 1), date(2027, 1, 1), country="DE", region="XX") is None


def test_a_holiday_is_named_in_german_where_its_calendar_is():
    names = {country: dict(calendar_of(country, None, 2026, "de") or {}) for country in ("DE", "FR")}
    assert names["DE"][date(2026, 10, 3)] == "Tag der Deutschen Einheit"
    assert names["FR"][date(2026, 7, 14)] == "National Day"
    assert holiday_on(date(2026, 10, 3), country="DE", region=None) == (True, "German Unity Day")


def test_the_regions_of_a_country_are_those_whose_calendars_are_known():
    lands = ["BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"]
    assert set(lands) <= set(regions_of("DE"))
    assert all(calendar_of("DE", region, 2026) for region in regions_of("DE"))
    assert regions_of("ZZ") == []
