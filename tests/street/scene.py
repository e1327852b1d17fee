"""A furnished house for tests of all doors at once: two stores with tills, staff, an offer, two customers with things.

Kim's things are what the principals `customer` and `till` may reach; Robin's, and those of the store elsewhere, are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from server.store import keys
from server.store.ids import new_id, new_token
from server.store.pool import Connection
from tests.counter_rows import add_moment, add_offer
from tests.street.serving import Answered, Street

STORE = {"name": "Markt", "lat": 50.9787, "lon": 11.0328, "radius_m": 120, "tags": ["bakery"]}
ELSEWHERE = {"name": "Anger", "lat": 50.9760, "lon": 11.0360, "radius_m": 120, "tags": ["bakery"]}
FENCE = {"name": "Old town", "lat": 50.9790, "lon": 11.0300, "radius_m": 250}

NOBODYS = UUID(int=0)

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' ORDER BY 1
"""


async def counts(db: Connection) -> dict[str, int]:
    """How many rows each table of the database has; a job makes the first number of passes whenever it comes by."""
    names = [row[0] for row in await db.fetch(TABLES) if row[0] != "pass_tags"]
    rows = await db.fetch(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names))
    return {row[0]: row[1] for row in rows}


async def dump(db: Connection) -> str:
    """Every row of every table as text, a line each, behind its table's name."""
    names = [row[0] for row in await db.fetch(TABLES)]
    lines = [f"{name} {row[0]}" for name in names for row in await db.fetch(f"SELECT t::text FROM {name} t")]
    return "\n".join(lines)


@dataclass
class Scene:
    """What stands in the house. `street.tokens` has: app customer robin till elsewhere crm marketer analyst admin wrong
    revoked
    pass."""

    street: Street
    customers: dict[str, UUID] = field(default_factory=dict)
    stores: dict[str, UUID] = field(default_factory=dict)
    offer: UUID = NOBODYS
    wallet: str = ""
    """The serial of the pass that `pass` holds."""

    async def ask(self, method: str, path: str, **more: Any) -> Answered:
        """Ask, with a fresh Idempotency-Key where one may be needed."""
        if method == "POST":
            more.setdefault("key", "new")
        return await self.street.call(method, path, **more)

    async def made(self, path: str, body: Any, *, by: str = "admin") -> Any:
        """Make something, and give its answer."""
        answer = await self.ask("POST", path, by=by, body=body)
        assert answer.status == 201, answer.body
        return answer.json

    async def moment(self, who: str = "customer", **columns: Any) -> UUID:
        """A moment that is ready to be taken."""
        async with self.street.house.parts.pool.transaction() as db:
            return await add_moment(db, customer_id=self.customers[who], offer_id=self.offer, **columns)

    async def taken(self, who: str = "customer", **columns: Any) -> dict[str, Any]:
        """The pass of a fresh moment."""
        moment = await self.moment(who, **columns)
        answer = await self.ask("POST", f"/v1/moments/{moment}/pass", by=who)
        assert answer.status == 201, answer.body
        told: dict[str, Any] = answer.json["pass"]
        return told

    async def held(self, who: str = "customer") -> tuple[str, str]:
        """The serial of a fresh pass, and the token that its wallet has: there is none in a file without https."""
        serial = UUID((await self.taken(who))["serial"])
        parts = self.street.house.parts
        async with parts.pool.acquire() as db:
            sealed = await db.fetchval("SELECT token_sealed FROM passes WHERE serial = $1", serial)
        token = parts.secrets.unseal(sealed, table="passes", row=serial.bytes, now=parts.clock.now())
        assert token is not None
        return str(serial), token.decode()

    async def redeemed(self, who: str = "customer", *, by: str = "till") -> str:
        """The id of a redemption, just made."""
        code = (await self.taken(who))["code"]
        return str((await self.made("/v1/redemptions", {"code": code}, by=by))["id"])

    async def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.street.house.parts.pool.acquire() as db:
            return await counts(db)

    async def sign_up(self, name: str) -> UUID:
        """Another customer, who agrees to everything."""
        self.customers[name] = await self.street.customer(name)
        return self.customers[name]


async def furnish(street: Street) -> Scene:
    """Put everything there, through the doors where there is one."""
    scene = Scene(street)
    for kind in ("admin", "app", "crm", "marketer", "analyst"):
        await street.key(kind)
    for name, body in (("till", STORE), ("elsewhere", ELSEWHERE)):
        scene.stores[name] = UUID((await scene.made("/v1/stores", body))["id"])
        await street.key("till", name=name, store_id=scene.stores[name])
    street.tokens["wrong"] = new_token("kd_")
    async with street.house.parts.pool.transaction() as db:
        made = await keys.create(db, kind="admin")
        assert made is not None
        assert await keys.revoke(db, id_=made.id)
        scene.offer = await add_offer(db)
    street.tokens["revoked"] = made.token
    for who in ("customer", "robin"):
        await scene.sign_up(who)
        await scene.taken(who)
    scene.wallet, street.tokens["pass"] = await scene.held("robin")
    return scene


def document(name: str | None = None, **changes: Any) -> dict[str, Any]:
    """An offer of coffee for whoever enters a store; a change to None takes the member out."""
    whole: dict[str, Any] = {
        "name": name or f"offer-{uuid4()}",
        "when": {"trigger": "enter", "places": {"any": True}},
        "moment": {
            "surfaces": ["in_app"],
            "content": {"en-US": {"title": "Coffee on us", "body": "At {{ place.name }}."}},
            "fallback_locale": "en-US",
        },
        "reward": {"type": "free_item", "sku": "coffee", "value": {"minor": 250, "currency": "EUR"}},
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def report(*, lat: float = 50.9787, lon: float = 11.0328, now: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A report of one fix, taken at the time of sending."""
    at = (now or datetime.now(UTC)).isoformat()
    fix = {"id": str(new_id()), "captured_at": at, "lat": lat, "lon": lon, "accuracy_m": 9}
    return {"sent_at": at, "app": {"foreground": True}, "pings": [fix | more]}
