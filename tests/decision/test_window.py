"""When an offer's window is open: judged minute by minute, over midnight, over both days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.decision.window import HORIZON, SUN_AHEAD, is_open, sees_the_sun, stretch
from server.model.offer import Offer
from server.model.place import Place, Point, Span
from tests.builders import place, programme
from tests.decision.rulebook import LEAST, changed, read
from tests.decision.test_sun import almanac_height

BERLIN = ZoneInfo("Europe/Berlin")
PROGRAMME = programme()
SHOP = place(1)
MINUTE = timedelta(minutes=1)


def offered(condition: Any = None, **members: Any) -> Offer:
    document = changed(LEAST, "if", condition) if condition is not None else LEAST
    for name, value in members.items():
        document = changed(document, name, value)
    return read(document).offer


def opened(offer: Offer, at: datetime, *, shop: Place = SHOP, home: str | None = None) -> bool:
    return is_open(offer, shop, at, home=home, programme=PROGRAMME)


def until(offer: Offer, at: datetime, *, shop: Place = SHOP, home: str | None = None) -> tuple[bool, datetime]:
    return tuple(stretch(offer, shop, at, home=home, programme=PROGRAMME))


def berlin(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


MORNING = {"local_time": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "11:00"}}


def test_an_offer_without_a_clock_is_always_open():
    assert until(offered(), berlin(3, 3)) == (True, berlin(3, 3) + HORIZON)
    assert until(offered({"weather": {"kind": ["rain"]}}), berlin(3, 3))[0]


def test_a_window_opens_and_closes_by_the_stores_clock():
    offer = offered(MORNING)
    assert until(offer, berlin(3, 6, 59)) == (False, berlin(3, 7))
    assert until(offer, berlin(3, 7)) == (True, berlin(3, 11))
    assert until(offer, berlin(3, 11)) == (False, berlin(4, 7))
    assert until(offer, berlin(6, 12)) == (False, berlin(9, 7))  # Friday noon to Monday
    lisbon = place(2, zone="Europe/Lisbon")
    assert until(offer, berlin(3, 7), shop=lisbon) == (False, berlin(3, 8))


def test_what_is_no_clock_does_not_close_it():
    others = [
        {"weather": {"kind": ["rain"]}},
        {"segment": "coffee-drinkers"},
        {"event": {"name": "x", "within": "P1D"}},
    ]
    for other in (*others, {"not": others[0]}):
        assert until(offered({"all": [MORNING, other]}), berlin(3, 8)) == (True, berlin(3, 11))
        assert until(offered({"any": [MORNING, other]}), berlin(3, 12))[0]
    assert not opened(offered({"not": MORNING}), berlin(3, 8))
    assert opened(offered({"not": MORNING}), berlin(3, 12))
    assert opened(offered({"not": {"all": [MORNING, others[0]]}}), berlin(3, 8))
    assert not opened(offered({"not": {"any": [MORNING, others[0]]}}), berlin(3, 8))


def test_dates_are_the_programmes_and_both_included():
    offer = offered(active={"from": "2026-11-03", "to": "2026-11-04"})
    assert until(offer, berlin(2, 12)) == (False, berlin(3, 0))
    assert until(offer, berlin(3, 0)) == (True, berlin(5, 0))
    assert until(offer, berlin(5, 0)) == (False, berlin(5, 0) + HORIZON)


def test_opening_hours_and_holidays_belong_to_the_place():
    hours = {"tue": (Span(time(8), time(9, 30)), Span(time(22), time(2)))}
    shop = place(3, hours=hours, country="DE", region="BE")
    offer = offered({"local_time": {"place_open": True}})
    assert until(offer, berlin(3, 7), shop=shop) == (False, berlin(3, 8))
    assert until(offer, berlin(3, 8), shop=shop) == (True, berlin(3, 9, 30))
    assert until(offer, berlin(3, 23), shop=shop) == (True, berlin(4, 2))
    christmas = offered({"local_time": {"from": "07:00", "to": "11:00", "holidays": "skip"}})
    assert until(christmas, berlin(24, 12, month=12), shop=shop) == (False, berlin(27, 7, month=12))


def test_what_the_clock_does_not_know_opens_nothing():
    nowhere = place(4, zone=None)
    for condition in (MORNING, {"not": MORNING}, {"local_time": {"place_open": True}}):
        assert not opened(offered(condition), berlin(3, 8), shop=nowhere)
    at_home = offered({"local_time": {"tz": "customer_home", "from": "07:00", "to": "11:00"}})
    assert not opened(at_home, berlin(3, 8))
    assert opened(at_home, berlin(3, 8), home="Europe/Berlin")


def test_the_sun_opens_and_closes_it_to_the_second():
    offer = offered({"daylight": True})
    assert sees_the_sun(offer)
    assert not sees_the_sun(offered(MORNING))
    now, sunset = until(offer, berlin(3, 12))
    assert now
    assert almanac_height(SHOP.point, sunset) == pytest.approx(-0.833, abs=0.02)  # the sun sinks so far in six seconds
    assert not opened(offer, sunset)
    assert opened(offer, sunset - timedelta(seconds=1))


def test_in_a_polar_summer_it_stays_open():
    far_north = place(5, at=Point(78.22, 15.65), zone="Arctic/Longyearbyen")
    at = berlin(15, 12, month=6)
    assert until(offered({"daylight": True}), at, shop=far_north) == (True, at + SUN_AHEAD)


SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def test_a_window_in_the_hour_that_comes_twice_opens_twice():
    offer = offered({"local_time": {"from": "02:15", "to": "02:45"}})
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)  # 01:00 in summer time
    found = []
    at = start
    for _ in range(4):
        _, at = until(offer, at)
        found.append(at - start)
    assert found == [timedelta(minutes=each) for each in (75, 105, 135, 165)]


def test_a_window_in_the_hour_that_is_left_out_does_not_open_that_day():
    offer = offered({"local_time": {"from": "02:15", "to": "02:45"}})
    saturday = datetime(2026, 3, 28, 12, 0, tzinfo=BERLIN).astimezone(UTC)
    assert until(offer, saturday) == (False, datetime(2026, 3, 30, 2, 15, tzinfo=BERLIN).astimezone(UTC))


def test_a_window_into_the_repeated_hour_closes_where_the_clock_goes_back():
    offer = offered({"local_time": {"from": "02:30", "to": "06:00"}})
    opens = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert until(offer, opens) == (True, datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
    assert until(offer, datetime(2026, 10, 25, 1, 0, tzinfo=UTC)) == (False, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


CLOCKS = st.integers(0, 24 * 12 - 1).map(lambda number: f"{number // 12:02}:{number % 12 * 5:02}")
ZONES = st.sampled_from(["place", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"])
DAYS = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, max_size=7, unique=True)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    start, end = draw(st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]))
    return {"local_time": {"tz": draw(ZONES), "days": draw(DAYS), "from": start, "to": end}}


CONDITIONS = st.recursive(
    windows() | st.just({"weather": {"kind": ["rain"]}}),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda members: {"all": members}),
        st.lists(inner, min_size=1, max_size=3).map(lambda members: {"any": members}),
        inner.map(lambda member: {"not": member}),
    ),
    max_leaves=4,
)
STARTS = st.one_of(
    st.sampled_from([SPRING, AUTUMN, date(2026, 4, 5), date(2026, 11, 1), date(2026, 3, 8)]).map(
        lambda day: datetime.combine(day, time.min, tzinfo=UTC) - timedelta(hours=6)
    ),
    st.integers(0, 365 * 24).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
)


@settings(max_examples=60)
@given(condition=CONDITIONS, start=STARTS)
@example(condition={"local_time": {"from": "02:30", "to": "02:00"}}, start=datetime(2026, 10, 24, 20, tzinfo=UTC))
@example(
    condition={"not": {"local_time": {"from": "02:30", "to": "03:30"}}}, start=datetime(2026, 3, 28, 20, tzinfo=UTC)
)
def test_the_next_edge_is_the_first_at_which_the_answer_changes(condition: dict[str, Any], start: datetime):
    offer = offered(condition)
    now, edge = until(offer, start)
    reach = min(edge, start + timedelta(hours=30))
    looked = [start + number * 5 * MINUTE for number in range(int((reach - start) / (5 * MINUTE)) + 1)]
    assert all(opened(offer, at) is now for at in looked if at < edge)
    if edge < start + HORIZON:
        assert opened(offer, edge) is not now
        assert opened(offer, edge - timedelta(microseconds=1)) is now


@pytest.mark.parametrize("at", [berlin(3, 7), berlin(7, 12), berlin(3, 10, 59)])
def test_walking_from_edge_to_edge_comes_by_every_day(at: datetime):
    offer, walked = offered(MORNING), at
    for _ in range(12):
        walked = until(offer, walked)[1]
    assert timedelta(days=6) < walked - at < timedelta(days=9)
