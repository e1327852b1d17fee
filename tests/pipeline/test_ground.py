"""Ground that was changed step by step is the ground that would be laid anew from what stands in the end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.decision.plan import NO_OFFERS
from server.decision.ruleset import Ruleset
from server.model.place import Point
from server.pipeline import ground
from server.pipeline.ground import Ground, News
from server.signals.weather.cache import cell_of
from server.store.ruleset import FenceRow, StoreRow
from tests.builders import offer, programme

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[13.4, 52.5], [13.41, 52.5], [13.41, 52.51], [13.4, 52.51], [13.4, 52.5]]],
}


def row(number: int, *, at: int = 0, tag: str = "a", store: int | None = None, geometry: Any = None) -> FenceRow:
    """A fence of 100 m, `at` tenths of a degree to the north; a store's own where it has a number."""
    lat, tags = 50.0 + at / 10, frozenset({tag})
    shop = None
    if store is not None:
        hours = {"mon": [["08:00", "20:00"]]}
        shop = StoreRow(UUID(int=1000 + store), f"S{store}", lat, 10.0, "Europe/Berlin", "DE", None, hours, tags, None)
    if geometry is not None:
        return FenceRow(UUID(int=number), f"F{number}", None, None, None, geometry, tags, "Europe/Berlin", shop)
    return FenceRow(UUID(int=number), f"F{number}", lat, 10.0, 100.0, None, tags, "Europe/Berlin", shop)


numbers = st.integers(1, 6)
rows = st.builds(
    row, numbers, at=st.integers(0, 4), tag=st.sampled_from("abc"), store=st.none() | st.integers(1, 2)
) | st.builds(row, numbers, tag=st.sampled_from("abc"), geometry=st.just(SQUARE))
# A store has one fence: of two rows that name the same one, the database lets only one stand.
puts = st.lists(
    rows, max_size=4, unique_by=(lambda each: each.id, lambda each: each.store.id if each.store else each.id)
)
wishes = st.sampled_from([(), ("a",), ("b",), ("a", "b"), (None,)])
steps = st.lists(st.tuples(puts, st.sets(numbers), wishes), min_size=1, max_size=6)


def rules_for(land: Ground, wish: tuple[str | None, ...]) -> Ruleset:
    """Rules whose offers mean some tags, or (None) every place."""
    offers = [offer(n, tag=tag) for n, tag in enumerate(wish, 1)]
    return Ruleset.build(offers=offers, places=land.places, programme=programme(), segments={}, epoch=1)


@given(steps=steps)
@settings(max_examples=25, deadline=None)
def test_changed_step_by_step_it_is_what_it_would_be_laid_anew(steps: list[Any]) -> None:
    land, standing = ground.bare(), dict[UUID, FenceRow]()
    rules, live = rules_for(land, ()), land.fences
    for put, gone, wish in steps:
        owned = {each.store.id for each in put if each.store}
        moved = {each.id for each in standing.values() if each.store and each.store.id in owned}
        removed = ({UUID(int=number) for number in gone} | moved) - {each.id for each in put}
        last, before = land, rules
        land = ground.changed(last, put, sorted(removed))
        rules = rules_for(land, wish)
        news = News([each.id for each in put], sorted(removed)) if rules.means_as(before) else None
        live = ground.live_part(live, last=last, ground=land, ruleset=rules, news=news)
        standing = {key: each for key, each in standing.items() if key not in removed} | {each.id: each for each in put}
        anew = ground.changed(ground.bare(), list(standing.values()), ())
        assert land.by_geofence == anew.by_geofence
        assert land.by_id == anew.by_id
        assert set(land.fences) == set(standing)
        assert set(land.stores) == {each.id for each in standing.values() if each.store}
        assert set(live) == {key for key in standing if rules.plan(key) is not NO_OFFERS}
        for index in (land.fences, land.stores, live):
            assert all(index.enclosing(each) == anew.fences.enclosing(each) for each in index)
        counts = {cell: count for cell, (count, _) in land.cells.kept.items()}
        points = [place.point for place in land.by_geofence.values()]
        assert counts == {cell: [cell_of(point) for point in points].count(cell) for cell in set(map(cell_of, points))}
        assert (land.cells.moved != last.cells.moved) == (set(land.cells.kept) != set(last.cells.kept))


def test_nothing_that_changed_is_the_same_ground() -> None:
    land = ground.changed(ground.bare(), [row(1)], ())
    assert ground.changed(land, [], []) is land


def test_what_all_are_is_kept_once() -> None:
    land = ground.changed(ground.bare(), [row(1, store=1), row(2, store=2)], ())
    assert land.stores is land.fences
    rules = rules_for(land, (None,))
    assert ground.live_part(land.fences, last=land, ground=land, ruleset=rules, news=None) is land.fences
    mixed = ground.changed(land, [row(3)], ())
    assert len(mixed.stores) == 2
    assert ground.changed(mixed, [], [UUID(int=3)]).stores is not mixed.stores


def test_one_change_leaves_the_places_of_all_others_where_they_are() -> None:
    land = ground.changed(ground.bare(), [row(number, at=number % 5) for number in range(1, 300)], ())
    after = ground.changed(land, [row(7, at=9)], ())
    assert sum(after.by_geofence[each] is not land.by_geofence[each] for each in land.by_geofence) == 1
    assert after.by_geofence[UUID(int=7)].point == Point(50.9, 10.0)


def test_hours_that_cannot_be_read_are_unknown() -> None:
    shop = row(1, store=1)
    assert shop.store is not None
    wrong = shop._replace(store=shop.store._replace(hours={"someday": []}))
    assert ground.changed(ground.bare(), [wrong], ()).by_id[UUID(int=1001)].hours is None


def test_an_area_is_a_place_at_its_middle_with_the_radius_of_its_equal_circle() -> None:
    place = ground.changed(ground.bare(), [row(1, geometry=SQUARE)], ()).by_geofence[UUID(int=1)]
    assert place.point == Point(pytest.approx(52.505, abs=1e-4), pytest.approx(13.405, abs=1e-4))
    assert place.radius_m == pytest.approx((1113 * 678 / 3.1416) ** 0.5, rel=0.02)
