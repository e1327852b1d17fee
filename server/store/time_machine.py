"""A database whose clock can be moved, so that a demo's past is made by the code that serves the present.

Connections whose search path names our schema before `pg_catalog` find our `now()` and `clock_timestamp()` first; both add
what the dial says. Everything else is as it always is: statements, constraints, triggers. The schema goes when the past is
made, and with it every way to move the clock. Only an owner can do this, and only `kairos demo` does.
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
"""

TURN = "UPDATE time_machine.dial SET shift = $1::interval"

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
