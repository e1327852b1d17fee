"""Every setting in force is told with its reason and its origin, and no secret is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from server.configuration import config_folder, load
from server.origins import HIDDEN, origins_of, tell

TEXT = (config_folder() / "default.toml").read_text("utf-8")


def test_every_line_of_the_file_is_told_with_what_it_says() -> None:
    told = tell(load(environment={}), {})
    lines = [line for line in TEXT.splitlines() if re.match(r"[a-z_]+ *=", line)]
    assert len(told) == len(lines)
    for each, line in zip(told, lines, strict=True):
        assert line.startswith(each.name.rpartition(".")[2])
        assert each.reason
        assert line.endswith(each.reason)
        assert each.origin == "default"
    by_name = {each.name: each for each in told}
    assert by_name["session.second_factor"].value == "optional"
    assert by_name["programme.formalities"].reason.startswith("… and German words in these")
    assert by_name["quiet_hours.from"].value == tomllib.loads(TEXT)["quiet_hours"]["from"]


def test_it_is_told_where_a_value_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[programme]\nname = "Kairos"\n[session]\nidle_s = 60\n[weather]\nfixed = { kind = "rain" }\n')
    environment = {"KAIROS__SESSION__IDLE_S": "70", "KAIROS__PRESSURE__CLASSES__SERVICE__PER_DAY": "5", "HOME": "/"}
    settings = load(file, environment)
    settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, port=1, host="::1"))
    origins = origins_of(file, environment=environment, command=["server.port"])
    told = {each.name: each for each in tell(settings, origins)}
    assert told["programme.name"].origin == "file"  # also where it says what the default says
    assert (told["session.idle_s"].origin, told["session.idle_s"].value) == ("environment", 70)
    assert told["pressure.classes"].origin == "environment"
    assert (told["weather.fixed"].origin, told["weather.fixed"].value) == ("file", {"kind": "rain"})
    assert (told["server.port"].origin, told["server.host"].origin) == ("command", "command")
    assert told["server.workers"].origin == "default"
    assert origins_of(None, environment={"KAIROS_CONFIG": str(file)})["programme.name"] == "file"


def test_no_secret_is_told_whatever_it_is_called() -> None:
    environment = {
        "KAIROS__DATABASE__URL": "postgresql://kairos:canary@db.example.com/kairos",
        "KAIROS__WEATHER__API_KEY": "canary",
        "KAIROS__GEOCODER__BASE_URL": "https://kim:canary@maps.example.com/",
    }
    told = tell(load(environment=environment), origins_of(None, environment=environment))
    assert "canary" not in repr(told)
    by_name = {each.name: each.value for each in told}
    assert by_name["database.url"] == by_name["weather.api_key"] == HIDDEN
    assert by_name["geocoder.base_url"] == "https://***@maps.example.com/"
