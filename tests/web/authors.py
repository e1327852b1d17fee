"""Writing rules through the doors: a served house with the keys of those who may, and documents to begin with."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from server.pipeline.author import Author
from server.pipeline.places import add_stores, check_store
from server.pipeline.rules import programme_of
from server.store import keys
from server.store.pool import Pool
from server.web.doors import doors_of
from tests.web.serving import Answered, Served, serving, settings_with

BY = Author("user:00000000-0000-0000-0000-000000000001")
SETTINGS = settings_with()
PROGRAMME = programme_of(SETTINGS)
TOWN = (52.52, 13.405)


def document(name: str = "pretzel", **changes: Any) -> dict[str, Any]:
    """An offer for any place; a change to None takes the member out."""
    whole = {
        "name": name,
        "when": {"trigger": "enter", "places": {"any": True}},
        "moment": {
            "surfaces": ["in_app", "push"],
            "content": {"en-US": {"title": "Good to see you", "body": "A pretzel at {{ place.name }}."}},
            "fallback_locale": "en-US",
        },
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


REWARD: dict[str, Any] = {
    "type": "free_item",
    "sku": "pretzel",
    "value": {"minor": 95, "currency": "EUR"},
    "valid": {"at_most": "PT8H"},
}


class House(NamedTuple):
    """A served house; `tokens` by the kind of their key."""

    served: Served
    pool: Pool
    tokens: dict[str, str]

    async def call(self, kind: str | None, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request with the key of a kind (None: nobody's), a JSON body, and further headers (`_` for `-`)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind is not None:
            sent["Authorization"] = f"Bearer {self.tokens[kind]}"
        options = {} if body is None else {"json": body}
        return await self.served.call(method, path, headers=sent, **options)


@contextlib.asynccontextmanager
async def house(pool: Pool, *modules: Any, **parts: Any) -> AsyncIterator[House]:
    """Serve the doors of some modules on a database."""
    settings = parts.pop("settings", SETTINGS)
    async with pool.transaction() as db:
        made = {kind: await keys.create(db, kind=kind) for kind in ("app", "crm", "marketer", "analyst", "admin")}
    tokens = {kind: key.token for kind, key in made.items() if key is not None}
    doors = [door for module in modules for door in doors_of(module)]
    async with serving(doors, settings, pool, **parts) as served:
        yield House(served, pool, tokens)


async def a_store(
    pool: Pool, *, name: str = "Bakery", radius_m: float = 100, tags: tuple[str, ...] = (), **more: Any
) -> Any:
    """Open a store in the middle of the town, and give what was made."""
    lat, lon = more.pop("at", TOWN)
    fields = {"name": name, "lat": lat, "lon": lon, "radius_m": radius_m, "tags": tags, "time_zone": "Europe/Berlin"}
    async with pool.transaction() as db:
        [made] = await add_stores(db, drafts=[check_store(fields | more)], by=BY)
    return made
