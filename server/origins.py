"""Settings as people look at them: value, default, reason, and where the value comes from. Secrets are never among them.

Reasons are read from `config/default.toml`, where each stands on its setting's line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import msgspec

from server.configuration import OPEN_TABLES, config_folder
from server.settings import Settings
from server.settings_out import SECRETS

Origin = Literal["default", "file", "environment", "command"]
"""Where a value comes from; "command": the command that opened the house chose it, as `--port` does."""

Origins = Mapping[str, Origin]
"""By a setting's TOML path."""

NO_ORIGINS: Final[Origins] = MappingProxyType({})
"""Where nobody says where settings come from: what is no default was then chosen by the command."""

HIDDEN: Final = "***"

_LINE: Final = re.compile(r'^([a-z_]+) *= *(?:"[^"]*"|[^#"]*|\[.*\]) *# *(.*)$')
_USER: Final = re.compile(r"(?<=://)[^/@\s]*@")


class Told(NamedTuple):
    """One setting by its TOML path. A secret's values are HIDDEN, or "" where none is set."""

    name: str
    value: Any
    default: Any
    reason: str
    origin: Origin


def origins_of(
    file: Path | None, *, environment: Mapping[str, str] | None = None, command: Iterable[str] = ()
) -> dict[str, Origin]:
    """Tell which settings a file, the environment and a command name; to be called where they were just read."""
    environment = os.environ if environment is None else environment
    chosen = file or (Path(environment["KAIROS_CONFIG"]) if environment.get("KAIROS_CONFIG") else None)
    found: dict[str, Origin] = {}
    if chosen is not None:
        found |= dict.fromkeys((path for path, _ in _flat(tomllib.loads(chosen.read_text("utf-8")))), "file")
    named = (name.removeprefix("KAIROS__") for name in environment if name.startswith("KAIROS__"))
    found |= dict.fromkeys((_closed(name.lower().replace("__", ".")) for name in named), "environment")
    return found | dict.fromkeys(command, "command")


def tell(settings: Settings, origins: Origins) -> list[Told]:
    """List every setting in force, in the order of the file."""
    plain = msgspec.json.decode(msgspec.json.encode(settings))  # as a file would write it: lists, and no tuples
    values, reasons = dict(_flat(plain)), _reasons()
    return [_told(path, values[path], default, reasons[path], origins) for path, default in _defaults().items()]


def _told(path: str, value: Any, default: Any, reason: str, origins: Origins) -> Told:
    origin = origins.get(path) or ("default" if value == default else "command")
    if path.rpartition(".")[2] in SECRETS:
        return Told(path, HIDDEN if value else "", HIDDEN if default else "", reason, origin)
    return Told(path, _without_user(value), default, reason, origin)


def _without_user(value: Any) -> Any:
    """Take name and password out of an address."""
    return _USER.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value


def _closed(path: str) -> str:
    """Give the setting that a path lies in: tables whose keys are the operator's own are one setting."""
    return next((table for table in OPEN_TABLES if path == table or path.startswith(f"{table}.")), path)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and path not in OPEN_TABLES:
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


@cache
def _text() -> str:
    return (config_folder() / "default.toml").read_text("utf-8")


@cache
def _defaults() -> Mapping[str, Any]:
    return dict(_flat(tomllib.loads(_text())))


@cache
def _reasons() -> Mapping[str, str]:
    found, prefix = {}, ""
    for line in _text().splitlines():
        if table := re.fullmatch(r"\[([a-z_.]+)\]", line.strip()):
            prefix = f"{table[1]}."
        elif match := _LINE.match(line):
            found[f"{prefix}{match[1]}"] = match[2].strip()
    return found
