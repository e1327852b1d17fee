"""One PostgreSQL server process: seen, cleared away when dead, launched, halted.

A file `postmaster.pid` proves nothing: its process may be dead, a zombie that nobody reaps (containers), or another
program that got the same number. And a server that was killed may leave children that still hold its shared memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from server.errors import Misconfigured
from server.store.program import Account, Program

START_S = 120.0
"""How long a start may take; after kill -9 the server first replays up to 1 GB of write-ahead log."""

_STOP_S = 20.0
_ORPHAN_S = 2.0
_POLL_S = 0.05
_STARTED_TOO_EARLY = ("shared memory block", "already exists", "already in use")
"""What the server says when remains of its predecessor still go away: try again for some seconds."""


class Notice(NamedTuple):
    """The file `postmaster.pid`: process id, port, socket folder ("" = none), address ("" = none), ready or not yet."""

    pid: int
    port: int
    sockets: str
    address: str
    ready: bool


def notice(cluster: Path) -> Notice | None:
    """Read what the server wrote about itself, or None while there is nothing whole to read."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
        address = lines[5].strip() if len(lines) > 5 else ""
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return Notice(int(lines[0]), int(lines[3]), lines[4].strip(), address, ready)
    except (FileNotFoundError, IndexError, ValueError):
        return None


def running(cluster: Path) -> Notice | None:
    """Tell what the live server of this cluster says about itself; None when there is none."""
    found = notice(cluster)
    if found is None or not (_serves(found.pid, cluster) or _answers(found)):
        return None
    return found


def _serves(pid: int, cluster: Path) -> bool:
    """Tell whether this process is alive and a PostgreSQL that works in this folder."""
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()).samefile(cluster)
    return False


def _answers(found: Notice) -> bool:
    """Tell whether somebody listens on the socket: a server in another container on the same folder has no pid here."""
    if not found.sockets:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(f"{found.sockets}/.s.PGSQL.{found.port}")
        except OSError:
            return False
    return True


def orphans(cluster: Path) -> list[psutil.Process]:
    """List the processes of PostgreSQL that work in this folder and belong to its owner.

    They will be killed, perhaps by root: so each must bear the folder's own account (never root's), besides the name and
    the working folder that `_serves` asks for, and no single mistake makes a stranger one of them.
    """
    owner = cluster.stat().st_uid
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = owner != 0 and process.uids().real == owner and process.name().startswith("postgres")
            if ours and _serves(process.pid, cluster):
                found.append(process)
    return found


def clear_remains(cluster: Path, sockets: Path) -> None:
    """Make room for a new server after a dead one: end its orphaned children, then remove its lock files.

    Does nothing while a server runs. Children normally leave on their own as soon as they look up from their work;
    those that do not are asked (SIGQUIT) and then made (SIGKILL) to go. That loses nothing: what was committed is in
    the write-ahead log, and without their server they can commit no more.
    """
    for ending in (0, signal.SIGQUIT, signal.SIGKILL):  # 0: nothing is sent
        for process in orphans(cluster):
            with contextlib.suppress(psutil.Error):
                process.send_signal(ending)
        deadline = time.monotonic() + _ORPHAN_S
        while (left := orphans(cluster)) and time.monotonic() < deadline:
            if running(cluster):
                return  # no orphan, but a server that somebody who was killed has just begun to start
            time.sleep(_POLL_S)
        if not left:
            break
    else:
        raise Misconfigured(f"Processes of a dead PostgreSQL still hold {cluster}: {[each.pid for each in left]}.")
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    for remains in sockets.glob(".s.PGSQL.*"):
        remains.unlink(missing_ok=True)


def call(command: Sequence[str], *, account: Account | None, output: Path, hold: Sequence[int] = ()) -> int:
    """Run one of PostgreSQL's programs to its end, as the account, and give its exit code.

    `output` takes what it says: never a pipe, for a server started by it would inherit the pipe and keep it open for
    ever. `hold` are descriptors it shall keep open (a lock that outlives us when we are killed).
    """
    # PG* variables of the caller (PGDATA, PGPORT, PGHOST …) would silently point the programs elsewhere.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    environment |= {"LC_ALL": "C", "TZ": "UTC"}
    with output.open("ab") as sink:
        try:
            return subprocess.run(  # noqa: S603  the program is ours, the arguments are made here
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=environment,
                cwd=output.parent,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                umask=0o077,
                pass_fds=hold,
                start_new_session=True,
            ).returncode
        except PermissionError as error:
            who = f" as the account {account.name}" if account else ""
            raise Misconfigured(f"PostgreSQL cannot be run{who}: {error}.") from error


def launch(program: Program, cluster: Path, *, account: Account | None, sockets: Path, output: Path) -> Notice:
    """Start the server of a cluster folder and wait until it takes connections.

    Raises Misconfigured with the server's last words when it does not come up within START_S.
    """
    deadline = time.monotonic() + START_S
    while True:
        clear_remains(cluster, sockets)
        if found := await_ready(cluster, deadline=deadline):
            return found
        if running(cluster):
            raise Misconfigured(
                f"The PostgreSQL in {cluster} is not ready after {START_S:.0f} s; look at {cluster / 'log'}."
            )
        output.unlink(missing_ok=True)
        # The name of the folder is given relative to the working folder: pg_ctl hands it to a shell.
        code = call(
            [program.tool("pg_ctl"), "start", "-w", "-s", "-t", str(int(START_S)), "-D", cluster.name],
            account=account,
            output=output,
        )
        if code == 0:
            continue  # and see it ready above
        words = last_words(cluster, output)
        if time.monotonic() > deadline or not any(hint in words for hint in _STARTED_TOO_EARLY):
            raise Misconfigured(f"The embedded PostgreSQL in {cluster} did not start: {words}")
        time.sleep(0.3)


def await_ready(cluster: Path, *, deadline: float) -> Notice | None:
    """Wait until the running server takes connections; None when it died or the (monotonic) deadline passed."""
    while (found := running(cluster)) and not found.ready and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found if found and found.ready else None


def last_words(cluster: Path, output: Path) -> str:
    """Collect the last lines of what the server said at its start, and in its newest log file if it got that far."""
    said = output.read_text("utf-8", "replace") if output.exists() else ""
    if "redirecting log output" in said:
        for newest in sorted((cluster / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]:
            said = newest.read_text("utf-8", "replace")
    return " | ".join(said.splitlines()[-6:]) or "it said nothing."


def halt(cluster: Path) -> None:
    """Stop the server of this cluster folder, if it runs here: fast, or at once when fast takes over 20 seconds."""
    for ending in (signal.SIGINT, signal.SIGQUIT):
        found = notice(cluster)
        if found is None or not _serves(found.pid, cluster):
            return
        with contextlib.suppress(psutil.Error):
            psutil.Process(found.pid).send_signal(ending)
        deadline = time.monotonic() + _STOP_S
        while _serves(found.pid, cluster) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        # As process 1 of a container we inherit the server, and nobody else would reap it.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(found.pid, os.WNOHANG)
