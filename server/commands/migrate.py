"""`kairos migrate`: bring the database to the head of this version's files."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import structlog
import typer

from server.commands.house import ConfigOption, DataDirOption, log_to_stderr, read_settings, run
from server.store import embedded
from server.store.migrate import migrate as bring_up


class Phase(StrEnum):
    """What to apply."""

    ALL = "all"
    PRE = "pre"
    POST = "post"


def migrate(
    phase: Annotated[
        Phase, typer.Option(help="pre before the new processes start, post after the old ones ended.")
    ] = Phase.ALL,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Apply the migrations that are missing and name them; several at the same time do no harm."""

    async def work() -> list[str]:
        settings = read_settings(config, data_dir)
        if settings.database.url:
            return await bring_up(settings.database.url, phase=phase.value)
        log, buffers_mb = structlog.get_logger("kairos.postgresql"), settings.database.embedded_buffers_mb
        async with await embedded.start(settings.home, log=log, buffers_mb=buffers_mb) as server:
            return await bring_up(server.dsn, phase=phase.value)

    log_to_stderr(quiet=True)
    applied = run(work)
    for name in applied:
        typer.echo(name)
    typer.echo(f"{len(applied)} applied" if applied else "nothing to do", err=True)
