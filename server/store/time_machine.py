"""A database whose clock can be moved, so that a demo's past is made by the code that serves the present.

Connections whose search path names our schema before `pg_catalog` find our `now()` and `clock_timestamp()` first; both add
what the dial says. Everything else is as it always is: statements, constraints, triggers. The schema goes when the demo ends, and
with it every way to move the clock. Only an owner can turn the dial, and only `kairos demo` builds it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

from server.store.pool import Connection, connect

_PATH = "time_machine, pg_catalog, public"

BUILD = """
CREATE SCHEMA time_machine;
CREATE TABLE time_machine.dial (shift interval NOT NULL);
INSERT INTO time_machine.dial VALUES ('0 s');
CREATE FUNCTION time_machine.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + shift FROM time_machine.dial';
CREATE FUNCTION time_machine.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + shift FROM time_machine.dial';
GRANT USAGE ON SCHEMA time_machine TO PUBLIC;
GRANT SELECT ON time_machine.dial TO PUBLIC;
"""

TURN = "UPDATE time_machine.dial SET shift = $1::interval"

# Whoever is logged in stays so, and who listens goes on listening: for them no time has passed.
LEAP = """
WITH turned AS (
    UPDATE time_machine.dial SET shift = $2::interval WHERE shift = $1::interval RETURNING shift - $1::interval AS by
), sessions AS (
    UPDATE sessions SET created_at = created_at + by, seen_at = seen_at + by, ends_at = ends_at + by, proven_at = proven_at + by
    FROM turned
), listening AS (
    UPDATE customer_state SET stream_until = stream_until + by FROM turned
    WHERE stream_until > pg_catalog.now() + $1::interval
)
SELECT count(*) FROM turned
"""


async def leap(db: Connection, *, before: timedelta, shift: timedelta) -> bool:
    """Turn the dial of a house that is open; False where it does not stand at `before` any more."""
    return bool(await db.fetchval(LEAP, before, shift))


READ = "SELECT shift FROM time_machine.dial"


async def read(db: Connection) -> timedelta:
    """Tell how the dial stands."""
    shift: timedelta = await db.fetchval(READ)
    return shift


DEFAULTS = """
SELECT format('ALTER TABLE public.%I ALTER COLUMN %I SET DEFAULT ', table_name, column_name) AS change,
       substring(column_default FROM '(now|clock_timestamp)\\(\\)$') AS clock
FROM information_schema.columns
WHERE table_schema = 'public' AND column_default ~ '^(pg_catalog\\.)?(now|clock_timestamp)\\(\\)$'
"""

DISMANTLE = "DROP SCHEMA time_machine CASCADE"


def address_of(owner: str) -> str:
    """Give the address of the same database for connections that live by the dial."""
    return f"{owner}{'&' if '?' in owner else '?'}search_path={quote(_PATH)}"


async def turn(db: Connection, *, shift: timedelta) -> None:
    """Set the dial: from now on it is so much later (earlier, where negative)."""
    await db.execute(TURN, shift)


@contextlib.asynccontextmanager
async def travelling(owner: str) -> AsyncIterator[str]:
    """Build the machine in the owner's database and give the address that lives by it; take it apart afterwards."""
    async with connect(owner, application_name="kairos demo") as db:
        await db.execute(BUILD)
        defaults = [(row["change"], row["clock"]) for row in await db.fetch(DEFAULTS)]
        for change, clock in defaults:
            await db.execute(f"{change} time_machine.{clock}()")
    try:
        yield address_of(owner)
    finally:
        async with connect(owner, application_name="kairos demo") as db:
            for change, clock in defaults:
                await db.execute(f"{change} pg_catalog.{clock}()")
            await db.execute(DISMANTLE)
