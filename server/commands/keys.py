"""`kairos keys`: credentials of apps, tills, the CRM and staff machines. The token is printed once, alone, on stdout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.store import audit, keys
from server.store.pool import Connection

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


@app.command()
def create(
    kind: Annotated[KeyKind, typer.Argument(help="What the key is for.")],
    *,
    store: Annotated[UUID | None, typer.Option(help="The store of a till.")] = None,
    name: Annotated[str | None, typer.Option(help="A name to know it by.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="It ends after so many days.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a key and print its token: it is shown this once."""
    if (kind is KeyKind.TILL) != (store is not None):
        fail("a till's key needs --store, and no other key has one")

    async def work() -> str:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.transaction() as db:
            return await _make(db, kind=kind, store=store, name=name, ends=_in(days))

    log_to_stderr(quiet=True)
    typer.echo(run(work))


@app.command("list")
def list_(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """List the keys, the newest first; tokens are never shown again, only their last characters."""

    async def work() -> list[keys.Key]:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.acquire() as db:
            return await keys.page(db, before=None, limit=1000)

    log_to_stderr(quiet=True)
    table = Table("id", "kind", "token ends in", "name", "store", "made", "last used", "state")
    for key in run(work):
        state = "revoked" if key.revoked_at else f"until {key.not_after:%Y-%m-%d}" if key.not_after else "good"
        used = f"{key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never"
        made = f"{key.created_at:%Y-%m-%d}"
        table.add_row(str(key.id), key.kind, key.hint, key.name or "", str(key.store_id or ""), made, used, state)
    Console(width=200).print(table)


@app.command()
def rotate(
    id_: Annotated[UUID, typer.Argument(metavar="ID", help="The key to replace.")],
    overlap_hours: Annotated[int, typer.Option(min=0, max=8760, help="The old one is good for so long.")] = 24,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a new key of the same kind, print its token, and let the old one end after the overlap."""

    async def work() -> str | None:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.transaction() as db:
            old = await keys.end(db, id_=id_, after=timedelta(hours=overlap_hours))
            if old is None:
                return None
            await audit.record(db, actor=ACTOR, action="key.rotate", object=f"key:{id_}", before=old.kind)
            return await _make(db, kind=KeyKind(old.kind), store=old.store_id, name=old.name, ends=None)

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


async def _make(db: Connection, *, kind: KeyKind, store: UUID | None, name: str | None, ends: datetime | None) -> str:
    made = await keys.create(db, kind=kind.value, store_id=store, name=name, not_after=ends)
    if made is None:
        fail(f"there is no store {store}")
    await audit.record(db, actor=ACTOR, action="key.create", object=f"key:{made.id}", after=kind.value)
    return made.token


def _in(days: int | None) -> datetime | None:
    """Tell the end of a key; a day more or less of this machine's clock does not matter here."""
    return datetime.now(UTC) + timedelta(days=days) if days else None  # noqa: TID251  a command's clock
