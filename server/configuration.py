"""Reading the settings: defaults, then a file, then the environment (`KAIROS__SECTION__KEY`).

An unknown or impossible setting ends the start with a sentence that names file and key.
"""

from __future__ import annotations

import copy
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec

from server.errors import Misconfigured
from server.model.offer import LOCALE
from server.settings import Apple, Settings
from server.settings_out import ApnsSettings, GoogleWalletSettings, WebPushSettings


def config_folder() -> Path:
    """Where default.toml lies: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).resolve().parent
    inside = here / "config"
    return inside if inside.is_dir() else here.parent / "config"


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the defaults, the file and the environment, in this order, and check them; raises Misconfigured."""
    environment = os.environ if environment is None else environment
    default = config_folder() / "default.toml"
    merged = copy.deepcopy(_defaults(default))
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


@cache
def _defaults(path: Path) -> dict[str, Any]:
    """The file that comes with the program, which does not change while it runs; nobody may change what is given."""
    return _read(path)


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


_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "clock_shift_s": (-3.2e9, 3.2e9),
    "app.lat": (-90, 90),
    "app.lon": (-180, 180),
    "server.port": (0, 65_535),
    "server.metrics_port": (-1, 65_535),
    "server.workers": (1, 64),
    "database.statement_cache_size": (0, 10_000),
    "database.embedded_buffers_mb": (0, 2**20),
    "privacy.position_decimals": (0, 2),
    "privacy.min_group": (2, 64),
    "receipts.plain_share": (0, 1),
    "publish.audience_days": (1, 60),
    "programme.birthday_hour": (0, 23),
    "limits.signature_window_s": (1, 86_400),
    "outbox.lease_s": (1, 3600),  # the clocks that compare with it are some milliseconds apart
    "replay.memory_mb": (512, 2**20),  # with less its process may not even start
    "replay.answer_s": (0, 4),  # within what the door itself may take
}
"""What a number may be from and to; all others are above 0."""

_MAY_BE_ZERO: Final = re.compile(r"pressure\..*|reversal\.window_s|publish\.approval_above")


def _numbers(section: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Give every number with its path."""
    for name, written in zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True):
        value, path = getattr(section, name), f"{prefix}{written}"
        within = value.items() if isinstance(value, dict) else [("", value)]
        for key, each in within:
            here = f"{path}.{key}" if key else path
            if isinstance(each, msgspec.Struct):
                yield from _numbers(each, f"{here}.")
            elif isinstance(each, int | float) and not isinstance(each, bool) and not key:
                yield here, each


@cache
def _zones() -> frozenset[str]:
    """List the names of time zones: the system's folder is read through once."""
    return frozenset(available_timezones())


def _check(settings: Settings, source: str) -> None:
    def demand(holds: bool, key: str, sentence: str) -> None:
        if not holds:
            raise Misconfigured(f"{source}: {key} {sentence}")

    demand(0 <= settings.programme.holdout < 1, "programme.holdout", "must be from 0 to below 1")
    for path, value in _numbers(settings):
        if path in _BOUNDS:
            low, high = _BOUNDS[path]
            demand(low <= value <= high, path, f"must be {low:.0f} to {high:.0f}")
        elif _MAY_BE_ZERO.fullmatch(path):
            demand(0 <= value < inf, path, "must be 0 or more")
        elif path != "programme.holdout":
            demand(0 < value < inf, path, "must be above 0")
    wrong = [each for each in settings.programme.locales if LOCALE.fullmatch(each) is None]
    demand(not wrong, "programme.locales", f"has no locale such as de-DE in {', '.join(wrong)}")
    zones = _zones()
    demand(settings.mode == "test" or not settings.clock_shift_s, "clock_shift_s", 'needs mode = "test"')
    demand(settings.programme.time_zone in zones, "programme.time_zone", "is not a time zone's name")
    demand(settings.quiet_zone in zones, "quiet_hours.time_zone", "is not a time zone's name")
    for key, text in (("from", settings.quiet_hours.from_), ("to", settings.quiet_hours.to)):
        demand(
            bool(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text)), f"quiet_hours.{key}", 'must look like "21:00"'
        )
    _check_apple(settings.apple, demand)
    _check_google(settings.google_wallet, demand)
    url = settings.server.public_url
    wanted = 'must begin with "https://" in production'
    demand(not url or settings.mode == "test" or url.startswith("https://"), "server.public_url", wanted)
    _check_apns(settings.apns, demand)
    _check_web_push(settings.web_push, demand)
    tiles = re.fullmatch(r"https?://[^/?#@\s;,'\"{}]+/\S*", settings.map.tiles_url)
    wanted = 'must look like "https://tiles.example.com/{z}/{x}/{y}.png"'
    demand(tiles is not None or not settings.map.tiles_url, "map.tiles_url", wanted)


def _check_apple(apple: Apple, demand: Callable[[bool, str, str], None]) -> None:
    parts = (apple.pass_type_id, apple.team_id, apple.certificate_file, apple.key_file, apple.wwdr_file)
    sentence = "needs pass_type_id, team_id, certificate_file, key_file and wwdr_file together"
    demand(all(parts) or not any(parts), "apple", sentence)
    follows = (apple.next_certificate_file, apple.next_key_file)
    sentence = "and apple.next_key_file belong together, beside the other settings of apple"
    demand(
        (all(follows) and bool(apple.pass_type_id)) or not any((*follows, apple.next_wwdr_file)),
        "apple.next_certificate_file",
        sentence,
    )


def _check_apns(apns: ApnsSettings, demand: Callable[[bool, str, str], None]) -> None:
    base = re.fullmatch(r"https://[^/?#@\s]+/?", apns.base_url)
    demand(base is not None or not apns.base_url, "apns.base_url", 'must look like "https://host:port"')
    given = (apns.topic, apns.key_file, apns.key_id, apns.team_id, apns.certificate_file)
    by_token = all(given[:4]) and not apns.certificate_file
    by_certificate = all((apns.topic, apns.key_file, apns.certificate_file)) and not apns.key_id
    sentence = "needs topic and key_file, and beside them key_id and team_id, or certificate_file"
    demand(not any(given) or by_token or by_certificate, "apns", sentence)


def _check_web_push(web_push: WebPushSettings, demand: Callable[[bool, str, str], None]) -> None:
    subject = re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://[^\s@]+)", web_push.subject)
    wanted = 'must look like "mailto:push@brand.example" or "https://brand.example"'
    demand(subject is not None or not web_push.subject, "web_push.subject", wanted)


def _check_google(google: GoogleWalletSettings, demand: Callable[[bool, str, str], None]) -> None:
    sentence = "needs issuer_id and service_account_file together"
    demand(bool(google.issuer_id) == bool(google.service_account_file), "google_wallet", sentence)
    number = re.fullmatch(r"[0-9]{1,20}", google.issuer_id)
    demand(number is not None or not google.issuer_id, "google_wallet.issuer_id", "is the number of an issuer account")
    picture = not google.logo_url or google.logo_url.startswith("https://")
    demand(picture, "google_wallet.logo_url", 'must begin with "https://": Google fetches it')
