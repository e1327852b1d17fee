"""The counter's doors over real sockets: a store with its till, customers with their moments, an admin."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

from server.model.ids import bucket_of
from server.store import keys
from server.store.clock import DatabaseClock
from server.store.ids import new_token, token_hash
from server.store.pool import Pool, open_pool
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring
from server.web import conflicts, counter, faces, google, ledger, offline, pass_link, passes, till_keys, wallet
from server.web.doors import doors_of
from tests.counter_rows import add_customer, add_moment, add_offer, add_store, the_desk
from tests.web.serving import Answered, Served, serving, settings_with

MODULES = (conflicts, counter, faces, google, ledger, offline, pass_link, passes, till_keys, wallet)


@dataclass
class Counter:
    """A served counter; `tokens` by name: "till", "admin", and customers by the name they were given."""

    served: Served
    pool: Pool
    desk: Desk
    keyring: Keyring
    store_id: UUID
    offer_id: UUID
    tokens: dict[str, str] = field(default_factory=dict)
    customers: dict[str, UUID] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: str | None = None,
        body: Any = None,
        key: str | None = "new",
        **options: Any,
    ) -> Answered:
        """Ask as somebody; POSTs carry a fresh Idempotency-Key unless one (or None) is given."""
        headers = {}
        if by is not None:
            headers["Authorization"] = f"Bearer {self.tokens[by]}"
        if method == "POST" and key is not None:
            headers["Idempotency-Key"] = str(uuid4()) if key == "new" else key
        if body is not None:
            options["json"] = body
        return await self.served.call(method, path, headers=headers, **options)

    async def till(self, name: str, *, store_id: UUID | None = None) -> None:
        """Another till, of this store or another."""
        async with self.pool.transaction() as db:
            made = await keys.create(db, kind="till", store_id=store_id or self.store_id)
        assert made is not None
        self.tokens[name] = made.token

    async def customer(self, name: str = "kim") -> UUID:
        """A customer with a token."""
        async with self.pool.transaction() as db:
            identifier = await add_customer(db)
            token = new_token("kc_", bucket=bucket_of(identifier))
            await db.execute(
                "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)",
                bucket_of(identifier),
                token_hash(token),
                identifier,
            )
        self.tokens[name], self.customers[name] = token, identifier
        return identifier

    async def moment(self, name: str = "kim", **columns: Any) -> UUID:
        """A moment of a customer."""
        if name not in self.customers:
            await self.customer(name)
        async with self.pool.transaction() as db:
            return await add_moment(db, customer_id=self.customers[name], offer_id=self.offer_id, **columns)

    async def taken(self, name: str = "kim", **columns: Any) -> dict[str, Any]:
        """The pass of a fresh moment, as its customer is told."""
        moment_id = await self.moment(name, **columns)
        answer = await self.ask("POST", f"/v1/moments/{moment_id}/pass", by=name)
        assert answer.status == 201, answer.body
        told: dict[str, Any] = answer.json["pass"]
        return told

    async def redeem(self, code: str, *, by: str = "till", **more: Any) -> Answered:
        """Redeem a code; `key` may be given, the rest is the body's."""
        key = more.pop("key", "new")
        return await self.ask("POST", "/v1/redemptions", by=by, body={"code": code, **more}, key=key)

    async def anew(self) -> Counter:
        """The same served counter for another test of a file: a store, an offer, a till and customers of its own."""
        async with self.pool.transaction() as db:
            store_id, offer_id = await add_store(db), await add_offer(db)
        tokens = {"admin": self.tokens["admin"]}
        other = Counter(self.served, self.pool, self.desk, self.keyring, store_id, offer_id, tokens)
        await other.till("till")
        return other

    async def value(self, sql: str, *arguments: Any) -> Any:
        """One value from the database."""
        async with self.pool.acquire() as db:
            return await db.fetchval(sql, *arguments)


@contextlib.asynccontextmanager
async def open_counter(
    dsn: str,
    folder: Path,
    *,
    parts: dict[str, Any] | None = None,
    screens: tuple[ModuleType, ...] = (),
    **changes: Any,
) -> AsyncIterator[Counter]:
    """Serve the counter's doors on this database, with the two pools of a house, further parts and pages."""
    async with (
        await open_pool(dsn, size=8, application_name="tests") as pool,
        await open_pool(dsn, size=4, application_name="tests till") as till_pool,
        _open(pool, till_pool, folder, parts or {}, screens=screens, changes=changes) as opened,
    ):
        yield opened


@contextlib.asynccontextmanager
async def _open(
    pool: Pool,
    till_pool: Pool,
    folder: Path,
    others: dict[str, Any],
    *,
    screens: tuple[ModuleType, ...],
    changes: dict[str, Any],
) -> AsyncIterator[Counter]:
    settings = settings_with(**changes)
    desk, keyring = the_desk(folder, signs_codes=settings.offline.codes)
    clock = DatabaseClock()
    async with pool.transaction() as db:
        await clock.sync(db)
        store_id, offer_id = await add_store(db), await add_offer(db)
        admin = await keys.create(db, kind="admin")
    assert admin is not None
    doors = [each for module in (*MODULES, *screens) for each in doors_of(module)]
    parts = {"till_pool": till_pool, "clock": clock, "desk": desk, "secrets": keyring} | others
    async with serving(doors, settings, pool, **parts) as served:
        opened = Counter(served, pool, desk, keyring, store_id, offer_id, {"admin": admin.token})
        await opened.till("till")
        yield opened
    desk.close()
