"""Whether a PostgreSQL keeps what it promises: asked once, before the first ping is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from server.errors import Misconfigured
from server.store.pool import Connection

OLDEST = 15
"""The oldest major version: since 15 only the owner may create in the schema `public`, which our roles rely on."""

_SAFE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
}
"""What each setting may say. `local` and `off` may lose a redemption that was acknowledged, as the others do not."""


class Log(Protocol):
    """The one thing asked of a log: structlog's bound loggers have it."""

    def warning(self, event: str, **values: object) -> object:
        """Write an event and its values."""


SERVER = """
SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit
"""


async def check_server(db: Connection, *, log: Log, allow_unsafe: bool = False) -> None:
    """Refuse a PostgreSQL that could lose what it acknowledged, or that the schema does not fit.

    Raises Misconfigured with a sentence. `allow_unsafe` lets settings of durability pass, and says so in the log; a
    standby, another encoding and an old version never pass.
    """
    found = dict(await db.fetchrow(SERVER) or {})
    if (sentence := unfit(found)) is not None:
        raise Misconfigured(sentence)
    for name, safe in _SAFE.items():
        if found[name] in safe:
            continue
        if not allow_unsafe:
            raise Misconfigured(
                f"PostgreSQL runs with {name} = {found[name]} and may lose what Kairos has acknowledged. Set it to on."
            )
        log.warning("database_unsafe", setting=name, value=found[name])


def unfit(found: Mapping[str, Any]) -> str | None:
    """Say why this server cannot hold our schema at all, or None when it can."""
    if found["version"] < OLDEST * 10_000:
        return f"PostgreSQL {found['version'] // 10_000} is too old: Kairos needs {OLDEST} or newer."
    if found["encoding"] != "UTF8":
        return f"The database has the encoding {found['encoding']}: make one with ENCODING 'UTF8'."
    if found["standby"]:
        return "This PostgreSQL is a standby and takes no writes: database.url must name the primary."
    return None
