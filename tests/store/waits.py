"""Whether somebody waits: asked of PostgreSQL, so that no test guesses how long another connection takes."""

from __future__ import annotations

from server.store.pool import Connection

# pg_locks is read anew each time; pg_stat_activity stays as it was when a transaction first looked.
BLOCKED = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"


async def blocked(db: Connection) -> bool:
    """Tell whether some other connection waits for a lock of this one."""
    return bool(await db.fetchval(BLOCKED))
