"""When a reward is valid: wall clocks, dates and lengths become instants; zones and the hours that are twice or never."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.model.customer import Consents, Customer
from server.model.offer import LocalClock, Validity
from server.pipeline.validity import Span, span_of, zone_for
from tests.builders import CUSTOMER, NOON, place, programme

KIM = Customer(CUSTOMER, Consents(), zone="Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def span(validity: Validity, *, now: datetime = NOON, zone: str | None = "Europe/Berlin") -> Span:
    """Ask for a store in that zone (None: whose zone is not known)."""
    return span_of(validity, now=now, place=place(zone=zone), customer=KIM, programme=programme(zone="Europe/Dublin"))


def local(*parts: int) -> datetime:
    """Give the instant of a wall time in Berlin."""
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[arg-type,misc]


def test_a_reward_that_says_nothing_is_valid_from_now_without_an_end() -> None:
    assert span(Validity()) == (NOON, None)


def test_a_length_counts_from_the_moment() -> None:
    assert span(Validity(at_most=timedelta(hours=4))) == (NOON, NOON + timedelta(hours=4))


def test_a_wall_clock_as_the_end_is_its_next_time_and_the_earlier_end_counts() -> None:
    until = LocalClock(time(11, 30))
    assert span(Validity(until=until), now=local(2026, 11, 3, 9)).end == local(2026, 11, 3, 11, 30)
    assert span(Validity(until=until), now=local(2026, 11, 3, 11, 30)).end == local(2026, 11, 4, 11, 30)
    both = Validity(until=until, at_most=timedelta(hours=1))
    assert span(both, now=local(2026, 11, 3, 9)).end == local(2026, 11, 3, 10)


def test_a_wall_clock_as_the_start_is_todays_and_what_is_past_is_now() -> None:
    start = Validity(start=LocalClock(time(15)))
    assert span(start).start == local(2026, 11, 3, 15)
    assert span(start, now=local(2026, 11, 3, 16)).start == local(2026, 11, 3, 16)


def test_dates_are_the_programmes_and_the_last_day_is_included() -> None:
    dates = span(Validity(start=date(2026, 11, 10), until=date(2026, 11, 12)))
    assert dates.start == datetime(2026, 11, 10, tzinfo=ZoneInfo("Europe/Dublin"))
    assert dates.end == datetime(2026, 11, 13, tzinfo=ZoneInfo("Europe/Dublin"))


def test_an_instant_is_itself() -> None:
    until = datetime(2026, 11, 5, 12, tzinfo=ZoneInfo("America/New_York"))
    assert span(Validity(until=until)).end == until
    assert span(Validity(until=until)).end.tzinfo is UTC  # type: ignore[union-attr]


def test_an_end_that_the_clocks_skip_is_the_first_instant_after_the_gap() -> None:
    until = Validity(until=LocalClock(time(2, 30)))
    assert span(until, now=local(2027, 3, 28, 1)).end == datetime(2027, 3, 28, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tz", "zone", "found"),
    [
        ("place", "Europe/Berlin", "Europe/Berlin"),
        ("place", None, "Europe/Dublin"),
        ("customer_home", "Europe/Berlin", "Asia/Tokyo"),
        ("America/Lima", "Europe/Berlin", "America/Lima"),
    ],
)
def test_zones_are_found_by_their_words(tz: str, zone: str | None, found: str) -> None:
    asked = zone_for(tz, place=place(zone=zone), customer=KIM, programme=programme(zone="Europe/Dublin"))
    assert asked.key == found
