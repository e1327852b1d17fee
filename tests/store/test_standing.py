"""What stands near a spot under its name: judged by geopy's distances."""

from __future__ import annotations

import random

from geopy.distance import great_circle

from server.pipeline import places
from server.pipeline.author import Author
from server.pipeline.places import check_fence, check_store
from server.store import standing
from server.store.pool import Connection

BY = Author("key:test")
NEAR_M = 25.0


async def test_the_database_finds_the_near_ones_that_stand_as_geopy_does(db: Connection) -> None:
    draw = random.Random(8)
    pairs = []
    for _ in range(300):
        lat, lon = draw.uniform(-85, 85), draw.uniform(-179.9, 179.9)
        other = great_circle(meters=draw.uniform(0, 2 * NEAR_M)).destination((lat, lon), draw.uniform(0, 360))
        pairs.append(((lat, lon), (other.latitude, other.longitude)))
    circles = [
        {"name": f"S{number}", "lat": lat, "lon": lon, "radius_m": 100} for number, ((lat, lon), _) in enumerate(pairs)
    ]
    async with db.transaction():
        await places.add_stores(db, drafts=[check_store(each | {"time_zone": "UTC"}) for each in circles], by=BY)
    spots = [(f"S{number}", *other) for number, (_, other) in enumerate(pairs)]
    metres = [great_circle(one, other).meters for one, other in pairs]
    near = {number for number, far in enumerate(metres) if far < NEAR_M}
    doubtful = {number for number, far in enumerate(metres) if abs(far - NEAR_M) < 0.01}
    assert 0 < len(near) < 300
    assert await standing.stores(db, spots=spots, within_m=NEAR_M) ^ near <= doubtful
    assert await standing.fences(db, spots=spots, within_m=NEAR_M) == set()  # these are the stores' own
    async with db.transaction():
        await places.add_fences(db, drafts=[check_fence(each, vertices=9) for each in circles], by=BY)
    # A fence's middle is that of its rectangle, which is a little off on the way to a pole.
    assert await standing.fences(
        db, spots=[(each["name"], each["lat"], each["lon"]) for each in circles], within_m=NEAR_M
    ) == set(range(300))
