"""`kairos keys`: credentials of apps, tills, the CRM and staff machines. The token is printed once, alone, on stdout.

A secret that signs goes into a file of its own, which its owner alone may read: two secrets on one output are soon one line of
a script's log.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.pipeline import keys as pipeline
from server.pipeline.keys import SIGNED, Sealing
from server.settings import Settings
from server.store import audit, keys
from server.store.clock import DatabaseClock
from server.store.pool import Connection
from server.wallet.keyring import open_keyring, write_secret

app = typer.Typer(help="Credentials: create, list, rotate, revoke.", no_args_is_help=True)

ACTOR = "command line"
"""Who the audit names for what is done here: whoever may run commands on this machine."""


class KeyKind(StrEnum):
    """What a key may be for."""

    APP = "app"
    TILL = "till"
    CRM = "crm"
    MARKETER = "marketer"
    ANALYST = "analyst"
    ADMIN = "admin"


SecretFileOption = Annotated[
    Path | None, typer.Option(help="Where a signed key's secret is put: a new file, which you alone may read.")
]


@app.command()
def create(
    kind: Annotated[KeyKind, typer.Argument(help="What the key is for.")],
    *,
    store: Annotated[UUID | None, typer.Option(help="The store of a till.")] = None,
    name: Annotated[str | None, typer.Option(help="A name to know it by.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="It ends after so many days.")] = None,
    signed: Annotated[bool, typer.Option("--signed", help="Its requests are signed (crm alone).")] = False,
    secret_file: SecretFileOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a key and print its token: it is shown this once."""
    if (kind is KeyKind.TILL) != (store is not None):
        fail("a till's key needs --store, and no other key has one")
    if signed and kind.value != SIGNED:
        fail(f"--signed is for keys of the kind {SIGNED} alone")
    if signed != (secret_file is not None):
        fail("--signed needs --secret-file, where the secret is put, and no other key has one")

    async def work() -> str:
        settings = read_settings(config, data_dir)
        async with pool_for(settings) as pool, pool.transaction() as db:
            return await _make(db, settings, _Wanted(kind, store, name, _in(days), secret_file))

    log_to_stderr(quiet=True)
    typer.echo(run(work))


@app.command("list")
def list_(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """List the keys, the newest first; tokens are never shown again, only their last characters."""

    async def work() -> list[keys.Key]:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.acquire() as db:
            return await keys.page(db, before=None, limit=1000)

    log_to_stderr(quiet=True)
    table = Table("id", "kind", "token ends in", "name", "store", "made", "last used", "signed", "state")
    for key in run(work):
        state = "revoked" if key.revoked_at else f"until {key.not_after:%Y-%m-%d}" if key.not_after else "good"
        used = f"{key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never"
        made = f"{key.created_at:%Y-%m-%d}"
        where, signed = str(key.store_id or ""), "yes" if key.signed else ""
        table.add_row(str(key.id), key.kind, key.hint, key.name or "", where, made, used, signed, state)
    Console(width=200).print(table)


@app.command()
def rotate(
    id_: Annotated[UUID, typer.Argument(metavar="ID", help="The key to replace.")],
    overlap_hours: Annotated[int, typer.Option(min=0, max=8760, help="The old one is good for so long.")] = 24,
    secret_file: SecretFileOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a new key of the same kind, print its token, and let the old one end after the overlap.

    That of a signed key has a secret of its own, too: until the overlap is over either token goes with its own secret.
    """

    async def work() -> str | None:
        settings = read_settings(config, data_dir)
        async with pool_for(settings) as pool, pool.transaction() as db:
            old = await keys.end(db, id_=id_, after=timedelta(hours=overlap_hours))
            if old is None:
                return None
            if old.signed != (secret_file is not None):
                fail("a signed key needs --secret-file, where the new secret is put, and no other key has one")
            await audit.record(db, actor=ACTOR, action="key.rotate", object=f"key:{id_}", before=old.kind)
            return await _make(db, settings, _Wanted(KeyKind(old.kind), old.store_id, old.name, None, secret_file))

    log_to_stderr(quiet=True)
    typer.echo(run(work) or fail("there is no such key that is still good"))


@app.command()
def revoke(
    id_: Annotated[UUID, typer.Argument(metavar="ID", help="The key to end.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """End a key: within a second no process takes it any more."""

    async def work() -> bool:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.transaction() as db:
            gone = await keys.revoke(db, id_=id_)
            if gone is not None:
                await audit.record(db, actor=ACTOR, action="key.revoke", object=f"key:{id_}", before=gone.kind)
            return gone is not None

    log_to_stderr(quiet=True)
    if not run(work):
        fail("there is no such key that is still good")


class _Wanted(NamedTuple):
    """What key is to be made; `secret_file` is where the secret of a signed one goes."""

    kind: KeyKind
    store: UUID | None
    name: str | None
    ends: datetime | None
    secret_file: Path | None


async def _make(db: Connection, settings: Settings, wanted: _Wanted) -> str:
    """Make a key and give its token. The file is there before the key is: who has no secret has no key that wants one."""
    sealing = None
    if wanted.secret_file is not None:
        now = await DatabaseClock().sync(db)
        sealing = Sealing(open_keyring(settings.home, now=now), now)
    made = await pipeline.create(
        db,
        kind=wanted.kind.value,
        store_id=wanted.store,
        name=wanted.name,
        not_after=wanted.ends,
        sealing=sealing,
    )
    if made is None:
        fail(f"there is no store {wanted.store}")
    await audit.record(db, actor=ACTOR, action="key.create", object=f"key:{made.id}", after=wanted.kind.value)
    if wanted.secret_file is not None and made.secret is not None:
        _put(wanted.secret_file, made.secret)
    return made.token


def _put(path: Path, secret: str) -> None:
    """Put a secret into a file of its own; one that is there already is left alone."""
    try:
        put = write_secret(path, f"{secret}\n".encode())
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror})")
    if not put:
        fail(f"{path}: is there already; name a new file")


def _in(days: int | None) -> datetime | None:
    """Tell the end of a key; a day more or less of this machine's clock does not matter here."""
    return datetime.now(UTC) + timedelta(days=days) if days else None  # noqa: TID251  a command's clock
