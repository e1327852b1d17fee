"""Settings: defaults, then a file, then the environment; what is impossible ends the start with file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.configuration import config_folder, load
from server.errors import Misconfigured
from server.settings import Settings

DEFAULT = config_folder() / "default.toml"


def written(folder: Path, text: str) -> Path:
    file = folder / "ours.toml"
    file.write_text(text)
    return file


def complaint(file: Path | None = None, **environment: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        load(file, environment)
    return str(caught.value)


def at(settings: Any, path: str) -> Any:
    for part in path.split("."):
        settings = (
            settings[part] if isinstance(settings, dict) else getattr(settings, {"from": "from_"}.get(part, part))
        )
    return settings


def test_without_a_word_the_defaults_are_in_force() -> None:
    settings = load(environment={})
    assert settings == msgspec.convert(tomllib.loads(DEFAULT.read_text()), Settings)
    assert (settings.server.host, settings.server.port, settings.mode) == ("127.0.0.1", 8080, "production")


def test_a_file_overrides_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = written(tmp_path, '[server]\nport = 9000\n[quiet_hours]\nfrom = "22:30"\n')
    settings, default = load(file, {}), load(environment={})
    assert (settings.server.port, settings.quiet_hours.from_) == (9000, "22:30")
    assert msgspec.structs.replace(settings.server, port=8080) == default.server
    assert (settings.quiet_hours.to, settings.limits) == (default.quiet_hours.to, default.limits)


def test_the_environment_names_the_file_and_has_the_last_word(tmp_path: Path) -> None:
    file = written(tmp_path, '[server]\nport = 9000\nhost = "::1"\n')
    settings = load(environment={"KAIROS_CONFIG": str(file), "KAIROS__SERVER__PORT": "9100", "PATH": "/bin"})
    assert (settings.server.port, settings.server.host) == (9100, "::1")


def test_a_file_that_is_handed_in_is_read_instead_of_the_environments(tmp_path: Path) -> None:
    file = written(tmp_path, "[server]\nport = 9000\n")
    assert load(file, {"KAIROS_CONFIG": str(tmp_path / "gone.toml")}).server.port == 9000


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("KAIROS__MODE", "test", "mode", "test"),
        ("KAIROS__SERVER__WORKERS", "4", "server.workers", 4),
        ("KAIROS__SERVER__BODY_DEADLINE_S", "2.5", "server.body_deadline_s", 2.5),
        ("KAIROS__SERVER__SHUTDOWN_S", "3", "server.shutdown_s", 3),
        ("KAIROS__SERVER__HOSTS", '["a.example", "b.example"]', "server.hosts", ("a.example", "b.example")),
        ("KAIROS__DATABASE__ALLOW_UNSAFE", "true", "database.allow_unsafe", True),
        ("KAIROS__PROGRAMME__NAME", "42", "programme.name", "42"),
        ("KAIROS__PROGRAMME__NAME", 'Café "Ü" = [', "programme.name", 'Café "Ü" = ['),
        ("KAIROS__APPLE__ORGANIZATION", "", "apple.organization", ""),
        ("KAIROS__QUIET_HOURS__FROM", "22:00", "quiet_hours.from", "22:00"),
        ("KAIROS__PRESSURE__CLASSES__SERVICE__PER_DAY", "5", "pressure.classes.service.per_day", 5),
        ("KAIROS__WEATHER__FIXED__KIND", "drizzle", "weather.fixed.kind", "drizzle"),
        ("KAIROS__WEATHER__FIXED__TEMPERATURE_C", "-6.5", "weather.fixed.temperature_c", -6.5),
        ("KAIROS__WEATHER__FIXED", '{kind = "rain"}', "weather.fixed", {"kind": "rain"}),
    ],
)
def test_each_kind_of_value_comes_from_the_environment(name: str, text: str, path: str, value: Any) -> None:
    assert at(load(environment={name: text}), path) == value


def test_classes_and_observations_of_ones_own_come_from_a_file(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[pressure.classes.service]\nper_day = 5\n[weather.fixed]\nkind = "drizzle"\ntemperature_c = 6.0\n',
    )
    settings = load(file, {})
    assert settings.pressure.classes["service"].per_day == 5
    assert settings.weather.fixed == {"kind": "drizzle", "temperature_c": 6.0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[server]\nprot = 1\n", "server.prot is not a setting"),
        ("colour = 1\n", "colour is not a setting"),
        ("[limits.more]\nx = 1\n", "limits.more is not a setting"),
        ("server = 1\n", "server must be a table"),
        ("[server]\nport = 'x'\n", "server.port: Expected `int`, got `str`"),
        ("[server]\nport = 80.5\n", "server.port: Expected `int`, got `float`"),
        ("[server]\nhosts = 'a'\n", "server.hosts: Expected `array`, got `str`"),
        ("[database]\nallow_unsafe = 1\n", "database.allow_unsafe: Expected `bool`, got `int`"),
        ("[weather]\nprovider = 'tea leaves'\n", "weather.provider: Invalid enum value 'tea leaves'"),
        ("[programme]\nformality = 'ihr'\n", "programme.formality: Invalid enum value 'ihr'"),
        ("mode = 'debug'\n", "mode: Invalid enum value 'debug'"),
        ("[pressure.classes.service]\nper_week = 5\n", "pressure.classes"),
        ("[server\n", "is not TOML"),
        ("[server]\nport = 1\nport = 2\n", "is not TOML"),
        ("[server]\nport = 70000\n", "server.port must be 0 to 65535"),
    ],
)
def test_a_wrong_file_is_told_by_its_name_and_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    file = written(tmp_path, text)
    told = complaint(file)
    assert told.startswith(f"{file}: ")
    assert sentence in told


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone.toml"
    assert complaint(gone) == f"{gone}: cannot be read (No such file or directory)"
    assert complaint(None, KAIROS_CONFIG=str(gone)) == f"{gone}: cannot be read (No such file or directory)"
    file = tmp_path / "latin.toml"
    file.write_bytes(b'mode = "\xe9"')
    assert complaint(file).startswith(f"{file}: is not TOML")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("KAIROS__SERVER__PROT", "1", "environment: KAIROS__SERVER__PROT is not a setting"),
        ("KAIROS__COLOUR", "1", "environment: KAIROS__COLOUR is not a setting"),
        ("KAIROS__SERVER__PORT__X", "1", "environment: KAIROS__SERVER__PORT__X is not a setting"),
        ("KAIROS__", "1", "environment: KAIROS__ is not a setting"),
        ("KAIROS__SERVER", "1", "server"),
        ("KAIROS__SERVER__PORT", "eighty", "server.port: Expected `int`, got `str`"),
        ("KAIROS__SERVER__PORT", "", "server.port: Expected `int`, got `str`"),
        ("KAIROS__SERVER__HOSTS", "[", "KAIROS__SERVER__HOSTS holds 1 characters that are not a TOML value"),
        ("KAIROS__SERVER__PORT", "-1", "and the environment: server.port must be 0 to 65535"),
    ],
)
def test_a_wrong_word_of_the_environment_is_told_by_its_name(name: str, text: str, sentence: str) -> None:
    assert sentence in complaint(None, **{name: text})


def test_a_secret_that_is_no_value_is_not_repeated() -> None:
    assert "hunter2" not in complaint(None, KAIROS__SERVER__PORT='{"hunter2')


IMPOSSIBLE: list[tuple[str, Any]] = [
    ("server.port", -1),
    ("server.port", 65_536),
    ("server.metrics_port", -2),
    ("server.metrics_port", 65_536),
    ("server.workers", 0),
    ("server.workers", 65),
    ("programme.holdout", -0.01),
    ("programme.holdout", 1.0),
    ("privacy.position_decimals", -1),
    ("privacy.position_decimals", 3),
    ("privacy.min_group", 1),
    ("privacy.min_group", 65),
    ("privacy.ping_days", 0),
    ("replay.memory_mb", 511),
    ("replay.answer_s", -0.1),
    ("replay.answer_s", 4.5),
    ("replay.queue", 0),
    ("programme.locales", ["de-DE", "German"]),
    ("pressure.per_day", -1),
    ("pressure.per_week", -1),
    ("reversal.window_s", -1),
    ("session.idle_s", 0),
    ("session.absolute_s", -5),
    ("weather.refresh_s", 0.0),
    ("weather.max_age_s", 0),
    ("database.statement_cache_size", -1),
    ("database.embedded_buffers_mb", -1),
    ("clock_shift_s", 1e12),
    ("programme.time_zone", "Europe/Nowhere"),
    ("quiet_hours.time_zone", "+01:00"),
    ("quiet_hours.from", "24:00"),
    ("quiet_hours.from", "9:00"),
    ("quiet_hours.from", "0٨:00"),
    ("quiet_hours.to", "08:60"),
    ("quiet_hours.to", "08:00 "),
    *((f"limits.{name}", 0) for name in msgspec.structs.asdict(load(environment={}).limits)),
    *((f"limits.{name}", -1) for name in msgspec.structs.asdict(load(environment={}).limits)),
    *((f"jobs.{name}", 0.0) for name in msgspec.structs.asdict(load(environment={}).jobs)),
    *(
        (f"database.{name}", 0)
        for name in (
            "pool_size", "till_pool_size", "outbox_pool_size", "acquire_timeout_s", "command_timeout_s", "statement_timeout_s",
            "lock_timeout_s", "idle_in_transaction_s",
        )
    ),
    *((f"server.{name}_s", wrong) for name in ("body_deadline", "handler_deadline", "keepalive") for wrong in (0, -1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), IMPOSSIBLE)
def test_an_impossible_value_ends_the_start_with_file_and_key(tmp_path: Path, path: str, value: Any) -> None:
    section, _, key = path.rpartition(".")
    text = f"{key} = {value!r}\n"
    file = written(tmp_path, (f"[{section}]\n{text}" if section else f'mode = "test"\n{text}'))
    assert complaint(file).startswith(f"{file}: {path} ")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("path", ["server.body_deadline_s", "programme.holdout", "clock_shift_s", "jobs.rollup_s"])
def test_what_is_no_finite_number_is_impossible(tmp_path: Path, path: str, number: str) -> None:
    section, _, key = path.rpartition(".")
    head = f"[{section}]" if section else 'mode = "test"'
    file = written(tmp_path, f"{head}\n{key} = {number}\n")
    assert complaint(file).startswith(f"{file}: {path} ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("server.port", 0),
        ("server.port", 65_535),
        ("server.metrics_port", -1),
        ("server.workers", 64),
        ("programme.holdout", 0.999),
        ("privacy.position_decimals", 0),
        ("privacy.min_group", 64),
        ("replay.answer_s", 0),
        ("pressure.per_day", 0),
        ("pressure.per_week", 0),
        ("reversal.window_s", 0),
        ("database.statement_cache_size", 0),
        ("limits.page_items", 1),
        ("quiet_hours.from", "00:00"),
        ("quiet_hours.to", "23:59"),
        ("quiet_hours.time_zone", "Asia/Kolkata"),
    ],
)
def test_the_last_possible_value_is_taken(tmp_path: Path, path: str, value: Any) -> None:
    section, _, key = path.rpartition(".")
    assert at(load(written(tmp_path, f"[{section}]\n{key} = {value!r}\n"), {}), path) == value


def test_the_clock_is_moved_in_test_mode_alone() -> None:
    assert "clock_shift_s needs" in complaint(None, KAIROS__CLOCK_SHIFT_S="60.0")
    assert load(environment={"KAIROS__CLOCK_SHIFT_S": "-60.0", "KAIROS__MODE": "test"}).clock_shift_s == -60.0


def test_a_cap_of_a_class_is_not_negative() -> None:
    assert "pressure.classes.news.per_day must be 0 or more" in complaint(
        None, KAIROS__PRESSURE__CLASSES__NEWS__PER_DAY="-1"
    )


def test_apples_settings_come_all_together_or_not_at_all() -> None:
    parts = ("PASS_TYPE_ID", "TEAM_ID", "CERTIFICATE_FILE", "KEY_FILE", "WWDR_FILE")
    whole = {f"KAIROS__APPLE__{part}": "x" for part in parts}
    assert load(environment=whole).apple.team_id == "x"
    for part in whole:
        told = complaint(None, **{name: text for name, text in whole.items() if name != part})
        assert "apple needs pass_type_id, team_id" in told


def test_the_following_certificate_has_a_key_and_follows_one() -> None:
    parts = ("PASS_TYPE_ID", "TEAM_ID", "CERTIFICATE_FILE", "KEY_FILE", "WWDR_FILE")
    present = {f"KAIROS__APPLE__{part}": "x" for part in parts}
    follows = {"KAIROS__APPLE__NEXT_CERTIFICATE_FILE": "y", "KAIROS__APPLE__NEXT_KEY_FILE": "y"}
    assert load(environment=present | follows).apple.next_key_file == "y"
    for wrong in (follows, *(present | {name: "y"} for name in (*follows, "KAIROS__APPLE__NEXT_WWDR_FILE"))):
        assert "apple.next_certificate_file and apple.next_key_file belong together" in complaint(None, **wrong)


BY_TOKEN = {"TOPIC": "app", "KEY_FILE": "k.p8", "KEY_ID": "K", "TEAM_ID": "T"}
BY_CERTIFICATE = {"TOPIC": "app", "KEY_FILE": "k.pem", "CERTIFICATE_FILE": "c.pem"}


@pytest.mark.parametrize("whole", [BY_TOKEN, BY_CERTIFICATE])
def test_apns_is_set_whole_or_not_at_all(whole: dict[str, str]) -> None:
    environment = {f"KAIROS__APNS__{part}": text for part, text in whole.items()}
    assert load(environment=environment).apns.topic == "app"
    for part in environment:
        told = complaint(None, **{name: text for name, text in environment.items() if name != part})
        assert "apns needs topic and key_file" in told


def test_apns_takes_a_key_or_a_certificate_and_not_both() -> None:
    both = {f"KAIROS__APNS__{part}": text for part, text in (BY_TOKEN | BY_CERTIFICATE).items()}
    assert "apns needs topic and key_file" in complaint(None, **both)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "https://", "https://a/b", "https://u:p@a", "api.push.apple.com"]
)
def test_apns_is_reached_by_https_at_the_root_of_a_host(url: str) -> None:
    assert "apns.base_url must look like" in complaint(None, KAIROS__APNS__BASE_URL=url)


@pytest.mark.parametrize("url", ["https://127.0.0.1:8443", "https://api.sandbox.push.apple.com/", "https://[::1]:1"])
def test_a_stand_in_for_apns_is_named_by_its_address_alone(url: str) -> None:
    assert load(environment={"KAIROS__APNS__BASE_URL": url}).apns.base_url == url


def test_the_public_address_is_https_in_production() -> None:
    plain = {"KAIROS__SERVER__PUBLIC_URL": "http://kairos.example"}
    assert 'server.public_url must begin with "https://"' in complaint(None, **plain)
    assert load(environment=plain | {"KAIROS__MODE": "test"}).server.public_url == "http://kairos.example"
    assert load(environment={"KAIROS__SERVER__PUBLIC_URL": "https://kairos.example"})


def test_the_home_is_the_data_directory_made_absolute() -> None:
    assert load(environment={"KAIROS__DATA_DIR": "~/k"}).home == Path.home() / "k"
    assert load(environment={"KAIROS__DATA_DIR": "k"}).home == Path.cwd() / "k"
    assert load(environment={}).home.is_absolute()


def test_quiet_hours_fall_back_on_the_programmes_zone() -> None:
    assert load(environment={"KAIROS__PROGRAMME__TIME_ZONE": "Asia/Tokyo"}).quiet_zone == "Asia/Tokyo"
    assert load(environment={"KAIROS__QUIET_HOURS__TIME_ZONE": "Asia/Tokyo"}).quiet_zone == "Asia/Tokyo"


def test_secrets_are_not_shown_by_repr() -> None:
    secret = {"KAIROS__DATABASE__URL": "postgresql://kairos:hunter2@db/kairos", "KAIROS__WEATHER__API_KEY": "hunter2"}
    shown = repr(load(environment=secret))
    assert "hunter2" not in shown
    assert "(url=***, " in shown
    assert "port=8080" in shown


@pytest.mark.parametrize(
    "url",
    ["tiles.example.com/{z}", "https://{s}.tiles.example.com/{z}", "https://a b/{z}", "https://a; script-src *//{z}"],
)
def test_maps_tiles_come_from_one_site_that_the_pages_policy_can_name(tmp_path: Path, url: str) -> None:
    assert "map.tiles_url must look like" in complaint(written(tmp_path, f'[map]\ntiles_url = "{url}"\n'))
    good = "https://tiles.example.com:8443/{z}/{x}/{y}.png?key=1"
    assert load(written(tmp_path, f'[map]\ntiles_url = "{good}"\n'), {}).map.tiles_url == good


def test_a_section_that_there_is_not_ends_the_start(tmp_path: Path) -> None:
    assert "server.fcm" in complaint(written(tmp_path, "[server.fcm]\nbase_url = 1\n"))
    assert "fcms" in complaint(written(tmp_path, "[fcms]\nbase_url = 1\n"))


@pytest.mark.parametrize("subject", ["push@brand.example", "http://brand.example", "mailto:", "mailto:a@b c"])
def test_where_browsers_services_may_complain_is_an_address(tmp_path: Path, subject: str) -> None:
    said = complaint(written(tmp_path, f'[web_push]\nsubject = "{subject}"\n'))
    assert "web_push.subject must look like" in said
    for good in ("mailto:push@brand.example", "https://brand.example/push"):
        settings = load(written(tmp_path, f'[web_push]\nsubject = "{good}"\n'), {})
        assert settings.web_push.subject == good


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('issuer_id = "1"', "needs issuer_id and service_account_file together"),
        ('service_account_file = "x.json"', "needs issuer_id and service_account_file together"),
        ('issuer_id = "x"\nservice_account_file = "x.json"', "google_wallet.issuer_id"),
        ('logo_url = "http://example.com/logo.png"', "google_wallet.logo_url"),
        ("calls_per_s = 0", "google_wallet.calls_per_s"),
    ],
)
def test_google_is_on_with_an_issuer_and_its_account_or_off(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(written(tmp_path, f"[google_wallet]\n{text}\n"))
    assert not load(environment={}).google_wallet.issuer_id
