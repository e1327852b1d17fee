"""Reading the settings: defaults, then a file, then the environment (`KAIROS__SECTION__KEY`).

An unknown or impossible setting ends the start with a sentence that names file and key.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import msgspec

from server.errors import Misconfigured
from server.settings import Settings


def config_folder() -> Path:
    """Where default.toml lies: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).resolve().parent
    inside = here / "config"
    return inside if inside.is_dir() else here.parent / "config"


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the defaults, the file and the environment, in this order, and check them; raises Misconfigured."""
    environment = os.environ if environment is None else environment
    default = config_folder() / "default.toml"
    merged = _read(default)
    chosen = file or (Path(environment["KAIROS_CONFIG"]) if environment.get("KAIROS_CONFIG") else None)
    source = str(default)
    if chosen is not None:
        source = str(chosen)
        _merge(merged, _read(chosen), source)
    for name, text in sorted(environment.items()):
        if name.startswith("KAIROS__"):
            _set(merged, name, text)
            source = f"{source} and the environment" if "environment" not in source else source
    try:
        settings = msgspec.convert(merged, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{source}: {_dotted(str(error))}") from None
    _check(settings, source)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: is not TOML ({error})") from None


OPEN_TABLES = frozenset({"weather.fixed", "pressure.classes"})
"""Tables whose keys are the operator's own."""


def _merge(into: dict[str, Any], other: Mapping[str, Any], source: str, prefix: str = "") -> None:
    for key, value in other.items():
        path = f"{prefix}{key}"
        free = prefix.rstrip(".") in OPEN_TABLES
        if key not in into and not free:
            raise Misconfigured(f"{source}: {path} is not a setting")
        if isinstance(into.get(key), dict):
            if not isinstance(value, dict):
                raise Misconfigured(f"{source}: {path} must be a table")
            _merge(into[key], value, source, f"{path}.") if path not in OPEN_TABLES else into[key].update(value)
        else:
            into[key] = value


def _set(into: dict[str, Any], name: str, text: str) -> None:
    """Set one value from the environment: read as TOML where the default is no text."""
    path = [part.lower() for part in name.removeprefix("KAIROS__").split("__")]
    table: Any = into
    for depth, part in enumerate(path[:-1]):
        free = ".".join(path[:depth]) in OPEN_TABLES
        if not isinstance(table, dict) or (part not in table and not free):
            raise Misconfigured(f"environment: {name} is not a setting")
        table = table.setdefault(part, {})
    key, parent = path[-1], ".".join(path[:-1])
    free = any(parent == open_table or parent.startswith(f"{open_table}.") for open_table in OPEN_TABLES)
    if not isinstance(table, dict) or (key not in table and not free):
        raise Misconfigured(f"environment: {name} is not a setting")
    table[key] = text if isinstance(table.get(key), str) else _value(name, text)


def _value(name: str, text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if re.fullmatch(r"[\w .:/@+-]*", text):  # a bare word is meant as text
            return text
        raise Misconfigured(f"environment: {name} holds {len(text)} characters that are not a TOML value") from None


def _dotted(message: str) -> str:
    """Turn msgspec's "… - at `$.server.port`" into "server.port: …"."""
    found = re.search(r"^(.*) - at `\$\.?(.*)`$", message)
    return f"{found[2]}: {found[1]}" if found else message


def _check(settings: Settings, source: str) -> None:
    def demand(holds: bool, key: str, sentence: str) -> None:
        if not holds:
            raise Misconfigured(f"{source}: {key} {sentence}")

    zones = available_timezones()
    demand(0 <= settings.server.port <= 65535, "server.port", "must be 0 to 65535")
    demand(settings.mode == "test" or not settings.clock_shift_s, "clock_shift_s", 'needs mode = "test"')
    demand(1 <= settings.server.workers <= 64, "server.workers", "must be 1 to 64")
    demand(settings.programme.time_zone in zones, "programme.time_zone", "is not a time zone's name")
    demand(settings.quiet_zone in zones, "quiet_hours.time_zone", "is not a time zone's name")
    for key, text in (("from", settings.quiet_hours.from_), ("to", settings.quiet_hours.to)):
        demand(bool(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text)), f"quiet_hours.{key}", 'must look like "21:00"')
    demand(0 <= settings.programme.holdout < 1, "programme.holdout", "must be from 0 to below 1")
    demand(0 <= settings.privacy.position_decimals <= 2, "privacy.position_decimals", "must be 0, 1 or 2")
    demand(2 <= settings.privacy.min_group <= 64, "privacy.min_group", "must be 2 to 64")
    demand(settings.pressure.per_day >= 0, "pressure.per_day", "must be 0 or more")
    demand(settings.pressure.per_week >= 0, "pressure.per_week", "must be 0 or more")
    for field in settings.limits.__struct_fields__:
        demand(getattr(settings.limits, field) > 0, f"limits.{field}", "must be above 0")
    for field in ("pool_size", "till_pool_size", "acquire_timeout_s", "command_timeout_s", "lock_timeout_s"):
        demand(getattr(settings.database, field) > 0, f"database.{field}", "must be above 0")
    for field in settings.jobs.__struct_fields__:
        demand(getattr(settings.jobs, field) > 0, f"jobs.{field}", "must be above 0")
    apple = settings.apple
    named = [
        bool(value)
        for value in (apple.pass_type_id, apple.team_id, apple.certificate_file, apple.key_file, apple.wwdr_file)
    ]
    demand(
        all(named) or not any(named),
        "apple",
        "needs pass_type_id, team_id, certificate_file, key_file and wwdr_file together",
    )
    if settings.server.public_url and settings.mode == "production":
        demand(
            settings.server.public_url.startswith("https://"),
            "server.public_url",
            'must begin with "https://" in production',
        )
