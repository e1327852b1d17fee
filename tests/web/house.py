"""The house's own doors on a real database, with an admin's key and a way to log in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

from server.store import keys, sessions, users
from server.store.ids import new_id
from server.store.pool import Pool
from server.web.access import ACCESS
from server.web.doors import all_doors
from server.web.passwords import Hasher
from tests.web.serving import Answered, Served, serving, settings_with

MODULES = (
    *(
        "account",
        "assets",
        "audit",
        "audit_check",
        "docs",
        "health",
        "keys",
        "limits",
        "login",
        "login_code",
        "screens.account",
        "screens.why",
    ),
    *("second_factor", "sessions", "users"),
)


class Loaded:
    """Rules that are there (or not)."""

    def __init__(self, loaded: bool = True) -> None:
        self.loaded = loaded


class House(NamedTuple):
    """A running house and its admin."""

    served: Served
    pool: Pool
    admin: str

    async def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> Answered:
        """Call as the admin, or with another token ("" for none)."""
        token = self.admin if token is None else token
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await self.served.call(method, path, headers=headers, **options)

    async def add_user(self, **fields: Any) -> Any:
        """Add a person by the door; gives what it answered (with the one-time password)."""
        wanted = {"email": "kim@example.com", "name": "Kim", "roles": ["marketer"]} | fields
        answered = await self.call("POST", "/v1/users", json=wanted)
        assert answered.status == 201, answered.body
        return answered.json

    async def log_in(self, email: str, password: str, **headers: str) -> Answered:
        """Send the log-in form."""
        return await self.served.call("POST", "/login", data={"email": email, "password": password}, headers=headers)

    async def settled(self, **fields: Any) -> Browser:
        """A person who has logged in and changed the one-time password."""
        user = await self.add_user(**fields)
        answered = await self.log_in(user["email"], user["password"])
        browser = Browser(self.served, cookie_of(answered), "")
        browser = await browser.with_csrf("/password")
        changed = await browser.post(
            "/password", {"current": user["password"], "password": SENTENCE, "again": SENTENCE}
        )
        assert changed.status == 303, changed.body
        return await Browser(self.served, cookie_of(changed), "").with_csrf("/password")

    async def entered(self, *roles: str, email: str = "kim@example.com", **fields: Any) -> Browser:
        """A person who has logged in long since: the same as `settled`, without four hashes of argon2."""
        values: dict[str, Any] = {"name": "Kim", "store_id": None, "one_time": False} | fields
        async with self.pool.transaction() as db:
            made = await users.create(
                db, email=email, roles=roles or ("marketer",), password_hash=await hash_of_sentence(), **values
            )
            assert made is not None
            origin = sessions.From("127.0.0.0/24")
            session = await sessions.create(db, user_id=made.id, absolute_s=3600, origin=origin)
        return Browser(self.served, f"sid={session.token}", session.csrf)


SENTENCE = "zwölf Boxkämpfer jagen Viktor"
_HASHES: list[str] = []


async def hash_of_sentence() -> str:
    """The hash of SENTENCE, made once in each process."""
    if not _HASHES:
        hasher = Hasher(queue=1)
        _HASHES.append(await hasher.hash(SENTENCE))
        hasher.close()
    return _HASHES[0]


class Browser(NamedTuple):
    """A cookie and the token of the pages seen with it."""

    served: Served
    cookie: str
    csrf: str

    async def with_csrf(self, page: str) -> Browser:
        answered = await self.get(page)
        found = re.search(r'name="csrf" value="([^"]+)"', answered.body.decode())
        assert found, answered.body
        return self._replace(csrf=found[1])

    async def get(self, path: str, **headers: str) -> Answered:
        return await self.served.call("GET", path, headers={"Cookie": self.cookie} | headers)

    async def ask(self, method: str, path: str, **options: Any) -> Answered:
        """Ask as a script of a page does."""
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} | options.pop("headers", {})
        return await self.served.call(method, path, headers=headers, **options)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answered:
        form = ({"csrf": self.csrf} if self.csrf else {}) | form
        return await self.served.call("POST", path, data=form, headers={"Cookie": self.cookie} | headers)


def cookie_of(answered: Answered) -> str:
    """The cookie that was set, as a browser sends it back."""
    return answered.headers["Set-Cookie"].partition(";")[0]


async def a_store(pool: Pool) -> UUID:
    store = new_id()
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, geofence_id)"
            " VALUES ($1, 'Mitte', 52.5, 13.4, 60, 'Europe/Berlin', $1)",
            store,
        )
    return store


@contextlib.asynccontextmanager
async def housed(
    pool: Pool, *, rules: Any = None, secrets: Any = None, clock: Any = None, **changes: Any
) -> AsyncIterator[House]:
    """Serve the house's doors."""
    async with pool.acquire() as db:
        made = await keys.create(db, kind="admin")
    assert made is not None
    doors = all_doors(MODULES)
    others = {"rules": rules or Loaded(), "secrets": secrets, "clock": clock}
    async with serving(doors, settings_with(**changes), pool, table=ACCESS, **others) as served:
        yield House(served, pool, made.token)
