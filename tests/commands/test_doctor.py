"""The doctor says which step fails, and why."""

from __future__ import annotations

from pathlib import Path

from tests.street.process import kairos


def _environment(dsn: str, data_dir: Path, **others: str) -> dict[str, str]:
    return {"KAIROS__DATABASE__URL": dsn, "KAIROS__DATA_DIR": str(data_dir), **others}


async def test_a_sound_house_passes_every_step(db_dsn: str, tmp_path: Path) -> None:
    weather = {"KAIROS__WEATHER__FIXED__KIND": "rain", "KAIROS__WEATHER__FIXED__TEMPERATURE_C": "6.0"}
    code, out, err = await kairos("doctor", environment=_environment(db_dsn, tmp_path, **weather))
    assert code == 0, out + err
    for line in (
        "ok    database",
        "ok    migrations: at head",
        "ok    secrets",
        "ok    certificate",
        "ok    weather: fixed: rain",
    ):
        assert line in out


async def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    code, out, _ = await kairos("doctor", environment=_environment("postgresql://x@127.0.0.1:1/none", tmp_path))
    assert code == 1
    assert "FAIL  database" in out


async def test_secrets_that_others_may_read_are_named(db_dsn: str, tmp_path: Path) -> None:
    code, _, err = await kairos("doctor", environment=_environment(db_dsn, tmp_path))
    assert code == 0, err
    (tmp_path / "secrets").chmod(0o755)
    code, out, _ = await kairos("doctor", environment=_environment(db_dsn, tmp_path))
    assert code == 1
    assert "FAIL  secrets and certificates" in out


async def test_a_server_that_does_not_answer_is_named(db_dsn: str, tmp_path: Path) -> None:
    code, out, _ = await kairos("doctor", "--server", "http://127.0.0.1:1", environment=_environment(db_dsn, tmp_path))
    assert code == 1
    assert "FAIL  server" in out
