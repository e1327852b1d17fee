"""Versions below which a known hole is open: judged offline, by what is installed and by what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest

from tests.house.tree import ROOT

FLOORS = {"aiohttp": (3, 14, 3), "cryptography": (46, 0, 7), "jinja2": (3, 1, 6), "asyncpg": (0, 30, 0)}
FORBIDDEN = ("urllib3-future", "passlib", "bcrypt")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_what_is_installed_is_above_the_floor(name: str, floor: tuple[int, ...]) -> None:
    assert _parts(version(name)) >= floor


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_what_is_asked_for_is_above_the_floor(name: str, floor: tuple[int, ...]) -> None:
    asked = next(line for line in PROJECT["dependencies"] if re.match(rf"{name}\b", line))
    assert (*_parts(asked.partition(">=")[2].partition(",")[0]), 0, 0)[:3] >= floor


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_must_not_be_there_is_not(name: str) -> None:
    with pytest.raises(PackageNotFoundError):
        version(name)


def test_aiohttp_parses_requests_in_c() -> None:
    from aiohttp import http_parser

    assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy


LOCK = (ROOT / ".ci" / "requirements.lock").read_text("utf-8")


def test_the_lock_pins_every_dependency_with_hashes_and_names_no_address() -> None:
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", LOCK, re.MULTILINE))
    wanted = {re.match(r"[A-Za-z0-9_-]+", line)[0].lower().replace("_", "-") for line in PROJECT["dependencies"]}
    assert wanted <= set(pinned)
    assert not re.search(r"://|^-|^--[a-z]", LOCK, re.MULTILINE)
    for block in LOCK.split("==")[1:]:
        assert "--hash=sha256:" in block


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_what_is_locked_is_above_the_floor(name: str, floor: tuple[int, ...]) -> None:
    assert _parts(re.search(rf"^{name}==(\S+)", LOCK, re.MULTILINE)[1]) >= floor
