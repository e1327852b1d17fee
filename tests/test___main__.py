"""The command line has the commands of the contract, and each says what it does."""

from __future__ import annotations

import asyncio
import sys

import pytest
from typer.testing import CliRunner

from server.__main__ import COMMANDS as TABLE
from server.__main__ import app
from tests.street.process import kairos

COMMANDS = {
    *(
        "serve",
        "demo",
        "migrate",
        "keys",
        "passes",
        "secrets",
        "outbox",
        "users",
        "import",
        "export",
        "replay",
        "doctor",
    ),
}


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(TABLE) == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert "Usage" in told.stdout


@pytest.mark.parametrize("name", ["create", "list", "rotate", "revoke"])
def test_keys_has_its_four_commands(name: str) -> None:
    assert CliRunner().invoke(app, ["keys", name, "--help"]).exit_code == 0


@pytest.mark.parametrize("name", ["list", "rotate", "reseal"])
def test_secrets_has_its_three_commands(name: str) -> None:
    assert CliRunner().invoke(app, ["secrets", name, "--help"]).exit_code == 0


async def test_an_unknown_command_is_told_with_an_exit_code() -> None:
    code, out, err = await kairos("fly")
    assert code == 2
    assert out == ""
    assert "fly" in err
    assert "Traceback" not in err


async def test_the_module_runs_as_the_command_does() -> None:
    code, out, _ = await kairos("--help")
    assert code == 0
    assert all(command in out for command in COMMANDS), sys.version


async def test_making_a_key_does_not_load_the_whole_house() -> None:
    seen = "import sys, server.commands.keys; print('server.app' in sys.modules, 'aiohttp' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", seen, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().split() == ["False", "False"]
