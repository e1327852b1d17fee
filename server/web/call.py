"""What a door is handed, and what it may hand back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from server.pipeline.author import Author
from server.store.pool import Connection, Pool
from server.store.signed_messages import Message
from server.web.access import Kind, Principal
from server.web.gate import GATE, Gate
from server.web.parts import Parts
from server.web.visitor import LogIn

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read and allowed. `path` holds UUIDs and texts by the names in the route.

    `address` is the client's (behind trusted proxies: the rightmost that is none of them), `csrf` the token that
    forms of a page must carry (None without a log-in), `held` the transaction of an idempotent or signed request, `message`
    what a signed one spends in it, `log_in` that of somebody who came with a cookie.
    """

    request: web.Request
    parts: Parts
    principal: Principal
    request_id: str
    address: str
    body: Any = None
    query: Any = None
    path: Mapping[str, UUID | str] = field(default_factory=dict)
    csrf: str | None = None
    held: Connection | None = None
    message: Message | None = None
    log_in: LogIn | None = None

    @property
    def pool(self) -> Pool:
        """The caller's pool: tills have one of their own."""
        return self.parts.till_pool if self.principal.kind is Kind.TILL else self.parts.pool

    @property
    def gate(self) -> Gate:
        """What the doors themselves keep: credentials, hashing, limits."""
        return self.request.app[GATE]

    @property
    def author(self) -> Author:
        """Who writes, as the audit names them."""
        return Author(self.principal.id, self.address, self.request_id)

    @property
    def customer_id(self) -> UUID:
        """The calling customer; raises LookupError behind doors that others may use."""
        if self.principal.customer_id is None:
            raise LookupError("this door is not the customers' own")
        return self.principal.customer_id

    def uuid(self, name: str) -> UUID:
        """Give a UUID of the path by its name."""
        value = self.path[name]
        if not isinstance(value, UUID):
            raise LookupError(f"{name} is a text")
        return value

    def text(self, name: str) -> str:
        """Give a text of the path by its name."""
        return str(self.path[name])

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection within a transaction: the idempotent request's own (a savepoint in it), else a fresh one.

        What is raised inside rolls back what was written inside.
        """
        if self.held is not None:
            async with self.held.transaction():
                yield self.held
        else:
            async with self.pool.transaction() as db:
                yield db

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for reads."""
        if self.held is not None:
            yield self.held
        else:
            async with self.pool.acquire() as db:
                yield db


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status of its own. `body` a struct (written as JSON), bytes of `media`, or None.

    A request repeated under its Idempotency-Key gets status and body again, and none of these headers.
    """

    status: int
    body: msgspec.Struct | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = JSON
