"""The cluster folder of the embedded PostgreSQL: made, configured, furnished with roles and the database, addressed."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
import socket
import stat
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

import asyncpg

from server.errors import Misconfigured
from server.store import postmaster
from server.store.memory import available, buffers_mb
from server.store.postmaster import Notice
from server.store.program import Account, Program

Role = Literal["postgres", "kairos_owner", "kairos_app", "kairos_readonly"]

DATABASE = "kairos"
SUPERUSER: Role = "postgres"
OWNER: Role = "kairos_owner"
APP: Role = "kairos_app"
READONLY: Role = "kairos_readonly"

_PORT = 5432
"""The port that only names the socket file; on TCP a free one is taken."""

_SETTINGS = """\
# Written by Kairos at every start; your own settings belong into ALTER SYSTEM.
fsync = on
full_page_writes = on
synchronous_commit = on
max_connections = 200
max_wal_size = '1GB'
password_encryption = 'scram-sha-256'
client_connection_check_interval = '5s'   # a long statement ends when its client was killed, and frees its locks
jit = off                           # our statements are short: compiling them costs more than running them
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_error_verbosity = terse         # without DETAIL, which would write customers' values into the log
log_parameter_max_length_on_error = 0
logging_collector = on              # a ring of seven files: the log of a server that runs for years stays small
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
unix_socket_permissions = 0700
"""


class Home(NamedTuple):
    """The folder `DATA/postgres`, the names in it, and in how much memory its server keeps pages (0: a quarter of all)."""

    folder: Path
    buffers_mb: int = 0

    @property
    def cluster(self) -> Path:
        """The database's own folder (PGDATA)."""
        return self.folder / "cluster"

    @property
    def sockets(self) -> Path:
        """Where the unix socket is."""
        return self.folder / "run"

    @property
    def program(self) -> Path:
        """Where programs are linked when the installed ones are out of reach."""
        return self.folder / "program"

    @property
    def secret(self) -> Path:
        """The file of 256 bits that every role's password is derived from."""
        return self.folder / "secret"

    @property
    def start_lock(self) -> Path:
        """Held by the one process that starts or stops the server."""
        return self.folder / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by all processes that use the server."""
        return self.folder / "users.lock"


class Address(NamedTuple):
    """Where the server listens: a socket folder or `127.0.0.1`, and the port."""

    host: str
    port: int


def address_of(found: Notice) -> Address:
    """Read the address from what the running server says about itself."""
    return Address(found.sockets or found.address, found.port)


def dsn(home: Home, address: Address, *, role: Role, database: str) -> str:
    """Write the address of a database for a role as a URL that asyncpg and psql read."""
    place = f"host={quote(address.host, safe='/')}&port={address.port}"
    return f"postgresql://{role}:{password(home, role)}@/{quote(database, safe='')}?{place}"


def password(home: Home, role: Role) -> str:
    """Derive a role's password from the secret of this folder (HMAC-SHA256, so that one file holds them all).

    Raises Misconfigured when the secret is missing or others may read it.
    """
    try:
        mode = home.secret.stat().st_mode
        secret = home.secret.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"The secret of the embedded PostgreSQL cannot be read: {error}. Restore that file."
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(f"Others may read {home.secret}: make it private (chmod 600), as it opens the database.")
    return hmac.new(secret, role.encode(), hashlib.sha256).hexdigest()


def make(home: Home, program: Program, *, account: Account | None, hold: int | None) -> None:
    """Make the cluster folder when there is none; drafts that an interrupted start left behind are removed.

    `hold` is the descriptor of the start lock: initdb keeps it open too, so that the lock outlives us for as long as an
    orphaned initdb still writes. Raises Misconfigured when initdb fails.
    """
    for draft in home.folder.glob("cluster-new-*"):
        shutil.rmtree(draft, ignore_errors=True)
    home.sockets.mkdir(exist_ok=True, mode=0o700)
    _give(home.sockets, account)
    if home.cluster.exists():
        return
    _make_secret(home)
    draft = home.folder / f"cluster-new-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    _give(draft, account)
    first_password = home.sockets / "first-password"
    first_password.unlink(missing_ok=True)
    try:
        first_password.touch(mode=0o600)
        first_password.write_text(password(home, SUPERUSER))
        _give(first_password, account)
        output = home.folder / "initdb.log"
        output.unlink(missing_ok=True)
        command = [program.tool("initdb"), "-D", str(draft), *_initdb_options(first_password)]
        code = postmaster.call(command, account=account, output=output, hold=[] if hold is None else [hold])
    finally:
        first_password.unlink(missing_ok=True)
    if code != 0:
        said = " | ".join(output.read_text("utf-8", "replace").splitlines()[-4:])
        shutil.rmtree(draft, ignore_errors=True)
        raise Misconfigured(f"The embedded PostgreSQL could not make its folder {home.cluster}: {said}")
    draft.rename(home.cluster)
    _sync(home.folder)


def _initdb_options(first_password: Path) -> list[str]:
    return [
        *("-U", SUPERUSER, f"--pwfile={first_password}", "--auth=scram-sha-256", "--encoding=UTF8"),
        # The wheel has no ICU; this provider knows upper and lower case of all letters, alike on every platform.
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"),
        # The passwords are 256 bits of chance: thousands of rounds would only make each new connection 20 ms slower.
        *("--set", "scram_iterations=1", "--set", "password_encryption=scram-sha-256"),
    ]


def _make_secret(home: Home) -> None:
    """Write the secret once, whole and on the disk before anything is derived from it."""
    if home.secret.exists():
        return
    draft = home.secret.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  a mode from birth
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(home.secret)
    _sync(home.folder)


def _give(path: Path, account: Account | None) -> None:
    if account:
        os.chown(path, account.uid, account.gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_major(home: Home, program: Program) -> None:
    """Refuse a cluster whose format another major version of PostgreSQL made."""
    try:
        made_by = (home.cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise Misconfigured(
            f"{home.cluster} is not a whole PostgreSQL folder: {error}. Restore it or move it away."
        ) from error
    if made_by != str(program.major):
        raise Misconfigured(
            f"The database in {home.cluster} was made by PostgreSQL {made_by}, and this installation carries "
            f"{program.version}. Export it with the Kairos that made it, or move the folder away to begin anew."
        )


def configure(home: Home, *, account: Account | None) -> None:
    """Write the settings and where to listen: a unix socket if the folder can hold one, else a port on loopback."""
    lines = f"{_SETTINGS}shared_buffers = '{home.buffers_mb or buffers_mb(available())}MB'\n"
    ours = home.cluster / "kairos.conf"
    if _sockets_work(home.sockets):
        lines += f"listen_addresses = ''\nport = {_PORT}\nunix_socket_directories = {_quoted(home.sockets)}\n"
    else:
        port = _free_port(_previous_port(ours))
        lines += f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n"
    draft = home.cluster / "kairos.conf.new"
    draft.write_text(lines, "utf-8")
    draft.chmod(0o600)
    _give(draft, account)
    draft.replace(ours)
    main = home.cluster / "postgresql.conf"
    if "include = 'kairos.conf'" not in main.read_text("utf-8"):
        with main.open("a", encoding="utf-8") as file:
            file.write("\ninclude = 'kairos.conf'\n")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "''") + "'"


def _sockets_work(folder: Path) -> bool:
    """Try it: a path may be too long (107 bytes, 103 on macOS), a file system may know no sockets.

    Commas part, and quotes wrap, the names in PostgreSQL's list of socket folders and in connection strings.
    """
    trial = folder / ".s.PGSQL.test"
    assert len(trial.name) == len(f".s.PGSQL.{_PORT}")  # noqa: S101  the trial is as long as the real one
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            trial.unlink(missing_ok=True)
            probe.bind(str(trial))
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                trial.unlink()
    return "," not in str(folder) and '"' not in str(folder)


def _previous_port(conf: Path) -> int:
    """The TCP port of the last start: open pools find a restarted server at the address they know."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = conf.read_text("utf-8").splitlines()
        if "listen_addresses = '127.0.0.1'" in lines:
            return int(next(line for line in lines if line.startswith("port = ")).removeprefix("port = "))
    return 0


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Misconfigured("No port on 127.0.0.1 is free for the embedded PostgreSQL.")


async def furnish(home: Home, address: Address) -> None:
    """Make the roles and the database that are missing; none of the roles that Kairos uses is a superuser.

    The owner migrates, the app reads and writes what the migrations grant, readonly looks.
    """
    db = await asyncpg.connect(dsn(home, address, role=SUPERUSER, database="postgres"), timeout=30)
    try:
        for role in (OWNER, APP, READONLY):
            if not await db.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                # Names and hexadecimal passwords of our own making; CREATE ROLE takes no parameters.
                right = "CREATEDB" if role == OWNER else "NOCREATEDB"
                await db.execute(f"CREATE ROLE {role} LOGIN {right} PASSWORD '{password(home, role)}'")
        if not await db.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await db.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    finally:
        await db.close()
