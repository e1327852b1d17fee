"""Log-ins of staff: a random cookie, its SHA-256 in a row that can be ended at any time."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from server.store.ids import new_token, token_hash
from server.store.pool import Connection

_PREFIX = "ks_"


class NewSession(NamedTuple):
    """A log-in just made: `token` goes into the cookie, `csrf` into the pages."""

    token: str
    csrf: str


class Session(NamedTuple):
    """A log-in that counts, and whose it is. `stale` when its last use was written down long ago (`touch` it)."""

    user_id: UUID
    roles: tuple[str, ...]
    store_id: UUID | None
    one_time: bool
    csrf: str
    stale: bool


INSERT = """
INSERT INTO sessions (hash, user_id, csrf, created_at, seen_at, ends_at)
SELECT $1, id, $3, clock_timestamp(), clock_timestamp(), clock_timestamp() + make_interval(secs => $4)
FROM users WHERE id = $2
"""


async def create(db: Connection, *, user_id: UUID, absolute_s: int) -> NewSession:
    """Begin a log-in that ends after `absolute_s` at the latest."""
    made = NewSession(new_token(_PREFIX), new_token("kx_"))
    await db.execute(INSERT, token_hash(made.token), user_id, made.csrf, absolute_s)
    return made


FIND = """
SELECT s.user_id, u.roles, u.store_id, u.one_time, s.csrf,
       s.seen_at < clock_timestamp() - make_interval(secs => least(60, $2::float8 / 4)) AS stale
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.hash = $1 AND u.disabled_at IS NULL AND s.ends_at > clock_timestamp()
  AND s.seen_at > clock_timestamp() - make_interval(secs => $2::float8)
"""


async def find(db: Connection, *, token: str, idle_s: int) -> Session | None:
    """Find the log-in of a cookie, unless it is over, idle for `idle_s`, or its person's account is off."""
    row = await db.fetchrow(FIND, token_hash(token), idle_s)
    if row is None:
        return None
    return Session(row["user_id"], tuple(row["roles"]), row["store_id"], row["one_time"], row["csrf"], row["stale"])


TOUCH = "UPDATE sessions SET seen_at = clock_timestamp() WHERE hash = $1"


async def touch(db: Connection, *, token: str) -> None:
    """Write down that a log-in was used."""
    await db.execute(TOUCH, token_hash(token))


END = "DELETE FROM sessions WHERE hash = $1"


async def end(db: Connection, *, token: str) -> None:
    """End one log-in."""
    await db.execute(END, token_hash(token))


END_ALL = "DELETE FROM sessions WHERE user_id = $1"


async def end_all(db: Connection, *, user_id: UUID) -> None:
    """End every log-in of a person."""
    await db.execute(END_ALL, user_id)
