"""Log-ins of staff: a random cookie, its SHA-256 in a row that can be ended at any time.

People are told of their log-ins by another number (`id`): with it a log-in can be ended and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.ids import new_token, token_hash
from server.store.pool import Connection

_PREFIX = "ks_"


class NewSession(NamedTuple):
    """A log-in just made: `token` goes into the cookie, `csrf` into the pages."""

    token: str
    csrf: str


class From(NamedTuple):
    """Where a log-in comes from: the network of the address, and the family of the browser."""

    network: str | None = None
    browser: str | None = None


class Session(NamedTuple):
    """A log-in that counts, and whose it is. `stale` when its last use was written down long ago (`touch` it).

    `fresh`: its password was given a short while ago; `second`: its person has a second factor.
    """

    user_id: UUID
    roles: tuple[str, ...]
    store_id: UUID | None
    one_time: bool
    csrf: str
    stale: bool
    id: UUID
    fresh: bool
    second: bool


class Listed(NamedTuple):
    """A log-in as people see it."""

    id: UUID
    user_id: UUID
    email: str
    name: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    network: str | None
    browser: str | None


INSERT = """
INSERT INTO sessions (hash, user_id, csrf, created_at, seen_at, proven_at, ends_at, network, browser)
SELECT $1, id, $3, clock_timestamp(), clock_timestamp(),
       CASE WHEN $7::boolean THEN clock_timestamp() ELSE '-infinity' END, clock_timestamp() + make_interval(secs => $4), $5, $6
FROM users WHERE id = $2
"""


async def create(
    db: Connection,
    *,
    user_id: UUID,
    absolute_s: int,
    origin: From = From(),  # noqa: B008  frozen
    proven: bool = True,
) -> NewSession:
    """Begin a log-in that ends after `absolute_s` at the latest; it is not fresh where not all that is asked was `proven`."""
    made = NewSession(new_token(_PREFIX), new_token("kx_"))
    await db.execute(INSERT, token_hash(made.token), user_id, made.csrf, absolute_s, *origin, proven)
    return made


FIND = """
SELECT s.user_id, u.roles, u.store_id, u.one_time, s.csrf,
       s.seen_at < clock_timestamp() - make_interval(secs => least(60, $2::float8 / 4)) AS stale,
       s.id, s.proven_at > clock_timestamp() - make_interval(secs => $3::float8) AS fresh,
       EXISTS (SELECT FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS second
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.hash = $1 AND u.disabled_at IS NULL AND s.ends_at > clock_timestamp()
  AND s.seen_at > clock_timestamp() - make_interval(secs => $2::float8)
"""


async def find(db: Connection, *, token: str, idle_s: int, reauth_s: int = 0) -> Session | None:
    """Find the log-in of a cookie, unless it is over, idle for `idle_s`, or its person's account is off.

    It is fresh for `reauth_s` after its password was given.
    """
    row = await db.fetchrow(FIND, token_hash(token), idle_s, reauth_s)
    return None if row is None else Session(**{**dict(row), "roles": tuple(row["roles"])})


RENEW = """
UPDATE sessions SET hash = $2, proven_at = clock_timestamp(), seen_at = clock_timestamp() WHERE hash = $1
"""


async def renew(db: Connection, *, token: str) -> str | None:
    """Give a log-in whose password was given once more another cookie, and the old one is dead; None where it is over.

    It ends when it would have ended, and its pages keep their token: they stay open.
    """
    fresh = new_token(_PREFIX)
    return fresh if (await db.execute(RENEW, token_hash(token), token_hash(fresh))).endswith(" 1") else None


TOUCH = "UPDATE sessions SET seen_at = clock_timestamp() WHERE hash = $1"


async def touch(db: Connection, *, token: str) -> None:
    """Write down that a log-in was used."""
    await db.execute(TOUCH, token_hash(token))


END = "DELETE FROM sessions WHERE hash = $1"


async def end(db: Connection, *, token: str) -> None:
    """End one log-in."""
    await db.execute(END, token_hash(token))


END_ALL = """
WITH half AS (DELETE FROM half_logins WHERE user_id = $1)
DELETE FROM sessions WHERE user_id = $1 AND ($2::uuid IS NULL OR id <> $2)
"""


async def end_all(db: Connection, *, user_id: UUID, but: UUID | None = None) -> int:
    """End every log-in of a person, half ones as well, but the one with this id; give how many there were."""
    return int((await db.execute(END_ALL, user_id, but)).rpartition(" ")[2])


END_ONE = "DELETE FROM sessions WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2) RETURNING user_id"


async def end_one(db: Connection, *, id_: UUID, user_id: UUID | None = None) -> UUID | None:
    """End the log-in of an id (of this person alone, if one is given) and tell whose it was; None for none."""
    found: UUID | None = await db.fetchval(END_ONE, id_, user_id)
    return found


PAGE = """
SELECT s.id, s.user_id, u.email, u.name, s.created_at, s.seen_at, s.ends_at, s.network, s.browser
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE u.disabled_at IS NULL AND s.ends_at > clock_timestamp()
  AND s.seen_at > clock_timestamp() - make_interval(secs => $1::float8)
  AND ($2::uuid IS NULL OR s.user_id = $2)
  AND ($3::timestamptz IS NULL OR (s.created_at, s.id) < ($3, $4::uuid))
ORDER BY s.created_at DESC, s.id DESC LIMIT $5
"""


async def page(
    db: Connection, *, idle_s: int, limit: int, user_id: UUID | None = None, before: tuple[datetime, UUID] | None = None
) -> list[Listed]:
    """List the log-ins that count, of one person or of all, the newest first, that began before a mark."""
    rows = await db.fetch(PAGE, idle_s, user_id, *(before or (None, None)), limit)
    return [Listed(**dict(row)) for row in rows]
