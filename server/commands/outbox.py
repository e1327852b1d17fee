"""`kairos outbox`: dead letters, and what waits: list, retry, drop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.commands.keys import ACTOR
from server.settings import Settings
from server.store import audit, letters
from server.store.clock import DatabaseClock
from server.store.letters import Letter
from server.store.pool import Connection, Pool

app = typer.Typer(help="What leaves the house: list, retry, drop.", no_args_is_help=True)

AT_ONCE = 1000
"""Dead letters that one transaction takes: some tens of milliseconds."""

Deed = Callable[[Connection, Sequence[UUID], datetime], Awaitable[Collection[UUID]]]


class State(StrEnum):
    """Which deliveries."""

    DEAD = "dead"
    WAITING = "waiting"


IdsArgument = Annotated[list[UUID] | None, typer.Argument(metavar="ID…", help="Which; or all of them by --all.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter, of the way that is named or of all.")]
WayOption = Annotated[
    str | None, typer.Option(help="Only this service's: apns, fcm, webpush, apple_wallet, google_wallet.")
]


@app.command("list")
def list_(
    *,
    state: Annotated[State, typer.Option(help="dead (nobody took them) or waiting.")] = State.DEAD,
    way: WayOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 100,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List deliveries: the newest dead letters, or what waits longest."""

    async def work() -> list[Letter]:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.acquire() as db:
            return await letters.page(db, kind=state.value, way=way, limit=limit)

    log_to_stderr(quiet=True)
    table = Table("id", "way", "state", "tries", "reason", "made", "until")
    for each in run(work):
        made, until = f"{each.created_at:%Y-%m-%d %H:%M:%S}", f"{each.deliver_by:%Y-%m-%d %H:%M:%S}"
        way_ = each.way or each.channel
        table.add_row(str(each.id), way_, each.state, str(each.attempts), each.reason or "", made, until)
    Console(width=200).print(table)


@app.command()
def retry(
    ids: IdsArgument = None,
    *,
    all_: AllOption = False,
    way: WayOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Try dead letters once more; those whose time is over stay where they are."""

    async def once_more(db: Connection, chosen: Sequence[UUID], now: datetime) -> Collection[UUID]:
        return await letters.retry(db, ids=chosen, now=now)

    _do("retry", once_more, ids=ids, all_=all_, way=way, settings=read_settings(config, data_dir))


@app.command()
def drop(
    ids: IdsArgument = None,
    *,
    all_: AllOption = False,
    way: WayOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take dead letters off the list: they are not tried again."""

    async def off(db: Connection, chosen: Sequence[UUID], now: datetime) -> Collection[UUID]:
        return await letters.drop(db, ids=chosen, now=now)

    _do("drop", off, ids=ids, all_=all_, way=way, settings=read_settings(config, data_dir))


def _do(name: str, deed: Deed, *, ids: list[UUID] | None, all_: bool, way: str | None, settings: Settings) -> None:
    """Do it to those that are named, or to all, and say to how many it was done."""
    if all_ == bool(ids) or (ids and way):
        fail("name deliveries by their ids, or all of them by --all, with --way for those of one service")

    async def work() -> tuple[int, int]:
        async with pool_for(settings) as pool:
            house = House(pool, DatabaseClock(shift=timedelta(seconds=settings.clock_shift_s)))
            if ids:
                return await house.do(name, deed, ids, by_name=True), len(ids)
            return await all_of(house, name, deed, way)

    log_to_stderr(quiet=True)
    done, asked = run(work)
    typer.echo(f"{done} of {asked}")
    if ids and done < asked:
        fail("the others are no dead letters, or their time is over")


async def all_of(house: House, name: str, deed: Deed, way: str | None, *, at_once: int = AT_ONCE) -> tuple[int, int]:
    """Go through all dead letters, portion by portion; those that stay are passed by."""
    done = asked = 0
    after: tuple[datetime, UUID] | None = None
    while True:
        async with house.pool.acquire() as db:
            portion = await letters.page(db, kind="dead", way=way, after=after, limit=at_once)
        if not portion:
            return done, asked
        done += await house.do(name, deed, [each.id for each in portion], by_name=False)
        asked += len(portion)
        after = portion[-1].at, portion[-1].id


class House(NamedTuple):
    """The database, and its clock."""

    pool: Pool
    clock: DatabaseClock

    async def do(self, name: str, deed: Deed, ids: Sequence[UUID], *, by_name: bool) -> int:
        """Do it in one transaction with its rows in the audit: one for each that was named, or one for the portion."""

        async def work(db: Connection) -> int:
            now = await self.clock.sync(db)
            done = sorted(await deed(db, ids, now))
            for each in done if by_name else done[:1]:
                told = f"delivery:{each}" if by_name else f"deliveries:{len(done)}"
                await audit.record(db, actor=ACTOR, action=f"delivery.{name}", object=told, before="dead", after=done)
            return len(done)

        return await self.pool.attempt(work)
