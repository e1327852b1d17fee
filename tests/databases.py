"""Migrated databases for tests: lent, emptied when they come back, and lent again.

A clone of the template costs PostgreSQL 25 ms and the first connections to it as much again; emptying one that is known takes
a few. What comes back is like new, or it is thrown away: whoever is still connected is ended first, every row is deleted and
the migrations' own rows are written again; a database whose tables, functions, settings or statistics have changed is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from server.store.cluster import SUPERUSER
from server.store.embedded import Embedded
from server.store.pool import Connection

USES = 100
"""So often one is lent: deleted rows leave their traces in the files."""

PATIENCE = 2_000
"""So often it is looked whether somebody who was ended has gone, 5 ms apart."""

# Whatever is not a row of our tables: a change of any of it changes the sum.
STATE = """
SELECT ARRAY[
  (SELECT sum(xmin::text::bigint + relnatts) FROM pg_class WHERE oid >= 16384),
  (SELECT sum(reltuples::numeric) FROM pg_class WHERE relkind = 'r' AND oid >= 16384),
  (SELECT sum(xmin::text::bigint) FROM pg_attribute WHERE attrelid >= 16384),
  (SELECT sum(xmin::text::bigint) FROM pg_constraint WHERE oid >= 16384),
  (SELECT sum(xmin::text::bigint) FROM pg_proc WHERE oid >= 16384),
  (SELECT sum(xmin::text::bigint) FROM pg_trigger),
  (SELECT sum(xmin::text::bigint) FROM pg_attrdef),
  (SELECT sum(xmin::text::bigint) FROM pg_namespace),
  (SELECT sum(xmin::text::bigint) FROM pg_default_acl),
  (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
  (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = current_database()),
  (SELECT sum(hashtextextended(m::text, 0)::numeric) FROM migrations m)
]
"""
OTHERS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
WRITTEN = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migrations' AND pg_relation_size(oid) > 0
"""

_free: list[Database] = []


@dataclass(eq=False)
class Database:
    """One of them; `db` is a superuser's connection, for which no trigger fires."""

    name: str
    db: Connection
    state: list[Any]
    seeds: dict[str, list[str]]
    uses: int = 0

    async def emptied(self) -> bool:
        """Make it like new; tell whether that was possible."""
        self.uses += 1
        try:
            return self.uses < USES and await self._left() and await self._empty()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False

    async def _left(self) -> bool:
        """End whoever is still connected."""
        for _ in range(PATIENCE):
            if not (others := await self.db.fetch(OTHERS)):
                return True
            await self.db.executemany("SELECT pg_terminate_backend($1)", [(each["pid"],) for each in others])
            await asyncio.sleep(0.005)
        return False

    async def _empty(self) -> bool:
        if await self.db.fetchval(STATE) != self.state:
            return False
        tables = [row["relname"] for row in await self.db.fetch(WRITTEN)]
        again = [f"INSERT INTO {table} SELECT (x::{table}).* FROM unnest(ARRAY[{', '.join(rows)}]) AS x"
                 for table, rows in self.seeds.items()]  # fmt: skip
        await self.db.execute("; ".join([*(f"DELETE FROM {table}" for table in tables), *again]))
        return True


@contextlib.asynccontextmanager
async def lent(cluster: Embedded, template: str) -> AsyncIterator[str]:
    """Give the owner's address of a database that is as the migrations leave it, and nobody else's meanwhile."""
    database = _free.pop() if _free else await _made(cluster, template)
    try:
        yield cluster.dsn_for("kairos_owner", database=database.name)
    finally:
        if await database.emptied():
            _free.append(database)
        else:
            await _dropped(cluster, database)


async def close(cluster: Embedded) -> None:
    """Drop those that nobody has."""
    while _free:
        await _dropped(cluster, _free.pop())


async def _made(cluster: Embedded, template: str) -> Database:
    name = f"t_{secrets.token_hex(8)}"
    admin = await asyncpg.connect(cluster.dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await admin.close()
    db = await asyncpg.connect(cluster.dsn_for(SUPERUSER, database=name), command_timeout=60)
    await db.execute("SET session_replication_role = replica")
    seeds = {}
    for row in await db.fetch(WRITTEN):
        table = row["relname"]
        seeds[table] = [each[0] for each in await db.fetch(f"SELECT quote_literal(t::text) FROM {table} t")]
    return Database(name, db, await db.fetchval(STATE), {table: rows for table, rows in seeds.items() if rows})


async def _dropped(cluster: Embedded, database: Database) -> None:
    await database.db.close(timeout=10)
    admin = await asyncpg.connect(cluster.dsn)
    try:
        for left in reversed(range(100)):
            try:
                await admin.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
                return
            except (
                asyncpg.InsufficientPrivilegeError
            ):  # autovacuum is in it: nobody may end that, and it leaves by itself
                if not left:
                    raise
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
