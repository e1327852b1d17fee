"""PostgreSQL without an installation: one server per data folder, shared by every Kairos process that uses the folder.

    DATA/postgres/              0711, so that the server's account can pass
        secret                  0600, 256 bits; the roles' passwords are derived from it; there is no "trust" anywhere
        start.lock  users.lock  who starts or stops; who uses (a shared flock per user)
        cluster/                the database itself (made under another name, then renamed)
        run/                    the unix socket; on loopback TCP where sockets cannot be
        program/VERSION/        the programs, only where the server's account cannot reach the installed ones
        start.log               what the last start said; cluster/log/ holds a week of the server's own log

The first process starts the server, the others adopt it, and the last one that leaves stops it. A process that is
killed leaves by dying, for its locks die with it; a server that nobody stopped is adopted by the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from server.errors import Misconfigured
from server.store import cluster, postmaster
from server.store.cluster import DATABASE, OWNER, Home, Role
from server.store.program import account_for, installed, reachable, within_reach

_LOCK_S = 150.0
"""How long to wait for another process that starts or stops the server: its own limit (120 s) and some more."""


class Log(Protocol):
    """The one thing asked of a log: structlog's bound loggers have it."""

    def info(self, event: str, **values: object) -> object:
        """Write an event and its values."""


class Embedded:
    """A use of the server of one data folder; `stop()` (or leaving `async with`) gives it up."""

    def __init__(self, home: Home, users: IO[bytes], *, address: cluster.Address, log: Log) -> None:
        """Keep the open lock file that counts us; made by `start` alone."""
        self._home = home
        self._users: IO[bytes] | None = users
        self._address = address
        self._log = log

    @property
    def dsn(self) -> str:
        """The address of the database `kairos`, as its owner: may migrate, is no superuser."""
        return self.dsn_for(OWNER)

    def dsn_for(self, role: Role, *, database: str = DATABASE) -> str:
        """Give the address of a database of this server for a role: owner, app or readonly (trust: separate roles)."""
        return cluster.dsn(self._home, self._address, role=role, database=database)

    @property
    def running(self) -> bool:
        """Whether the server is alive right now; cheap enough to be asked every second."""
        return postmaster.running(self._home.cluster) is not None

    async def ensure(self) -> None:
        """Start the server again if it has died (killed, out of memory); its address stays the same."""
        async with _held(self._home.start_lock):
            await asyncio.to_thread(_bring_up, self._home, self._log)

    async def watch(self, *, every_s: float = 1.0) -> None:
        """Look every second whether the server is alive and start it again when it is not; runs until it is cancelled.

        A start that fails is tried again with the next look: a full disk may have room later.
        """
        while True:
            await asyncio.sleep(every_s)
            if not await asyncio.to_thread(lambda: self.running):
                self._log.info("postgres_gone", folder=str(self._home.folder))
                with contextlib.suppress(Misconfigured):
                    await self.ensure()

    async def stop(self) -> None:
        """Give up this use; the last user of the data folder stops the server. May be called again."""
        users, self._users = self._users, None
        if users is not None:
            await asyncio.shield(_leave(self._home, users, self._log))

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up the use."""
        await self.stop()


async def start(data_dir: Path, *, log: Log, buffers_mb: int = 0) -> Embedded:
    """Use the PostgreSQL of this data folder: make it if it is new, start it if it is down, else adopt it.

    A server that is started keeps pages in so much memory (0: a quarter of what there is).

    Raises Misconfigured with a sentence when the folder cannot be used or the server does not start.
    """
    starting = asyncio.ensure_future(_start(data_dir, buffers_mb, log))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The threads under way cannot be cancelled: let them end, and leave nothing running that nobody holds.
        with contextlib.suppress(Misconfigured):
            await (await starting).stop()
        raise


async def _start(data_dir: Path, buffers_mb: int, log: Log) -> Embedded:
    home = await asyncio.to_thread(_prepare, data_dir, buffers_mb)
    async with _held(home.start_lock) as lock:
        users = await _share(home)
        try:
            address = await asyncio.to_thread(_bring_up, home, log, hold=lock.fileno())
            await cluster.furnish(home, address)
        except BaseException:
            await _give_up(home, users, log)
            raise
    return Embedded(home, users, address=address, log=log)


async def stop_if_unused(data_dir: Path, *, log: Log) -> bool:
    """Stop a server that killed processes left behind; tell whether the folder is now without server and users."""
    home = Home(await asyncio.to_thread(data_dir.resolve) / "postgres")
    if not await asyncio.to_thread(home.cluster.exists):
        return True
    async with _held(home.start_lock):
        users = await _share(home)
        await _give_up(home, users, log)
        return postmaster.running(home.cluster) is None


def _prepare(data_dir: Path, buffers_mb: int) -> Home:
    """Make the folders, and check that the server's account will be able to pass."""
    home = Home(data_dir.resolve() / "postgres", buffers_mb)
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711)  # to pass, not to look
        home.folder.mkdir(exist_ok=True, mode=0o711)
        account = account_for(home.cluster)
        if home.folder.stat().st_uid == os.geteuid():
            home.folder.chmod(0o711)
    except PermissionError as error:
        raise Misconfigured(f"The data folder {data_dir} cannot be used by this account: {error}.") from error
    if account and not reachable(home.folder, account):
        raise Misconfigured(
            f"PostgreSQL does not run as root, and the account {account.name} that would run it cannot reach "
            f"{home.folder}. Choose a data folder such as /var/lib/kairos (--data-dir), or start Kairos as an "
            "ordinary user."
        )
    return home


def _bring_up(home: Home, log: Log, *, hold: int | None = None) -> cluster.Address:
    """Find the server running, or start it; the cluster is made first when there is none."""
    deadline = time.monotonic() + postmaster.START_S
    if found := postmaster.await_ready(home.cluster, deadline=deadline):
        cluster.check_major(home, installed())
        log.info("postgres_adopted", folder=str(home.folder), pid=found.pid)
        return cluster.address_of(found)
    account = account_for(home.cluster)
    program = within_reach(installed(), account, folder=home.program)
    cluster.make(home, program, account=account, hold=hold)
    cluster.check_major(home, program)
    cluster.configure(home, account=account)
    found = postmaster.launch(
        program, home.cluster, account=account, sockets=home.sockets, output=home.folder / "start.log"
    )
    log.info("postgres_started", folder=str(home.folder), pid=found.pid, version=program.version)
    return cluster.address_of(found)


async def _share(home: Home) -> IO[bytes]:
    """Count ourselves among the users: a shared lock on an open file, which the kernel gives up when we die."""
    users = home.users_lock.open("ab")
    fcntl.flock(users, fcntl.LOCK_SH)
    return users


async def _leave(home: Home, users: IO[bytes], log: Log) -> None:
    async with _held(home.start_lock):
        await _give_up(home, users, log)


async def _give_up(home: Home, users: IO[bytes], log: Log) -> None:
    """End our share and stop the server when nobody else has one; nobody can come while the start lock is held."""
    with users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if home.cluster.exists():
            await asyncio.to_thread(postmaster.halt, home.cluster)
            log.info("postgres_stopped", folder=str(home.folder))


@contextlib.asynccontextmanager
async def _held(path: Path) -> AsyncIterator[IO[bytes]]:
    """Hold a lock file alone; waits by asking again, so that it can be cancelled."""
    try:
        file = path.open("ab")
    except PermissionError as error:
        raise Misconfigured(f"The data folder {path.parent} cannot be used by this account: {error}.") from error
    with file:
        deadline = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Misconfigured(f"Another process holds {path}, and does not let go.") from None
                await asyncio.sleep(0.05)
        yield file
