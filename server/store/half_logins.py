"""Half log-ins: the right password was given, and a code is asked for. Nothing but that code can be given with one."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from server.store.ids import new_token, token_hash
from server.store.pool import Connection

LIFE_S: Final = 300
"""Long enough to look for the phone."""

_PREFIX = "kh_"


class Half(NamedTuple):
    """Whose half log-in it is; the rest is what a log-in needs to know of them."""

    user_id: UUID
    email: str
    roles: tuple[str, ...]
    one_time: bool


INSERT = """
INSERT INTO half_logins (hash, user_id, ends_at) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
"""


async def create(db: Connection, *, user_id: UUID) -> str:
    """Begin a half log-in, and give what its cookie holds."""
    token = new_token(_PREFIX)
    await db.execute(INSERT, token_hash(token), user_id, LIFE_S)
    return token


FIND = """
SELECT u.id AS user_id, u.email, u.roles, u.one_time
FROM half_logins h JOIN users u ON u.id = h.user_id
WHERE h.hash = $1 AND h.ends_at > clock_timestamp() AND u.disabled_at IS NULL
"""


async def find(db: Connection, *, token: str) -> Half | None:
    """Find the half log-in of a cookie, unless it is over or its person's account is off."""
    row = await db.fetchrow(FIND, token_hash(token))
    return Half(row["user_id"], row["email"], tuple(row["roles"]), row["one_time"]) if row else None


END = "DELETE FROM half_logins WHERE hash = $1"


async def end(db: Connection, *, token: str) -> bool:
    """End one; True for the one caller who did: of two with the same cookie and two good codes one alone goes on."""
    return (await db.execute(END, token_hash(token))).endswith(" 1")
