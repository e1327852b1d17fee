"""Real server processes for tests that kill them: started by the command line, ended by process id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0


class ServerProcess:
    """One `kairos serve`; `environment` holds its settings (KAIROS__…), `log` the file that takes its stderr."""

    def __init__(self, environment: Mapping[str, str], *arguments: str, log: Path | None = None) -> None:
        self.log = log
        self.environment = {**os.environ, **environment}
        self.arguments = arguments
        self.url = ""
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait for its first line."""
        with self.log.open("ab") if self.log else contextlib.nullcontext() as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "server", "serve", *self.arguments,
                cwd=ROOT, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), READY_S)).decode()
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
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", *arguments,
        cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(), err.decode()
