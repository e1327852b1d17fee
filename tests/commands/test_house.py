"""What every command begins with: settings with the command line's words last, a database, one sentence when it fails."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import typer

from server.commands.house import database, fail, pool_for, read_settings, run
from server.errors import FieldError, Invalid, Misconfigured, Unavailable
from server.store import epoch
from tests.web.serving import settings_with


async def ended(work: Callable[[], Coroutine[Any, Any, Any]]) -> int:
    """Run it as a command does, in a thread with a loop of its own; give the exit code."""
    with pytest.raises(typer.Exit) as caught:
        await asyncio.to_thread(run, work)
    return caught.value.exit_code


def raising(error: BaseException) -> Callable[[], Coroutine[Any, Any, None]]:
    async def work() -> None:
        raise error

    return work


def test_the_command_line_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS__SERVER__PORT", "9100")
    monkeypatch.setenv("KAIROS__DATA_DIR", "/nowhere")
    file = tmp_path / "ours.toml"
    file.write_text('[server]\nworkers = 3\nhost = "::1"\n')
    settings = read_settings(file, tmp_path / "home", port=9200, host=None)
    assert (settings.server.port, settings.server.workers, settings.server.host) == (9200, 3, "::1")
    assert settings.home == tmp_path / "home"


def test_without_words_the_environment_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS__SERVER__PORT", "9100")
    monkeypatch.setenv("KAIROS__DATA_DIR", "/nowhere")
    settings = read_settings(None, None, port=None)
    assert (settings.server.port, settings.data_dir) == (9100, "/nowhere")


def test_a_relative_folder_is_taken_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(None, Path("data")).data_dir == str(tmp_path / "data")


async def test_the_database_that_is_set_is_used_and_migrated(db_dsn: str) -> None:
    settings = settings_with(database__url=db_dsn)
    async with database(settings) as dsn:
        assert dsn == db_dsn
    async with pool_for(settings) as pool, pool.transaction() as db:
        assert await epoch.bump(db) == 1


async def test_without_one_the_embedded_server_of_the_data_directory_is_started(data_dir: Path) -> None:
    settings = settings_with(data_dir=str(data_dir))
    async with pool_for(settings) as pool, pool.acquire() as db:
        assert await db.fetchval("SELECT epoch FROM ruleset_epoch") == 0
    assert list(data_dir.rglob("PG_VERSION"))


async def test_a_commands_answer_is_given_on() -> None:
    async def work() -> int:
        return 7

    assert await asyncio.to_thread(run, work) == 7


async def test_a_setting_that_is_wrong_ends_with_2_and_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert await ended(raising(Misconfigured("kairos.toml: server.port must be 0 to 65535"))) == 2
    assert capsys.readouterr() == ("", "kairos: kairos.toml: server.port must be 0 to 65535\n")


async def test_a_refusal_ends_with_1_and_names_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [FieldError("name", "is required"), FieldError("lat", "must be a number")]
    assert await ended(raising(Invalid("This is wrong.", errors=wrong))) == 1
    assert capsys.readouterr().err == "kairos: This is wrong.\n  name: is required\n  lat: must be a number\n"
    assert await ended(raising(Unavailable())) == 1
    assert capsys.readouterr().err == "kairos: The service cannot answer just now; try again.\n"


async def test_whoever_interrupts_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert await ended(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "kairos: interrupted\n"


async def test_what_nobody_expected_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(run, raising(ZeroDivisionError()))


def test_a_failure_says_why_on_stderr_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        fail("no", code=3)
    assert caught.value.exit_code == 3
    assert capsys.readouterr() == ("", "kairos: no\n")


@pytest.mark.parametrize(("quiet", "events"), [(False, ["begun", "a\nb\x1b[31m"]), (True, ["a\nb\x1b[31m"])])
async def test_the_log_is_json_lines_on_stderr_with_nothing_that_a_terminal_obeys(
    quiet: bool, events: list[str]
) -> None:
    program = (
        "import structlog, logging\n"
        "from server.commands.house import log_to_stderr\n"
        f"log_to_stderr(quiet={quiet})\n"
        "log = structlog.get_logger('kairos.test')\n"
        "log.info('begun', port=1)\n"
        "log.warning('a\\nb\\x1b[31m', who='x')\n"
        "logging.getLogger('aiohttp').info('chatter')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert b"\x1b" not in err
    lines = [json.loads(line) for line in err.decode().splitlines()]
    assert [line["event"] for line in lines] == events
    assert all(line["timestamp"].endswith("Z") for line in lines)
