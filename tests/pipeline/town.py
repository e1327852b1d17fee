"""A town in the database: stores with fences, offers, customers; and the street through it, as one process has it.

Offers are written as documents, the way marketers write them; nothing of ours is left out between a fix and its moment.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from geopy.distance import geodesic

from server.configuration import load
from server.model.place import Point
from server.model.weather import Weather
from server.pipeline.arrive import Arrivals
from server.pipeline.batch import Answer, Batch
from server.pipeline.rules import Rules, programme_of
from server.settings import Settings
from server.signals.assemble import Reported
from server.store import epoch, geofences, stores
from server.store.clock import DatabaseClock
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Pool, open_pool
from server.store.stores import NewStore, StoreDraft

TOWN = Point(52.52, 13.405)


def settings(**environment: str) -> Settings:
    """Read the default settings; `limits__queue_s="5"` overrides limits.queue_s. Caps are off unless set, and all is told."""
    free = {
        "pressure__per_day": "0",
        "pressure__per_week": "0",
        "quiet_hours__to": "21:00",
        "receipts__plain_share": "1",
    }
    return load(environment={f"KAIROS__{k.upper()}": v for k, v in (free | environment).items()})


@cache
def off(north_m: float = 0, east_m: float = 0, *, of: Point = TOWN) -> Point:
    """Give the point so many metres north and east."""
    found = geodesic(meters=north_m).destination(tuple(of), 0)
    found = geodesic(meters=east_m).destination(found, 90)
    return Point(found.latitude, found.longitude)


def document(name: str = "coffee", **changes: Any) -> dict[str, Any]:
    """Write an offer: whoever enters any store gets coffee worth 2.50 EUR, unless `changes` say otherwise."""
    usual: dict[str, Any] = {
        "name": name,
        "when": {"trigger": "enter", "places": {"any": True}},
        "deliver_by": "PT5M",
        "moment": {
            "content": {"en-US": {"title": "Coffee on us", "body": "At {{ place.name }}."}},
            "fallback_locale": "en-US",
        },
        "reward": {"type": "free_item", "sku": "coffee", "value": {"minor": 250, "currency": "EUR"}},
    }
    return {key: value for key, value in (usual | changes).items() if value is not None}


def fix(at: Point = TOWN, *, age_s: float = 0, accuracy_m: float = 8, id: UUID | None = None, **more: Any) -> Reported:  # noqa: A002
    """Report a fix that many seconds before the phone's `sent_at`, which is SENT."""
    return Reported(id or new_id(), SENT - timedelta(seconds=age_s), at, accuracy_m, **more)


SENT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
"""What `fix` counts ages from; `Street.ping` moves it to now."""


@dataclass(slots=True)
class Sky:
    """The weather everywhere, as set by the test."""

    weather: Weather | None = None

    def __call__(self, point: Point, now: datetime) -> Weather | None:
        """Tell it."""
        return self.weather


@dataclass(slots=True)
class Street:
    """One process's part of the street."""

    pool: Pool
    rules: Rules
    clock: DatabaseClock
    arrivals: Arrivals
    sky: Sky
    synced: bool = False

    async def ping(self, customer: UUID, *fixes: Reported, foreground: bool = True, **more: Any) -> Answer:
        """Report fixes, from a phone whose clock is right unless `sent_at` says otherwise."""
        sent_at = more.pop("sent_at", None)
        if sent_at is None:
            sent_at = await self.now()
            fixes = tuple(each._replace(captured_at=sent_at - (SENT - each.captured_at)) for each in fixes)
        return await self.arrivals.arrive(Batch(customer, sent_at, fixes, foreground=foreground, **more))

    async def now(self) -> datetime:
        """Ask the database for its time once, then this process's clock."""
        if not self.synced:
            async with self.pool.acquire() as db:
                await self.clock.sync(db)
            self.synced = True
        return self.clock.now()


@contextlib.asynccontextmanager
async def street(
    dsn: str, *, size: int = 6, shift: timedelta = timedelta(0), **environment: str
) -> AsyncIterator[Street]:
    """Open a process's part of the street on a database; `shift` later than it is."""
    chosen = settings(**environment)
    async with await open_pool(dsn, size=size, application_name="street") as pool:
        clock, sky = DatabaseClock(shift=shift), Sky()
        rules = Rules(pool, programme_of(chosen))
        await rules.refresh()
        arrivals = Arrivals(pool=pool, rules=rules, clock=clock, sky=sky, settings=chosen)
        yield Street(pool, rules, clock, arrivals, sky)
        await arrivals.close()


@dataclass(slots=True)
class Shop:
    """A store and its fence."""

    id: UUID
    fence: UUID
    at: Point


@dataclass(slots=True)
class Town:
    """What was put into the database."""

    pool: Pool
    shops: list[Shop] = field(default_factory=list)

    async def open_shop(self, at: Point = TOWN, *, name: str = "Mitte", radius_m: float = 100, **more: Any) -> Shop:
        """Open a store with its fence."""
        shop = Shop(new_id(), new_id(), at)
        draft = StoreDraft(name, at.lat, at.lon, radius_m, more.pop("time_zone", "Europe/Berlin"), **more)
        async with self.pool.transaction() as db:
            changed = await epoch.bump(db)
            await stores.insert(db, stores=[NewStore(shop.id, shop.fence, draft)])
            fence = GeofenceDraft(name, "Europe/Berlin", draft.tags, at.lat, at.lon, radius_m, None, shop.id)
            await geofences.insert(db, fences=[NewGeofence(shop.fence, fence)], changed=changed)
        self.shops.append(shop)
        return shop

    async def publish(self, written: Mapping[str, Any] | None = None, *, offer_id: UUID | None = None) -> UUID:
        """Put an offer live."""
        written = written or document()
        identifier = offer_id or new_id()
        async with self.pool.transaction() as db:
            await epoch.bump(db)
            await db.execute(
                "INSERT INTO offers (id, name, status, version, live_version, document, author, published_at)"
                " VALUES ($1, $2, 'live', 1, 1, $3, 'test', now())",
                identifier,
                written["name"],
                json.dumps(written),
            )
            await db.execute(
                "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, $2, 'test')",
                identifier,
                json.dumps(written),
            )
            await db.execute("INSERT INTO budgets (offer_id) VALUES ($1)", identifier)
        return identifier

    async def customers(
        self, count: int, *, location: bool = True, push: bool = True, ids: Sequence[UUID] = ()
    ) -> list[UUID]:
        """Sign up customers who agree to everything; `ids` says who they are, where that matters."""
        made = list(ids) or [new_id() for _ in range(count)]
        async with self.pool.acquire() as db:
            await db.execute(
                "INSERT INTO customers (bucket, id, locale, time_zone, location, push, profiling)"
                " SELECT b, i, 'en-US', 'Europe/Berlin', $3, $4, true FROM unnest($1::smallint[], $2::uuid[]) AS c (b, i)",
                [each.int & 1023 for each in made],
                made,
                location,
                push,
            )
            await db.execute(
                "INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM customers ON CONFLICT DO NOTHING"
            )
        return made

    async def customer(self, **more: bool) -> UUID:
        """Sign up one customer."""
        return (await self.customers(1, **more))[0]

    async def count(self, sql: str, *values: object) -> int:
        """Count by a statement."""
        async with self.pool.acquire() as db:
            return int(await db.fetchval(sql, *values))

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read rows."""
        async with self.pool.acquire() as db:
            return [dict(row) for row in await db.fetch(sql, *values)]


def statuses(answers: Iterable[Answer]) -> list[str]:
    """List the status of every fix."""
    return [result.status for answer in answers for result in answer.results]
