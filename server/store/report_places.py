"""Where the stores of a report are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Place(NamedTuple):
    """A store, as it was last."""

    id: UUID
    name: str
    lat: float
    lon: float
    radius_m: float


STORES = "SELECT id, name, lat, lon, radius_m FROM stores WHERE id = ANY ($1::uuid[])"


async def stores(db: Connection, *, ids: Sequence[UUID]) -> dict[UUID, Place]:
    """Find those of some ids that are stores, also ones that have closed."""
    return {row["id"]: Place(**row) for row in await db.fetch(STORES, ids)}
