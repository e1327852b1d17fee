"""The doctor says which step fails, and why."""

from __future__ import annotations

import json
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from aiohttp import web

from server.commands.doctor import as_json, as_text, examine, trusting
from server.commands.doctor_step import Step
from server.settings import Settings
from tests.passes import samples
from tests.signals.standin import certificate, standing_in
from tests.street.process import kairos
from tests.street.serving import street_settings
from tests.wallet.test_certificates import laid_down
from tests.wallet.test_signers import put


def by_name(steps: list[Step]) -> dict[str, Step]:
    return {step.name: step for step in steps}


async def examined(settings: Settings, server: str | None = None) -> dict[str, Step]:
    return by_name(await examine(settings, server=server))


def with_apple(dsn: str, folder: Path, **apple: Any) -> Settings:
    """A house whose certificate is the samples'."""
    settings = street_settings(dsn, folder)
    return msgspec.structs.replace(settings, apple=laid_down(folder, samples.authority(), **apple).apple)


async def test_a_sound_house_passes_every_step(db_dsn: str, tmp_path: Path) -> None:
    environment = {
        "KAIROS__DATABASE__URL": db_dsn,
        "KAIROS__DATA_DIR": str(tmp_path),
        "KAIROS__WEATHER__FIXED__KIND": "rain",
        "KAIROS__WEATHER__FIXED__TEMPERATURE_C": "6.0",
    }
    code, out, err = await kairos("doctor", "--json", environment=environment)
    assert code == 0, out + err
    told = json.loads(out)
    assert told["ok"] is True
    found = {step["name"]: (step["ok"], step["found"]) for step in told["steps"]}
    assert found["database"][0] is found["secrets"][0] is found["certificate certificate"][0] is True
    assert found["migrations"] == (True, "at head")
    assert found["weather"] == (True, "fixed: rain, 6.0 °C")
    assert found["wallet"][0] is found["server"][0] is found["authority"][0] is None
    assert err == ""  # what a warning would say is a step


async def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    steps = await examined(street_settings("postgresql://x@127.0.0.1:1/none", tmp_path))
    assert steps["database"].holds is False
    assert set(steps) == {"settings", "database", "server"}


async def test_secrets_that_others_may_read_are_named(db_dsn: str, tmp_path: Path) -> None:
    settings = street_settings(db_dsn, tmp_path)
    assert (await examined(settings))["secrets"].holds
    (tmp_path / "secrets").chmod(0o755)
    step = (await examined(settings))["secrets and certificates"]
    assert step.holds is False
    assert "others may read it; make it 0700" in step.found


async def test_a_server_that_does_not_answer_is_named(db_dsn: str, tmp_path: Path) -> None:
    steps = await examined(street_settings(db_dsn, tmp_path), server="http://127.0.0.1:1")
    assert steps["server"].holds is False
    assert "nobody answers at 127.0.0.1:1" in steps["server"].found
    assert "nobody answers" in steps["wallet: link"].found


async def test_what_a_running_server_warns_of_is_repeated(db_dsn: str, tmp_path: Path) -> None:
    async def ready(request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ready", "warnings": ["The pass type certificate ends on Tuesday."]})

    async with standing_in(ready) as url:
        step = (await examined(street_settings(db_dsn, tmp_path), server=url))["server"]
    assert (step.holds, step.found) == (
        True, f"{url} answers /readyz with 200 The pass type certificate ends on Tuesday."
    )  # fmt: skip


async def test_a_server_that_is_not_ready_fails(db_dsn: str, tmp_path: Path) -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="<p>away</p>")

    async with standing_in(away) as url:
        step = (await examined(street_settings(db_dsn, tmp_path), server=url))["server"]
    assert (step.holds, step.found) == (False, f"{url} answers /readyz with 503")


async def test_a_certificate_that_ended_is_a_step_that_fails_and_the_others_are_looked_at(
    db_dsn: str, tmp_path: Path
) -> None:
    sound = with_apple(db_dsn, tmp_path)
    assert (await examined(sound))["certificate certificate"].holds
    steps = await examined(msgspec.structs.replace(sound, clock_shift_s=timedelta(days=400).total_seconds()))
    assert steps["certificate certificate"].holds is False
    assert "ended on 2027-04-02: no pass can be signed" in steps["certificate certificate"].found
    assert steps["certificate wwdr"].holds
    assert steps["secrets"].holds


async def test_a_following_certificate_that_cannot_be_used_fails_though_the_house_works(
    db_dsn: str, tmp_path: Path
) -> None:
    follows = tmp_path / "next"
    put(follows, samples.authority(pass_type_id="pass.de.another.one"))
    places = {f"next_{name}_file": str(follows / f"{file}.pem") for name, file in
              (("certificate", "pass"), ("key", "key"), ("wwdr", "wwdr"))}  # fmt: skip
    steps = await examined(with_apple(db_dsn, tmp_path, **places))
    assert steps["certificate certificate"].holds
    assert steps["certificate next_certificate"].holds is False
    assert "certificate.uid" in steps["certificate next_certificate"].found


def test_an_authority_of_ones_own_is_believed_and_a_file_that_holds_none_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = len(ssl.create_default_context().get_ca_certs())
    assert len(trusting(certificate(tmp_path)[0]).get_ca_certs()) == known + 1
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("none.pem", "missing.pem"):
        with pytest.raises(typer.Exit):
            trusting(tmp_path / name)
        assert f"--ca-file: {tmp_path / name} cannot be used" in capsys.readouterr().err


STEPS = [Step("one", True, "good"), Step("two", None, "not asked for"), Step("three", False, "broken")]


def test_people_read_a_line_for_each_step() -> None:
    assert as_text(STEPS).splitlines() == ["ok    one: good", "—     two: not asked for", "FAIL  three: broken"]


def test_programs_read_one_document() -> None:
    told = json.loads(as_json(STEPS))
    assert told["ok"] is False
    assert told["steps"][1] == {"name": "two", "ok": None, "found": "not asked for"}
    assert json.loads(as_json(STEPS[:2]))["ok"] is True


async def test_what_tls_believes_is_handed_on(db_dsn: str, tmp_path: Path) -> None:
    steps = by_name(
        await examine(
            street_settings(db_dsn, tmp_path), server="https://127.0.0.1:1", trust=ssl.create_default_context()
        )
    )
    assert "nobody answers" in steps["server"].found
