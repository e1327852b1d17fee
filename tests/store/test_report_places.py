"""Of what a report counts, stores are found with where they are, and fences are not."""

from __future__ import annotations

from uuid import uuid4

from server.store import report_places
from server.store.pool import Connection, Pool
from tests.web.authors import a_store


async def test_stores_are_found_and_other_places_are_not(db: Connection, pool: Pool) -> None:
    store = await a_store(pool, name="Bakery", at=(52.5, 13.4), radius_m=80)
    fence = await db.fetchval("SELECT geofence_id FROM stores WHERE id = $1", store.id)
    found = await report_places.stores(db, ids=[store.id, fence, uuid4()])
    assert list(found) == [store.id]
    assert found[store.id][1:] == ("Bakery", 52.5, 13.4, 80)
