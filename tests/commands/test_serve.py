"""`kairos serve` as an operator sees it: its first line, its signals, several processes, wrong settings."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil

from server.commands.serve import REPLACES
from tests.street.process import kairos, server_process


def _environment(dsn: str, data_dir: Path, **others: str) -> dict[str, str]:
    return {
        "KAIROS__MODE": "test",
        "KAIROS__DATABASE__URL": dsn,
        "KAIROS__DATA_DIR": str(data_dir),
        "KAIROS__SERVER__PORT": "0",
        **others,
    }


async def _until(holds: Callable[[], bool]) -> None:
    """Wait for something, a minute at most."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)


async def _status(url: str, path: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{url}{path}") as response:
        await response.read()
        return response.status


async def test_the_first_line_says_where_and_sigterm_ends_with_zero(db_dsn: str, tmp_path: Path) -> None:
    async with server_process(_environment(db_dsn, tmp_path)) as server:
        assert await _status(server.url, "/healthz") == 200
        assert await _status(server.url, "/readyz") == 200
        assert await server.stop() == 0


async def test_the_command_line_wins_over_the_settings(db_dsn: str, tmp_path: Path) -> None:
    async with server_process(_environment(db_dsn, tmp_path, KAIROS__SERVER__PORT="1"), "--port", "0") as server:
        assert await _status(server.url, "/healthz") == 200


async def test_a_dead_worker_is_replaced_and_all_of_them_end_with_their_parent(db_dsn: str, tmp_path: Path) -> None:
    environment, log = _environment(db_dsn, tmp_path, KAIROS__APPLE__LOOK_S="3600"), tmp_path / "log"
    async with server_process(environment, "--workers", "2", log=log) as server:
        workers = psutil.Process(server.pid).children()
        assert len(workers) == 2
        (tmp_path / "authority" / "certificate.pem").touch()
        server.send(signal.SIGHUP)  # all of them look at their certificates
        await _until(lambda: log.read_text().count("apple_certificates_read") == 2)
        os.kill(workers[0].pid, signal.SIGKILL)
        for _ in range(200):
            alive = {child.pid for child in psutil.Process(server.pid).children() if child.status() != "zombie"}
            if len(alive) == 2 and workers[0].pid not in alive:
                break
            await asyncio.sleep(0.05)
        assert len(alive) == 2
        (fresh,) = alive - {child.pid for child in workers}
        await _until(lambda: psutil.Process(fresh).environ().get(REPLACES) == "1")  # it has begun
        assert REPLACES not in workers[1].environ()
        for _ in range(20):
            assert await _status(server.url, "/healthz") == 200
        assert await server.stop() == 0
    assert not any(psutil.pid_exists(pid) for pid in alive)


async def test_a_wrong_setting_is_a_sentence_and_no_start(tmp_path: Path) -> None:
    mine = tmp_path / "kairos.toml"
    mine.write_text("[server]\nprot = 80\n")
    code, out, err = await kairos("serve", "--config", str(mine))
    assert code == 2
    assert out == ""
    assert str(mine) in err
    assert "server.prot" in err
    assert "Traceback" not in err


async def test_a_port_that_is_taken_is_a_sentence(db_dsn: str, tmp_path: Path) -> None:
    async with server_process(_environment(db_dsn, tmp_path)) as server:
        port = server.url.rpartition(":")[2]
        code, _, err = await kairos("serve", "--port", port, environment=_environment(db_dsn, tmp_path))
        assert code == 2
        assert "server.port" in err


async def test_a_database_that_is_away_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    code, out, err = await kairos("serve", environment=_environment("postgresql://x@127.0.0.1:1/none", tmp_path))
    assert code == 1
    assert out == ""
    assert "Traceback" not in err
