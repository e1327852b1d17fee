"""The doctor asks Google for a token, the issuer and the keys, and says what to do where one is not had."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.commands.doctor_google import examine_google
from server.commands.doctor_step import Ground, Step
from tests.counter_rows import the_desk
from tests.google_scene import google_settings
from tests.standins.google import ISSUER, Fault, Google


class Wall:
    """A clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def walk(settings: Any, folder: Path) -> Step:
    desk, keyring = the_desk(folder)
    desk.close()
    given: dict[str, Any] = {field.name: None for field in dataclasses.fields(Ground)}
    ground = Ground(**{**given, "settings": settings, "clock": Wall(), "desk": desk, "secrets": keyring})
    [step] = await examine_google(ground)
    return step


async def test_who_is_known_to_google_is_told_so(tmp_path: Path) -> None:
    async with Google() as google:
        step = await walk(google_settings(tmp_path, google), tmp_path)
        assert step.holds is True
        assert f"the issuer {ISSUER} is ours" in step.found
        assert [path.rpartition("/")[2] for _, path, _, _ in google.seen] == ["token", "offerClass", "keys"]


async def test_without_an_issuer_nothing_is_asked_for(tmp_path: Path) -> None:
    step = await walk(google_settings(tmp_path, issuer_id="", service_account_file=""), tmp_path)
    assert (step.holds, "issuer_id is not set" in step.found) == (None, True)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("400", where="token"), "is the key file's account still there"),
        (Fault("403", where="offerClass"), "a user of the issuer"),
        (Fault("401", times=2, where="offerClass"), "the service that google_wallet.token_url belongs to"),
        (Fault("503", where="keys"), "answered 503 until they can"),
        (Fault("reset", times=2, where="offerClass"), "is the way to it open"),
    ],
)
async def test_what_is_wrong_is_named_with_what_to_do(tmp_path: Path, fault: Fault, sentence: str) -> None:
    async with Google() as google:
        google.faults.append(fault)
        step = await walk(google_settings(tmp_path, google), tmp_path)
        assert step.holds is False
        assert sentence in step.found


async def test_a_file_that_is_no_key_fails_with_the_settings_name(tmp_path: Path) -> None:
    step = await walk(google_settings(tmp_path), tmp_path)  # there is none
    assert step.holds is False
    assert "account.json" in step.found
