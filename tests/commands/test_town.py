"""Lindenquell is small, consistent, and no two of its fences meet: geopy measured it."""

from __future__ import annotations

from itertools import combinations
from zoneinfo import ZoneInfo

from geopy.distance import geodesic

from server.commands.town import SHOPS, SQUARE, ZONE, at, documents, position
from server.model.hours import read_hours
from server.pipeline.places import check_store


def test_no_two_fences_meet() -> None:
    for one, other in combinations(SHOPS, 2):
        assert geodesic(position(one), position(other)).m > one.radius_m + other.radius_m + 25


def test_the_offsets_are_metres() -> None:
    for shop in SHOPS:
        assert abs(geodesic(SQUARE, position(shop)).m - (shop.east_m**2 + shop.north_m**2) ** 0.5) < 5


def test_the_square_is_the_origin() -> None:
    assert at(0, 0) == SQUARE


def test_every_shop_is_a_store_that_may_be_written() -> None:
    drafts = [check_store(document) for document in documents()]
    assert [draft.name for draft in drafts] == [shop.name for shop in SHOPS]
    assert {draft.time_zone for draft in drafts} == {ZONE}


def test_every_shop_has_readable_hours_and_a_trade_of_its_own_kind() -> None:
    for shop in SHOPS:
        assert read_hours(shop.hours)
        assert shop.tag in {"cafe", "bakery", "bookshop", "bistro", "flowers", "grocery"}


def test_the_town_lies_in_its_zone() -> None:
    from server.signals.zones import zone_at

    assert zone_at(SQUARE) == ZONE == ZoneInfo(ZONE).key
