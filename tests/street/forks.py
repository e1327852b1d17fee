"""Processes of the command line that begin where the imports end: forked from one that has loaded every command.

What runs is the program itself with its own arguments, environment, stdout, stderr, exit code and process id; what is saved is
a second of loading for each. `python -m server` itself is started by tests/test___main__.py and by the workers of
`kairos serve --workers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_COMMANDS = sorted(path.stem for path in (ROOT / "server" / "commands").glob("[a-z]*.py"))
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["server.__main__", *(f"server.commands.{name}" for name in _COMMANDS), __name__])


class _Handed:
    """A file descriptor on its way to another process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (reduction.DupFd(self.number),)


def _taken(given: Any) -> _Handed:
    return _Handed(given.detach())


def _be(arguments: Sequence[str], environment: Mapping[str, str], out: _Handed, err: _Handed) -> None:
    """Become a command."""
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for handed, number in ((out, 1), (err, 2)):
        os.dup2(handed.number, number)
        os.close(handed.number)
    sys.argv = ["kairos", *arguments]
    from server.__main__ import main

    main()


class Fork:
    """One command that runs; it looks like asyncio's own process."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = int(process.pid or 0)

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait for its end, and give the exit code."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        watched = os.dup(self._process.sentinel)  # several may wait
        loop.add_reader(watched, ended.set)
        try:
            while self._process.exitcode is None:
                await ended.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)
        return int(self._process.exitcode)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            if self.returncode is None:
                self._process.kill()


async def fork(*arguments: str, environment: Mapping[str, str], out: int, err: int) -> Fork:
    """Start a command; `out` and `err` are the descriptors it writes to, which stay the caller's to close."""
    process = _CONTEXT.Process(target=_be, args=(arguments, dict(environment), _Handed(out), _Handed(err)), daemon=True)
    await asyncio.to_thread(process.start)  # the first one waits until everything is loaded
    return Fork(process)
