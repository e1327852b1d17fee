"""Pools of connections as the settings want them: each room that must not wait for the others has its own."""

from __future__ import annotations

from server.settings import Database
from server.store.pool import Pool, open_pool


async def open_one(database: Database, dsn: str, *, name: str, size: int) -> Pool:
    """Open a pool under a name that PostgreSQL shows."""
    return await open_pool(
        dsn,
        size=size,
        application_name=name,
        acquire_timeout_s=database.acquire_timeout_s,
        command_timeout_s=database.command_timeout_s,
        statement_timeout_s=database.statement_timeout_s,
        lock_timeout_s=database.lock_timeout_s,
        idle_in_transaction_timeout_s=database.idle_in_transaction_s,
        pgbouncer=database.statement_cache_size == 0,
    )
