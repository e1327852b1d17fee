"""The limits in force are listed by the names of their settings."""

from __future__ import annotations

import tomllib

from server.configuration import config_folder
from server.web.access import ACCESS
from server.web.doors import all_doors
from server.web.limits import limits_of
from tests.web.serving import NoPool, serving, settings_with


def test_every_limit_of_the_settings_is_listed_with_its_value() -> None:
    with (config_folder() / "default.toml").open("rb") as file:
        defaults = tomllib.load(file)
    listed = limits_of(settings_with())
    for name, value in defaults["limits"].items():
        assert listed[f"limits.{name}"] == value
    for name, value in listed.items():
        section, _, key = name.partition(".")
        assert defaults[section][key] == value


async def test_anybody_may_read_what_is_in_force() -> None:
    settings = settings_with(limits__pings_per_minute=77)
    async with serving(all_doors(("limits",)), settings, NoPool(), table=ACCESS) as served:
        answered = await served.call("GET", "/v1/limits")
        assert answered.status == 200
        assert answered.json["limits.pings_per_minute"] == 77
