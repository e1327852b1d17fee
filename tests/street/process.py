"""Real server processes for tests that kill them: started by the command line, ended by process id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tests.street.forks import ROOT, Fork, fork

__all__ = ["ROOT", "ServerProcess", "kairos", "server_process"]

READY_S = 60.0


class ServerProcess:
    """One `kairos serve`; `environment` holds its settings (KAIROS__…), `log` the file that takes its stderr."""

    def __init__(self, environment: Mapping[str, str], *arguments: str, log: Path | None = None) -> None:
        self.log = log
        self.environment = {**os.environ, **environment}
        self.arguments = arguments
        self.url = ""
        self.process: Fork | None = None

    async def start(self) -> None:
        """Start it and wait for its first line."""
        with tempfile.TemporaryFile() as out:
            with self.log.open("ab") if self.log else contextlib.nullcontext() as log:
                err = log.fileno() if log else 2
                given = self.environment
                self.process = await fork("serve", *self.arguments, environment=given, out=out.fileno(), err=err)
            line = await asyncio.wait_for(_first_line(out.fileno(), self.process), READY_S)
        assert line.startswith("listening on http://"), f"the first line was {line!r}"
        self.url = line.removeprefix("listening on ").strip()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """kill -9, and wait for the end."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and give the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.send(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@contextlib.asynccontextmanager
async def server_process(
    environment: Mapping[str, str], *arguments: str, log: Path | None = None
) -> AsyncIterator[ServerProcess]:
    """Run a server while the block lasts."""
    server = ServerProcess(environment, *arguments, log=log)
    await server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.returncode is None:
            await server.stop()


async def kairos(
    *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = 120.0
) -> tuple[int, str, str]:
    """Run a command of the command line; gives its exit code, stdout and stderr."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given = {**os.environ, **(environment or {})}
        process = await fork(*arguments, environment=given, out=out.fileno(), err=err.fileno())
        try:
            code = await asyncio.wait_for(process.wait(), timeout_s)
        finally:
            process.kill()
        for written in (out, err):
            written.seek(0)
        return code, out.read().decode(), err.read().decode()


async def _first_line(file: int, process: Fork) -> str:
    """Wait until a process has written a line into a file, or has ended."""
    while True:
        ended = process.returncode is not None
        written = os.pread(file, 1000, 0)
        if ended or b"\n" in written:
            return written.partition(b"\n")[0].decode()
        await asyncio.sleep(0.01)
