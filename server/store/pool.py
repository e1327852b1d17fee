"""Connections to PostgreSQL: a pool that gives up early, says clearly what is wrong, and heals by itself.

Rule 1: nobody waits longer than a second for a connection; who would is told 503 while the phone is still listening.
Rule 2: what PostgreSQL or the network does to a statement leaves this file as an exception of `server.errors`:
        `Unavailable` (try again later) or `Contended` (try again at once). Wrong SQL and broken constraints stay what
        they are, for they tell the store's own functions something.
Rule 3: a pooled connection keeps no state of its session: SET LOCAL and pg_advisory_xact_lock, but no SET, no LISTEN
        and no session lock (those belong on a connection of their own, see `connect`). So giving it back costs no
        round trip, and nothing is awaited between COMMIT and the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeAlias, TypeVar

import asyncpg

from server.errors import Conflict, Misconfigured, Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Row: TypeAlias = asyncpg.Record
else:
    Connection = asyncpg.Connection
    Row = asyncpg.Record

T = TypeVar("T")
Isolation = Literal["read_committed", "repeatable_read", "serializable"]

_RETRY_AFTER_S = 1
_RELEASE_S = 1.0
_SETTLE_S = 0.5
_CLOSE_S = 5.0

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutdown, crash, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.ReadOnlySQLTransactionError,  # after a failover the old primary still answers, as a standby
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,
)
_REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


class Contended(Conflict):
    """Another request changed the same thing at the same moment; try again."""

    code, title = "contended", "Contended"


class Counts(NamedTuple):
    """How many connections are open, and how many of them are idle."""

    open: int
    idle: int


class Pool:
    """A pool of connections; made by `open_pool`, closed by `close()` or by leaving `async with`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], *, acquire_timeout_s: float, local: str) -> None:
        """Keep asyncpg's pool; `local` is SQL that each transaction begins with ("" unless behind PgBouncer)."""
        self._pool = pool
        self._acquire_timeout_s = acquire_timeout_s
        self._local = local

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements.

        Raises Unavailable when none is free in time or PostgreSQL is away, Contended for deadlocks and lost races.
        """
        with _connecting(refused=Unavailable):
            db = await self._pool.acquire(timeout=self._acquire_timeout_s)
        try:
            with _speaking(db):
                yield db
        except (asyncio.CancelledError, Unavailable):
            await _settle(db)
            raise
        finally:
            # A connection that cannot be given back is thrown away by asyncpg; that must not turn a COMMIT that
            # succeeded into an error.
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._pool.release(db, timeout=_RELEASE_S)

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """Lend a connection within a transaction: COMMIT at the end of the block, ROLLBACK when it raises."""
        async with self.acquire() as db, db.transaction(isolation=isolation, readonly=readonly):
            if self._local:
                await db.execute(self._local)
            yield db

    async def attempt(
        self, work: Callable[[Connection], Awaitable[T]], *, tries: int = 3, isolation: Isolation = "read_committed"
    ) -> T:
        """Do the work in a transaction, and anew in a fresh one when it was Contended, `tries` times in all."""
        for left in reversed(range(tries)):
            try:
                async with self.transaction(isolation=isolation) as db:
                    return await work(db)
            except Contended:
                if not left:
                    raise
        raise ValueError("tries must be at least 1")

    def counts(self) -> Counts:
        """Tell how busy the pool is (for the metrics)."""
        return Counts(self._pool.get_size(), self._pool.get_idle_size())

    async def close(self) -> None:
        """Close all connections; those still lent after five seconds are cut."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._pool.close()
        except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self._pool.terminate()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()


async def open_pool(
    dsn: str,
    *,
    size: int,
    application_name: str,
    acquire_timeout_s: float = 1.0,
    command_timeout_s: float = 3.0,
    statement_timeout_s: float = 2.5,
    lock_timeout_s: float = 1.0,
    idle_in_transaction_timeout_s: float = 5.0,
    pgbouncer: bool = False,
) -> Pool:
    """Open a pool of at most `size` connections; they are made when first needed, so PostgreSQL may still be away.

    The server's own timeouts end what the client has given up. `pgbouncer` prepares for transaction pooling: no
    prepared statements are kept, and the timeouts are set in each transaction instead of at the log-in (statements
    outside of `transaction()` then have the client's timeout alone).
    """
    timeouts = {
        "statement_timeout": _milliseconds(statement_timeout_s),
        "lock_timeout": _milliseconds(lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_timeout_s),
    }
    # jit: compiling statements as short as ours costs more than it gains. enable_seqscan: a plan that is made while a table has
    # a page or two stays with its connection while the table grows; so an index is taken wherever there is one that fits.
    session = {} if pgbouncer else {**timeouts, "jit": "off", "enable_seqscan": "off", "timezone": "UTC"}
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        max_inactive_connection_lifetime=0,  # a connection once made stays: the next rush needs it
        command_timeout=command_timeout_s,
        timeout=acquire_timeout_s,
        server_settings={"application_name": application_name, **session},
        reset=_nothing_to_reset,
        statement_cache_size=0 if pgbouncer else 100,
    )
    local = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in timeouts.items()) if pgbouncer else ""
    return Pool(pool, acquire_timeout_s=acquire_timeout_s, local=local)


async def _settle(db: Connection) -> None:
    """End what was given up, or throw the connection away.

    Who is cancelled between preparing a statement and running it leaves PostgreSQL within a transaction that asyncpg knows
    nothing of: no Sync was sent yet. A simple query ends it; else the next BEGIN would be refused as a late one.
    """
    try:
        await db.execute("SELECT 1", timeout=_SETTLE_S)
    except BaseException as error:
        with contextlib.suppress(asyncpg.InterfaceError):  # it is back in the pool already: it had died
            db.terminate()
        if not isinstance(error, Exception):
            raise


async def _nothing_to_reset(db: object) -> None:
    """Reset nothing (rule 3); an open transaction is rolled back by asyncpg before it asks us."""


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


@contextlib.asynccontextmanager
async def connect(dsn: str, *, application_name: str, timeout_s: float = 5.0) -> AsyncIterator[Connection]:
    """Open one connection of its own, for session locks, LISTEN and migrations: without timeouts of statements.

    Raises Misconfigured when PostgreSQL refuses this log-in or knows no such database, Unavailable when it is away.
    """
    with _connecting(refused=Misconfigured):
        db = await asyncpg.connect(
            dsn, timeout=timeout_s, server_settings={"application_name": application_name, "timezone": "UTC"}
        )
    try:
        with _speaking(db):
            yield db
    finally:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await db.close(timeout=_RELEASE_S)


@contextlib.contextmanager
def _connecting(*, refused: type[Misconfigured | Unavailable]) -> Iterator[None]:
    """Translate what can go wrong while a connection is made; `refused` is raised for a log-in that is not wanted."""
    try:
        yield
    except _REFUSED as error:
        if refused is Misconfigured:
            raise Misconfigured(f"PostgreSQL refuses the log-in of database.url: {error}.") from error
        raise _unavailable() from error
    except (*_AWAY, asyncpg.InternalClientError, OSError) as error:  # TimeoutError is an OSError
        raise _unavailable() from error
    except ValueError as error:
        # The text of the error may hold the password.
        raise Misconfigured("database.url cannot be read: write postgresql://user:password@host:port/name.") from error
    except asyncpg.InterfaceError as error:  # the pool is closing
        raise _unavailable() from error


@contextlib.contextmanager
def _speaking(db: Connection) -> Iterator[None]:
    """Translate what can go wrong while a connection is used."""
    try:
        yield
    except asyncpg.TransactionRollbackError as error:
        raise Contended(retry_after_s=_RETRY_AFTER_S) from error
    except (*_AWAY, TimeoutError, ConnectionError) as error:
        raise _unavailable() from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if _gone(db):
            raise _unavailable() from error
        raise


def _gone(db: Connection) -> bool:
    """Tell whether the connection died: the pool takes a dead one back at once, and its proxy then answers nothing."""
    try:
        return db.is_closed()
    except asyncpg.InterfaceError:
        return True


def _unavailable() -> Unavailable:
    return Unavailable(retry_after_s=_RETRY_AFTER_S)
