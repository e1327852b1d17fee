"""Phones in a town: the App's doors, served for real, with the whole street behind them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.channels.vapid import Vapid, new_key
from server.model.place import Point
from server.pipeline.arrive import Arrivals
from server.pipeline.rules import Rules, programme_of
from server.store import keys
from server.store.clock import DatabaseClock
from server.store.ids import new_id
from server.store.pool import Pool
from server.web.doors import all_doors
from tests.pipeline.town import TOWN, Sky, Town
from tests.web.serving import Answered, Served, serving, settings_with

DOORS = ("customers", "devices", "events", "me", "moments", "pings", "snooze", "stream")

FREE = {"quiet_hours__to": "21:00", "pressure__per_day": 0, "pressure__per_week": 0}

VAPID = Vapid(new_key(), subject="", setting="")


@dataclass(slots=True)
class Phone:
    """One customer's phone."""

    served: Served
    customer_id: UUID
    token: str
    clock: DatabaseClock

    @property
    def headers(self) -> dict[str, str]:
        """What it says with each request."""
        return {"Authorization": f"Bearer {self.token}"}

    async def call(self, method: str, path: str, **options: Any) -> Answered:
        """Make a request of its own."""
        headers = self.headers | options.pop("headers", {})
        return await self.served.call(method, path, headers=headers, **options)

    def report(self, at: Point = TOWN, *, age_s: float = 0, **more: Any) -> dict[str, Any]:
        """Write a report of one fix."""
        now = self.clock.now()
        ping = {
            "id": str(new_id()),
            "captured_at": (now - timedelta(seconds=age_s)).isoformat(),
            "lat": at.lat,
            "lon": at.lon,
            "accuracy_m": 8,
        }
        return {"sent_at": now.isoformat(), "app": {"foreground": True}, "pings": [ping | more]}

    async def ping(self, at: Point = TOWN, **more: Any) -> Answered:
        """Report a fix."""
        return await self.call("POST", "/v1/pings", json=self.report(at, **more))

    async def moment(self) -> dict[str, Any]:
        """Go into the store, and take the one moment that comes of it."""
        answer = await self.ping()
        [moment] = answer.json["moments"]
        return dict(moment)


@dataclass(slots=True)
class Phones:
    """The server, the town, and the app's key."""

    served: Served
    town: Town
    rules: Rules
    arrivals: Arrivals
    clock: DatabaseClock
    app_key: str

    async def sign_up(self, **body: Any) -> Answered:
        """Sign up as the app does."""
        headers = {"Authorization": f"Bearer {self.app_key}"}
        return await self.served.call("POST", "/v1/customers", json=body, headers=headers)

    async def phone(self, **body: Any) -> Phone:
        """Sign up a customer who agrees to everything, unless `body` says otherwise."""
        body.setdefault("consents", {"location": True, "push": True, "profiling": True})
        answer = await self.sign_up(**body)
        assert answer.status == 201, answer.body
        return Phone(self.served, UUID(answer.json["customer_id"]), answer.json["token"], self.clock)


@contextlib.asynccontextmanager
async def phones(pool: Pool, **changes: Any) -> AsyncIterator[Phones]:
    """Serve the App's doors on a database."""
    settings = settings_with(**(FREE | changes))
    clock, town, rules = DatabaseClock(), Town(pool), Rules(pool, programme_of(settings))
    async with pool.transaction() as db:
        await clock.sync(db)
        made = await keys.create(db, kind="app")
        assert made is not None
    await rules.refresh()
    arrivals = Arrivals(pool=pool, rules=rules, clock=clock, sky=Sky(), settings=settings)
    parts = {"rules": rules, "clock": clock, "arrivals": arrivals, "vapid": VAPID}
    async with serving(all_doors(DOORS), settings, pool, **parts) as served:
        yield Phones(served, town, rules, arrivals, clock, made.token)
    await arrivals.close()


@contextlib.asynccontextmanager
async def coffee(pool: Pool, **changes: Any) -> AsyncIterator[Phones]:
    """The same with a store and an offer of coffee in it."""
    town = Town(pool)
    await town.open_shop()
    await town.publish()
    async with phones(pool, **changes) as opened:
        yield opened
