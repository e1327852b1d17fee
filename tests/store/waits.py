"""Whether somebody waits: asked of PostgreSQL, so that no test guesses how long another connection takes."""

from __future__ import annotations

from server.store.pool import Connection

BLOCKED = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
               AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))
"""


async def blocked(db: Connection) -> bool:
    """Tell whether some other connection to this database waits for a lock of this one."""
    return bool(await db.fetchval(BLOCKED))
