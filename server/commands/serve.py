"""`kairos serve`: one process that answers, or several that share an address, with one that watches over them.

SIGTERM: unready, no new connections, what is under way is answered, exit 0. A second SIGTERM ends at once.
SIGHUP: certificates are looked at again at once, in every process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from server.app import open_house
from server.commands.house import ConfigOption, DataDirOption, log_to_stderr, read_settings, run
from server.origins import NO_ORIGINS, Origins, origins_of
from server.settings import Settings
from server.web.listener import address_of, listen

_log = structlog.get_logger("kairos.serve")

_RESTART_S = 0.5
"""A process that died is replaced after this: at once would make a loop of one that cannot start."""

_READY_S = 60.0
"""How long the first process may take to be ready: PostgreSQL's first start and a whole chain's fences."""

_YOUNG = 20_000
"""So many new objects are looked through at once for cycles: a few groups' worth, not a part of each group's."""

WORKER = "KAIROS_WORKER_FD"
"""Names the pipe by which a worker tells that it is ready; whoever has it set is a worker."""

REPLACES = "KAIROS_WORKER_REPLACES"
"""Set for a worker in the place of one that was ready and died: a certificate that ended since keeps it from nothing else."""


def serve(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="How many processes.")] = None,
) -> None:
    """Answer requests until stopped; the first line on stdout says where."""
    log_to_stderr()
    worker = WORKER in os.environ

    async def work() -> None:
        settings = read_settings(config, data_dir, host=host, port=port, workers=workers)
        if settings.server.workers > 1 and not worker:
            await watch_over(settings, config=config)
        else:
            named = {"data_dir": data_dir, "server.host": host, "server.port": port, "server.workers": workers}
            origins = origins_of(config, command=[name for name, value in named.items() if value is not None])
            await serve_here(settings, shared=worker, origins=origins)

    run(work)


def collect_rarely() -> None:
    """Set how often this process looks for cycles: the requests of a moment together, not a part of each."""
    gc.set_threshold(_YOUNG, 20, 20)


async def serve_here(settings: Settings, *, shared: bool = False, origins: Origins = NO_ORIGINS) -> None:
    """Serve in this process until a signal comes."""
    stop = stop_signals()
    collect_rarely()
    taken = listen(settings.server, shared=shared)
    async with open_house(settings, taken=taken, replaces=REPLACES in os.environ, origins=origins) as house:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.look.set)
        _ready(f"listening on {house.url}")
        if house.metrics_port is not None:
            _log.info("metrics", port=house.metrics_port)
        await stop.wait()
        _log.info("stopping")


def _ready(line: str) -> None:
    if WORKER in os.environ:
        with contextlib.suppress(OSError):
            os.write(int(os.environ[WORKER]), b"1")
    else:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def stop_signals() -> asyncio.Event:
    """Give the event that SIGTERM or SIGINT sets; the second one ends this process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            os._exit(143)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return stop


async def watch_over(settings: Settings, *, config: Path | None) -> None:
    """Run the processes, replace one that died, hand on the signal that ends them."""
    stop, workers = stop_signals(), set[int]()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _hand_on, workers)
    with contextlib.closing(listen(settings.server, shared=True)) as taken:
        arguments = [
            "--host",
            settings.server.host,
            "--port",
            str(taken.getsockname()[1]),
            "--data-dir",
            str(settings.home),
        ]
        arguments += ["--config", str(config)] if config else []
        ready, told = os.pipe()
        opened = asyncio.Event()
        keeping = [
            _keep(arguments, told=told, stop=stop, opened=opened, workers=workers)
            for _ in range(settings.server.workers)
        ]
        tasks = [asyncio.create_task(each) for each in keeping]
        try:
            if await _first_ready(ready, tasks, stop):
                opened.set()
                _ready(f"listening on {address_of(taken)}")
            await stop.wait()
        finally:
            stop.set()
            await asyncio.gather(*tasks)
            os.close(ready)
            os.close(told)


async def _first_ready(pipe: int, tasks: list[asyncio.Task[None]], stop: asyncio.Event) -> bool:
    """Wait until all processes said that they are ready; False when told to stop before."""
    os.set_blocking(pipe, False)
    said, deadline = 0, asyncio.get_running_loop().time() + _READY_S
    while said < len(tasks) and not stop.is_set() and asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(BlockingIOError):
            said += len(os.read(pipe, 64))
        await asyncio.sleep(0.05)
    return not stop.is_set()


def _hand_on(workers: set[int]) -> None:
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)


async def _keep(
    arguments: list[str], *, told: int, stop: asyncio.Event, opened: asyncio.Event, workers: set[int]
) -> None:
    """Keep one process running until told to stop; then let it finish. Its id is among `workers` while it lives."""
    environment = {**os.environ, WORKER: str(told), "KAIROS__SERVER__WORKERS": "1", "KAIROS__SERVER__METRICS_PORT": "0"}
    while not stop.is_set():
        environment |= {REPLACES: "1"} if opened.is_set() else {}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            "serve",
            *arguments,
            pass_fds=(told,),
            env=environment,
            start_new_session=True,
        )
        workers.add(process.pid)
        ended, asked = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if ended.done():
            workers.discard(process.pid)
            _log.error("worker ended", pid=process.pid, code=process.returncode)
            if process.returncode == 2:  # a wrong setting: no process of these would start
                stop.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RESTART_S):
                    await stop.wait()
            continue
        process.terminate()
        await ended
