"""`kairos replay`: from the command line to a running server (the sending itself is in replay)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.commands.replay import Outcome, replay
from server.commands.track import read_track
from server.settings import Settings
from server.store import customers
from server.store.keys import CUSTOMER_PREFIX


def send(
    file: Annotated[Path, typer.Argument(help="A track: .gpx, or .csv with lat, lon, time and accuracy_m.")],
    *,
    customer: Annotated[str, typer.Option(help="A customer's token (kc_…), id, or external id.")],
    server: Annotated[str | None, typer.Option(help="The server; else public_url or server.host and port.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Take as long as the ride did.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Send a recorded track through a running server as a customer's phone, and show the moments that came."""
    log_to_stderr(quiet=True)

    async def work() -> Outcome:
        settings = read_settings(config, data_dir)
        points = read_track(file)
        token = customer if customer.startswith(CUSTOMER_PREFIX) else await _token(settings, customer)
        with Progress(console=Console(stderr=True)) as progress:
            return await replay(points, server=server or _server(settings), token=token, live=live, progress=progress)

    outcome = run(work)
    counted = ", ".join(f"{count} {status}" for status, count in sorted(outcome.statuses.items()))
    typer.echo(f"fixes: {counted}")
    typer.echo(f"moments: {len(outcome.moments)}")
    for moment in outcome.moments:
        place = (moment.get("place") or {}).get("name", "")
        typer.echo(f"  {moment['created_at']}  {moment['title']}  {place}")


def _server(settings: Settings) -> str:
    if settings.server.public_url:
        return settings.server.public_url.rstrip("/")
    if not settings.server.port:
        fail("the server's port is not fixed (server.port = 0): name the server with --server")
    return f"http://{settings.server.host}:{settings.server.port}"


async def _token(settings: Settings, name: str) -> str:
    """Make a token for a customer who is known by id or external id: whoever may run commands here may read the database."""
    async with pool_for(settings) as pool, pool.transaction() as db:
        found = await customers.by_external_id(db, external_id=name) or _uuid(name)
        if found is None or await customers.find(db, customer_id=found) is None:
            fail(f"there is no customer {name}")
        return await customers.give_token(db, customer_id=found)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
