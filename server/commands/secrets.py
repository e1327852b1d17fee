"""`kairos secrets`: the keys of codes, links and sealed values in the data directory, replaced with an overlap."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.commands.keys import ACTOR
from server.pipeline.resealing import Resealed, reseal
from server.settings import Settings
from server.store import audit
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.wallet.keyring import Key, Keyring, Kind, open_keyring

app = typer.Typer(help="The secrets of this installation: list, rotate, reseal.", no_args_is_help=True)


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Pool, Keyring, datetime]]:
    """Give the database, the keyring, and the database's time."""
    async with pool_for(settings) as pool:
        async with pool.acquire() as db:
            now = await DatabaseClock().sync(db)
        yield pool, open_keyring(settings.home, now=now), now


async def good_keys(settings: Settings) -> list[Key]:
    """Give the keys that are good."""
    async with _opened(settings) as (_, keyring, now):
        return [key for kind in Kind for key in keyring.keys(kind, now=now)]


async def rotate_key(settings: Settings, kind: Kind, *, overlap: timedelta | None) -> Key:
    """Make a new key of a kind, and write it into the audit."""
    async with _opened(settings) as (pool, keyring, now):
        fresh = keyring.rotate(kind, now=now, overlap=overlap)
        async with pool.transaction() as db:
            await audit.record(db, actor=ACTOR, action="secret.rotate", object=f"secret:{kind}.{fresh.id}")
        return fresh


async def seal_anew(settings: Settings) -> Resealed:
    """Seal every value with the newest key, and write it into the audit."""
    async with _opened(settings) as (pool, keyring, now):
        found = await reseal(pool, keyring, now=now)
        async with pool.transaction() as db:
            await audit.record(db, actor=ACTOR, action="secret.reseal", object=f"secret:seal.{found.key}")
        return found


@app.command("list")
def list_(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """List the keys that are good, without telling them."""

    async def work() -> list[Key]:
        return await good_keys(read_settings(config, data_dir))

    log_to_stderr(quiet=True)
    table = Table("kind", "id", "signs from", "good until")
    for key in run(work):
        until = f"{key.not_after:%Y-%m-%d %H:%M} UTC" if key.not_after else "it is replaced"
        table.add_row(key.kind, str(key.id), f"{key.not_before:%Y-%m-%d %H:%M:%S} UTC", until)
    Console(width=120).print(table)


@app.command()
def rotate(
    kind: Annotated[
        Kind, typer.Argument(help="code: at the counter; offline: signed codes; link: to passes; seal: values at rest.")
    ],
    overlap_hours: Annotated[
        int | None,
        typer.Option(min=0, max=87_600, help="The old one is good for so long; by default as its kind needs."),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a new key, which every process uses from a minute on, and let the old one end after the overlap."""

    async def work() -> Key:
        overlap = None if overlap_hours is None else timedelta(hours=overlap_hours)
        return await rotate_key(read_settings(config, data_dir), kind, overlap=overlap)

    log_to_stderr(quiet=True)
    fresh = run(work)
    typer.echo(f"{fresh.kind}.{fresh.id} is used from {fresh.not_before:%H:%M:%S} UTC on")


@app.command("reseal")
def reseal_(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Seal every value at rest with the newest key; the older ones end an hour later. Ends with 1 if some cannot be opened."""

    async def work() -> Resealed:
        return await seal_anew(read_settings(config, data_dir))

    log_to_stderr(quiet=True)
    found = run(work)
    typer.echo(f"{found.done} values sealed anew with seal.{found.key}")
    if found.lost:
        fail(f"{found.lost} values cannot be opened: the key that sealed them is missing or has ended")
