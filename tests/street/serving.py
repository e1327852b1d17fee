"""A whole house in this process, on a cloned database, called through its sockets: for tests of the street end to end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import msgspec

from server.app import House, open_house
from server.configuration import load
from server.settings import Settings
from server.store import keys
from tests import apple_home

PATIENT = {
    "database__acquire_timeout_s": 20.0,
    "database__command_timeout_s": 20.0,
    "database__statement_timeout_s": 20.0,
    "server__handler_deadline_s": 30.0,
}
"""A machine with six other things to do answers late, and is no failure."""


def street_settings(dsn: str, data_dir: Path, **changes: Any) -> Settings:
    """The default settings in test mode on this database; `limits__group_fixes=4` changes limits.group_fixes."""
    settings = msgspec.structs.replace(load(environment={}), mode="test", data_dir=str(data_dir))
    given: dict[str, Any] = {"database__url": dsn, "server__port": 0, "server__shutdown_s": 2.0} | PATIENT | changes
    for name, value in given.items():
        section, _, key = name.partition("__")
        part = msgspec.structs.replace(getattr(settings, section), **{key: value}) if key else value
        settings = msgspec.structs.replace(settings, **{section: part})
    return settings


def scheme_of(by: str) -> str:
    """How a principal's token is sent: Apple's wallets have a word of their own."""
    return "ApplePass" if by == "pass" else "Bearer"


@dataclass
class Street:
    """A running house and what tests do with it; `tokens` by the principal's name."""

    house: House
    http: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.house.url

    async def key(self, kind: str, *, name: str | None = None, store_id: UUID | None = None) -> str:
        """Make a key and keep its token under `name` (else its kind)."""
        async with self.house.parts.pool.transaction() as db:
            made = await keys.create(db, kind=kind, store_id=store_id)
        assert made is not None
        self.tokens[name or kind] = made.token
        return made.token

    async def call(
        self, method: str, path: str, *, by: str | None = None, body: Any = None, key: str | None = None, **options: Any
    ) -> Answered:
        """Make a request as somebody; `key` is an Idempotency-Key ("new": a fresh one)."""
        headers = dict(options.pop("headers", {}))
        if by is not None:
            headers["Authorization"] = f"{scheme_of(by)} {self.tokens[by]}"
        if key is not None:
            headers["Idempotency-Key"] = str(uuid4()) if key == "new" else key
        if body is not None:
            options["json"] = body
        async with self.http.request(
            method, f"{self.url}{path}", headers=headers, allow_redirects=False, **options
        ) as response:
            return Answered(response.status, await response.read(), response.headers.copy())

    async def customer(self, name: str = "customer", **consents: bool) -> UUID:
        """Sign a customer up who agrees to everything that is not said otherwise; their token is kept under the name."""
        if "app" not in self.tokens:
            await self.key("app")
        agreed = {"location": True, "push": True, "profiling": True} | consents
        made = await self.call(
            "POST",
            "/v1/customers",
            by="app",
            body={"time_zone": "Europe/Berlin", "locale": "de-DE", "consents": agreed},
        )
        assert made.status == 201, made.body
        self.tokens[name] = made.json["token"]
        return UUID(made.json["customer_id"])


@dataclass(frozen=True)
class Answered:
    """An answer: its status, bytes, headers."""

    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@contextlib.asynccontextmanager
async def open_street(dsn: str, data_dir: Path, **changes: Any) -> AsyncIterator[Street]:
    """Open a house on the database of this address, with its jobs running.

    Its throw-away authority is a copy of one that was made before: three keys of RSA cost as much as all the rest.
    """
    settings = street_settings(dsn, data_dir, **changes)
    if not (settings.apple.pass_type_id or settings.clock_shift_s or (data_dir / "authority").exists()):
        apple_home.lay_authority(data_dir)
    async with (
        open_house(settings) as house,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
    ):
        yield Street(house, http)
