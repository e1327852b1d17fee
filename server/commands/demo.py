"""`kairos demo`: Lindenquell, a made-up town with live offers and a week behind it, on an embedded PostgreSQL of its own.

`--check` plays the whole scene through HTTP and ends with 0 only if every step held.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from server.commands.house import DataDirOption, log_to_stderr, run
from server.commands.opening import show
from server.configuration import config_folder, load
from server.errors import Misconfigured
from server.settings import Settings


def demo(
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Play the whole scene through HTTP, and end.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="Settings instead of config/demo.toml.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show the whole product: a town, its offers, a week of history; addresses and log-ins are printed."""
    log_to_stderr(quiet=True)
    console = Console(highlight=False, soft_wrap=True, markup=False)

    async def work() -> bool:
        return await show(_settings(config, data_dir, port=0 if check and port is None else port), console, check=check)

    if not run(work):
        raise typer.Exit(1)


def _settings(config: Path | None, data_dir: Path | None, *, port: int | None) -> Settings:
    settings = load(config or config_folder() / "demo.toml")
    if settings.database.url:
        raise Misconfigured(
            "database.url: the demo makes its town anew each time, and does so in an embedded PostgreSQL only"
        )
    server = settings.server if port is None else msgspec.structs.replace(settings.server, port=port)
    home = data_dir.absolute() if data_dir else settings.home / "demo"
    return msgspec.structs.replace(settings, server=server, data_dir=str(home))
