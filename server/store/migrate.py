"""Migrations: numbered files of plain SQL, applied once each, in order, however many processes try at the same time.

`NNNN_pre_name.sql` may run while the old code still serves, `NNNN_post_name.sql` once only new code does. A rolling
deployment is: migrate --phase pre, replace the processes, migrate --phase post.

Rule 1: a file runs in one transaction together with the row that remembers it. A file whose first line is
        `-- no-transaction` (CREATE INDEX CONCURRENTLY …) runs statement by statement; each must end with `;` at the
        end of a line and bear being run again, since an interruption starts the file anew.
Rule 2: a file that was applied is never changed: its SHA-256 is remembered, and another one is refused.
Rule 3: a waiting process asks for the lock again and again. Blocked inside pg_advisory_lock() it would hold a snapshot,
        for which CREATE INDEX CONCURRENTLY waits: a deadlock.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import asyncpg

from server.errors import Misconfigured
from server.store.pool import Connection, connect

Phase = Literal["all", "pre", "post"]

SCHEMA = Path(__file__).parent / "schema"

_NAME = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
_LOCK = 0x6B6169726F73
"""The number of our advisory lock: "kairos"."""

_ASK_AGAIN_S = 0.1
_BUSY_TRIES = 30
"""With 2 s of waiting each: a minute for a table to have a free moment, in which nobody queues behind us for long."""


class Migration(NamedTuple):
    """One file: its name, number, phase and text."""

    name: str
    number: int
    phase: Literal["pre", "post"]
    sql: str

    @property
    def sha256(self) -> str:
        """What is remembered of the text, so that a later change is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def transactional(self) -> bool:
        """Whether the file runs in one transaction."""
        return not self.sql.startswith("-- no-transaction")


def read_migrations(folder: Path = SCHEMA) -> list[Migration]:
    """Read the files in the order in which they are applied: by number, pre before post.

    Raises Misconfigured for a file of another name, and for two of one number and phase.
    """
    found: dict[tuple[int, str], Migration] = {}
    for path in folder.glob("*.sql"):
        match = _NAME.fullmatch(path.name)
        if not match:
            raise Misconfigured(f"{path.name} is no migration: the name must be like 0001_pre_customers.sql.")
        phase: Literal["pre", "post"] = "pre" if match["phase"] == "pre" else "post"
        key = (int(match["number"]), "0" if phase == "pre" else "1")
        if key in found:
            raise Misconfigured(f"The migrations {found[key].name} and {path.stem} have the same number and phase.")
        found[key] = Migration(path.stem, key[0], phase, path.read_text("utf-8"))
    return [found[key] for key in sorted(found)]


async def migrate(target: str | Connection, *, phase: Phase = "all", folder: Path = SCHEMA) -> list[str]:
    """Bring the database (a DSN, or an open connection of its own) to the head of the files; give the names applied.

    Raises Misconfigured, and changes nothing, when an applied file was changed, when newer code has already run a post
    migration here, or when the phase would skip a file that comes first. Not through PgBouncer's transaction pooling:
    the lock belongs to the session.
    """
    migrations = await asyncio.to_thread(read_migrations, folder)
    if isinstance(target, str):
        async with connect(target, application_name="kairos migrate") as db:
            return await _migrate(db, migrations, phase)
    return await _migrate(target, migrations, phase)


async def pending(db: Connection, *, folder: Path = SCHEMA) -> list[Migration]:
    """List the files that this database has not seen, in order: empty means it is at head.

    Files applied by newer code are none of its business: during a rolling deployment the old code stays ready.
    """
    applied = await _applied(db)
    return [each for each in await asyncio.to_thread(read_migrations, folder) if each.name not in applied]


# Where the roles exist (the embedded server makes them): the app works with rows, and can drop neither a table nor a
# trigger that guards a ledger; what such a trigger refuses is not granted in the first place. readonly looks.
GRANT = """
DO $$
DECLARE ledger record;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kairos_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO kairos_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO kairos_app;
        REVOKE INSERT, UPDATE, DELETE ON migrations FROM kairos_app;
        FOR ledger IN SELECT tgrelid::regclass AS name, tgtype & 8 <> 0 AS keeps_rows
                      FROM pg_trigger WHERE tgfoid = to_regproc('refuse_change') LOOP
            EXECUTE format('REVOKE UPDATE%s ON %s FROM kairos_app',
                           CASE WHEN ledger.keeps_rows THEN ', DELETE' ELSE '' END, ledger.name);
        END LOOP;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kairos_readonly') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO kairos_readonly;
    END IF;
END $$
"""
OWNED = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('migrations')"
LOCK = "SELECT pg_try_advisory_lock($1)"
UNLOCK = "SELECT pg_advisory_unlock($1)"


async def _migrate(db: Connection, migrations: Sequence[Migration], phase: Phase) -> list[str]:
    while not await db.fetchval(LOCK, _LOCK):  # noqa: ASYNC110  rule 3
        await asyncio.sleep(_ASK_AGAIN_S)
    try:
        return await _bring_up(db, migrations, phase)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Misconfigured(
            "Migrations are missing, and the role of database.url may not apply them: "
            "run `kairos migrate` with the address of the database's owner."
        ) from error
    finally:
        if not db.is_closed():
            await db.execute("RESET lock_timeout")
            await db.fetchval(UNLOCK, _LOCK)


async def _bring_up(db: Connection, migrations: Sequence[Migration], phase: Phase) -> list[str]:
    """Apply what is due, under the lock."""
    if not await db.fetchval(KNOWN):
        await db.execute(REMEMBER_TABLE)
    due = _due(migrations, await _applied(db), phase)
    for migration in due:
        await _apply(db, migration)
    if await db.fetchval(OWNED):  # a role that only serves finds everything done, and has nothing to grant
        await db.execute(GRANT)
    return [migration.name for migration in due]


def _due(migrations: Sequence[Migration], applied: Mapping[str, str], phase: Phase) -> list[Migration]:
    """Tell which files to apply now, or refuse with a sentence."""
    for migration in migrations:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise Misconfigured(
                f"The migration {migration.name} was changed after it had been applied to this database. "
                "Restore the file, and put the change into a new one."
            )
    waiting = [each for each in migrations if each.name not in applied]
    ahead = sorted(applied.keys() - {each.name for each in migrations})
    if ahead and (waiting or any("_post_" in name for name in ahead)):
        raise Misconfigured(
            f"The database is ahead of this code: it knows the migrations {', '.join(ahead)}. Start a newer Kairos."
        )
    due = [each for each in waiting if phase in ("all", each.phase)]
    for position, migration in enumerate(waiting):
        if migration not in due and any(later in due for later in waiting[position + 1 :]):
            raise Misconfigured(
                f"The migration {migration.name} comes before others of phase {phase}: apply it first, "
                "or use phase all."
            )
    return due


REMEMBER_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    name       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

KNOWN = "SELECT to_regclass('migrations') IS NOT NULL"
APPLIED = "SELECT name, sha256 FROM migrations"


async def _applied(db: Connection) -> dict[str, str]:
    if not await db.fetchval(KNOWN):
        return {}
    return {row["name"]: row["sha256"] for row in await db.fetch(APPLIED)}


async def _apply(db: Connection, migration: Migration) -> None:
    """Apply one file, again while a table it needs is busy."""
    for left in reversed(range(_BUSY_TRIES)):
        try:
            await (_in_transaction if migration.transactional else _by_statement)(db, migration)
            return
        except asyncpg.LockNotAvailableError:
            if not left:
                raise
            await asyncio.sleep(_ASK_AGAIN_S)
        except asyncpg.PostgresSyntaxError as error:
            raise Misconfigured(f"The migration {migration.name} is wrong: {error}.") from error


REMEMBER = "INSERT INTO migrations (name, sha256) VALUES ($1, $2)"


async def _in_transaction(db: Connection, migration: Migration) -> None:
    # Who waits for a table's lock makes everybody after it wait: better to step back and come again.
    async with db.transaction():
        await db.execute("SET LOCAL lock_timeout = '2s'")
        await db.execute(migration.sql)
        if not db.is_in_transaction():
            raise Misconfigured(f"The migration {migration.name} ends its own transaction: take COMMIT out of it.")
        await db.execute(REMEMBER, migration.name, migration.sha256)


async def _by_statement(db: Connection, migration: Migration) -> None:
    if "$$" in migration.sql:
        raise Misconfigured(f"The migration {migration.name} has $$ and no transaction: that cannot be split safely.")
    await db.execute("RESET lock_timeout")  # CONCURRENTLY waits for others by design
    for statement in re.split(r";[ \t]*$", migration.sql, flags=re.MULTILINE):
        if re.sub(r"--[^\n]*", "", statement).strip():
            await db.execute(statement)
    await db.execute(REMEMBER, migration.name, migration.sha256)
