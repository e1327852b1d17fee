"""Rows that would be there twice: found by name and place, judged by geopy's distances, quick for whole chains."""

from __future__ import annotations

import random
from typing import Any

import pytest
from geopy.distance import great_circle

from server.pipeline import places
from server.pipeline.author import Author
from server.pipeline.doubles import NEAR_M, Spot, doubles, repeated, spot_of
from server.pipeline.places import check_fence, check_store
from server.store import standing
from server.store.pool import Connection

BY = Author("key:test")
DEGREE_M = 111_195.0  # of latitude, on the sphere


def store(name: str = "A", lat: float = 52.5, lon: float = 13.4) -> Any:
    return check_store({"name": name, "lat": lat, "lon": lon, "radius_m": 100, "time_zone": "Europe/Berlin"})


def area(name: str, *ring: list[float]) -> Any:
    return check_fence({"name": name, "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}, vertices=100)


async def told(db: Connection, *drafts: Any, ask: Any = standing.stores) -> list[int]:
    found = await doubles(db, taken=[(10 + number, draft) for number, draft in enumerate(drafts)], standing=ask)
    assert {each.field for each in found} <= {"name"}
    return [each.index for each in found]


def test_a_spot_is_repeated_where_an_earlier_one_of_its_name_is_near() -> None:
    here = Spot("A", 52.5, 13.4)
    others = [
        here,
        Spot("B", 52.5, 13.4),
        Spot("A", 52.5 + 24.9 / DEGREE_M, 13.4),
        Spot("A", 52.5 - 25.1 / DEGREE_M, 13.4),
    ]
    assert repeated([here, *others]) == {1, 3}
    assert repeated([Spot("F", -17, 180), Spot("F", -17, -180), Spot("P", 90, 0), Spot("P", 90, 120)]) == {1, 3}
    assert repeated([]) == set()


def test_what_is_near_is_what_geopy_says_wherever_on_earth() -> None:
    draw = random.Random(7)
    for _ in range(500):
        lat, lon = draw.uniform(-89.9, 89.9), draw.uniform(-180, 180)
        other = great_circle(meters=draw.uniform(0, 2 * NEAR_M)).destination((lat, lon), draw.uniform(0, 360))
        metres = great_circle((lat, lon), other).meters
        if abs(metres - NEAR_M) > 0.01:
            spots = [Spot("A", lat, lon), Spot("A", other.latitude, other.longitude)]
            assert (repeated(spots) == {1}) == (metres < NEAR_M)


async def test_an_open_store_counts_and_one_that_is_closed_or_has_another_name_does_not(db: Connection) -> None:
    async with db.transaction():
        made = await places.add_stores(db, drafts=[store("A"), store("Closed")], by=BY)
        await places.close_store(db, store_id=made[1].id, by=BY)
    drafts = [store("New"), store("A"), store("B"), store("Closed"), store("B"), store("A", 52.6)]
    assert await told(db, *drafts) == [11, 14]
    found = await doubles(db, taken=list(enumerate(drafts)), standing=standing.stores)
    assert [each.message.partition(" (")[0] for each in found] == ["stands there already", "is in this list before"]
    assert await told(db, store("A"), ask=standing.fences) == []  # a store's own fence is none that was drawn


async def test_fences_are_doubles_by_their_middle_over_the_antimeridian_too(db: Connection) -> None:
    circle = check_fence({"name": "C", "lat": 52.5, "lon": 13.4, "radius_m": 100}, vertices=9)
    fiji = area("Fiji", [179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9])
    town = area("Town", [13.4, 52.5], [13.5, 52.5], [13.5, 52.6])
    async with db.transaction():
        await places.add_fences(db, drafts=[circle, fiji, town], by=BY)
    moved = area("Town", [13.41, 52.5], [13.5, 52.5], [13.5, 52.6])
    assert await told(db, circle, fiji, town, moved, ask=standing.fences) == [10, 11, 12]
    assert spot_of(fiji) == Spot("Fiji", pytest.approx(-16.95), pytest.approx(180))
    assert await told(db, moved, moved, ask=standing.fences) == [11]


async def test_a_chain_of_one_name_and_a_house_of_many_names_are_told_row_by_row(db: Connection) -> None:
    chain = [store("Chain", 50 + number / 1000, 10) for number in range(2_500)]
    house = [store(f"Shop {number}", 40, 10) for number in range(500)]
    async with db.transaction():
        await places.add_stores(db, drafts=chain + house, by=BY)
    assert await told(db, *chain, *house) == list(range(10, 3_010))
