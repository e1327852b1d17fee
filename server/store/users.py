"""People who log in: marketers, analysts, admins, and the staff of one store's counter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.ids import new_id
from server.store.pool import Connection, Row


class User(NamedTuple):
    """A person. `roles` of marketer, analyst, admin, counter; `store_id` where they stand at the counter."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    store_id: UUID | None
    one_time: bool
    created_at: datetime
    disabled_at: datetime | None
    second_factor: bool


class Login(NamedTuple):
    """What a log-in is compared with; `second`: a code is asked for beside the password."""

    id: UUID
    password_hash: str
    one_time: bool
    roles: tuple[str, ...]
    second: bool


INSERT = """
INSERT INTO users (id, email, name, roles, store_id, password_hash, one_time)
SELECT $1, $2, $3, $4, $5::uuid, $6, $7
WHERE $5::uuid IS NULL OR EXISTS (SELECT FROM stores WHERE id = $5::uuid AND deleted_at IS NULL)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING id, email, name, roles, store_id, one_time, created_at, disabled_at,
          EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
"""


async def create(
    db: Connection,
    *,
    email: str,
    name: str,
    roles: Sequence[str],
    store_id: UUID | None,
    password_hash: str,
    one_time: bool = True,
) -> User | None:
    """Add a person; None when the address is taken or the store is not known."""
    row = await db.fetchrow(INSERT, new_id(), email, name, list(roles), store_id, password_hash, one_time)
    return _user(row) if row else None


EMAIL_TAKEN = "SELECT EXISTS (SELECT FROM users WHERE lower(email) = lower($1))"


async def email_taken(db: Connection, *, email: str) -> bool:
    """Tell whether somebody has this address, in whatever case it is written."""
    return bool(await db.fetchval(EMAIL_TAKEN, email))


FIND = """
SELECT id, email, name, roles, store_id, one_time, created_at, disabled_at,
       EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
FROM users WHERE id = $1 FOR UPDATE
"""


async def find(db: Connection, *, id_: UUID) -> User | None:
    """Find a person and keep the row until the transaction ends."""
    row = await db.fetchrow(FIND, id_)
    return _user(row) if row else None


LOGIN = """
SELECT id, password_hash, one_time, roles,
       EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second
FROM users WHERE lower(email) = lower($1) AND disabled_at IS NULL
"""


async def find_login(db: Connection, *, email: str) -> Login | None:
    """Find whom this address may log in as; None for nobody, and for people whose account is off."""
    row = await db.fetchrow(LOGIN, email)
    return Login(**{**dict(row), "roles": tuple(row["roles"])}) if row else None


ONE = """
SELECT id, email, name, roles, store_id, one_time, created_at, disabled_at,
       EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
FROM users WHERE id = $1
"""


async def look(db: Connection, *, id_: UUID) -> User | None:
    """Look a person up without keeping the row."""
    row = await db.fetchrow(ONE, id_)
    return _user(row) if row else None


BY_EMAIL = "SELECT id FROM users WHERE lower(email) = lower($1)"


async def by_email(db: Connection, *, email: str) -> UUID | None:
    """Find whose address this is, also of somebody whose account is off."""
    found: UUID | None = await db.fetchval(BY_EMAIL, email)
    return found


PASSWORD_HASH = "SELECT password_hash FROM users WHERE id = $1 AND disabled_at IS NULL"  # noqa: S105  a statement


async def password_hash(db: Connection, *, id_: UUID) -> str | None:
    """Look up what a person's password is compared with."""
    found: str | None = await db.fetchval(PASSWORD_HASH, id_)
    return found


# The row is kept until the transaction ends: a password that is changed meanwhile, or an account that is turned off, comes
# after it and ends the log-in that was just begun.
STILL = "SELECT id FROM users WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR UPDATE"


async def is_still(db: Connection, *, id_: UUID, password_hash: str) -> bool:
    """Tell whether this is a person's password still, and keep it so until the transaction ends."""
    return await db.fetchval(STILL, id_, password_hash) is not None


PAGE = """
SELECT id, email, name, roles, store_id, one_time, created_at, disabled_at,
       EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
FROM users WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2
"""


async def page(db: Connection, *, before: UUID | None, limit: int) -> list[User]:
    """List people, the newest first, that were added before the given one."""
    return [_user(row) for row in await db.fetch(PAGE, before, limit)]


NAMES = "SELECT id, name FROM users WHERE id = ANY($1::uuid[])"


async def names(db: Connection, *, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Look up what people are called."""
    return {row["id"]: row["name"] for row in await db.fetch(NAMES, list(ids))} if ids else {}


CHANGE = """
UPDATE users SET name = $2, roles = $3, store_id = $4::uuid,
       disabled_at = CASE WHEN $5 THEN coalesce(disabled_at, clock_timestamp()) END
WHERE id = $1 AND ($4::uuid IS NULL OR EXISTS (SELECT FROM stores WHERE id = $4::uuid AND deleted_at IS NULL))
RETURNING id, email, name, roles, store_id, one_time, created_at, disabled_at,
          EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
"""


async def change(
    db: Connection, *, id_: UUID, name: str, roles: Sequence[str], store_id: UUID | None, disabled: bool
) -> User | None:
    """Write a person anew; None when the person or the store is not known."""
    row = await db.fetchrow(CHANGE, id_, name, list(roles), store_id, disabled)
    return _user(row) if row else None


SET_PASSWORD = "UPDATE users SET password_hash = $2, one_time = $3 WHERE id = $1"  # noqa: S105  a statement


async def set_password(db: Connection, *, id_: UUID, password_hash: str, one_time: bool) -> None:
    """Give a person another password (its hash); `one_time` when it must be changed at the next log-in."""
    await db.execute(SET_PASSWORD, id_, password_hash, one_time)


REMOVE = """
DELETE FROM users WHERE id = $1
RETURNING id, email, name, roles, store_id, one_time, created_at, disabled_at,
          EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL) AS second_factor
"""


async def remove(db: Connection, *, id_: UUID) -> User | None:
    """Remove a person with every log-in of theirs; None when there is no such person."""
    row = await db.fetchrow(REMOVE, id_)
    return _user(row) if row else None


ADMINS = """
SELECT count(*)
FROM (SELECT FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL ORDER BY id FOR UPDATE) AS admins
"""


async def count_admins(db: Connection) -> int:
    """Count the admins who can log in, and keep them so until the transaction ends; to be called before `find`."""
    return int(await db.fetchval(ADMINS))


def _user(row: Row) -> User:
    values = dict(row)
    values["roles"] = tuple(values["roles"])
    return User(**values)
