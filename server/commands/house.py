"""What every command begins with: settings in force, the database, the log."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import structlog
import typer

from server.configuration import load
from server.errors import Misconfigured, Refusal
from server.settings import Settings
from server.store import embedded
from server.store.migrate import migrate
from server.store.pool import Pool, open_pool

T = TypeVar("T")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings of your own (TOML); else KAIROS_CONFIG.")]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="Where PostgreSQL, keys and certificates live.")]


def read_settings(config: Path | None, data_dir: Path | None, **server: object) -> Settings:
    """Read the settings, with the command line's own words last; `server` replaces keys of [server] that are not None."""
    settings = load(config)
    if data_dir is not None:
        settings = msgspec.structs.replace(settings, data_dir=str(data_dir.absolute()))
    chosen = {key: value for key, value in server.items() if value is not None}
    if chosen:
        settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, **chosen))
    return settings


def log_to_stderr(*, quiet: bool = False, silent: bool = False) -> None:
    """Write JSON lines to stderr: stdout belongs to the answers of commands. Control characters come out escaped.

    Quiet: warnings alone. Silent: errors alone, for a command that says itself what a warning would.
    """
    level = logging.ERROR if silent else logging.WARNING if quiet else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """Give the address of the database: the one that is set, else the embedded one, started or adopted; migrated."""
    if settings.database.url:
        await migrate(settings.database.url)
        yield settings.database.url
        return
    log, buffers_mb = structlog.get_logger("kairos.postgresql"), settings.database.embedded_buffers_mb
    async with await embedded.start(settings.home, log=log, buffers_mb=buffers_mb) as server:
        await migrate(server.dsn)
        yield server.dsn


@contextlib.asynccontextmanager
async def pool_for(settings: Settings, *, size: int = 2) -> AsyncIterator[Pool]:
    """Give a small pool on the database, for a command."""
    async with database(settings) as dsn, await open_pool(dsn, size=size, application_name="kairos command") as pool:
        yield pool


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's deed; what it refuses is said in one sentence on stderr, and ends with 1 (2 for a setting)."""
    import asyncio  # noqa: PLC0415  half of the commands' start time, not needed for --help

    try:
        return asyncio.run(work())
    except Misconfigured as error:
        fail(str(error), code=2)
    except Refusal as error:
        fail(error.detail + "".join(f"\n  {wrong.field}: {wrong.message}" for wrong in error.errors))
    except KeyboardInterrupt:
        fail("interrupted", code=130)


def fail(sentence: str, *, code: int = 1) -> NoReturn:
    """Say why, and end."""
    typer.echo(f"kairos: {sentence}", err=True)
    raise typer.Exit(code)
