"""The doctor asks Apple whether we are known there, and names what is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from server.commands.doctor_push import examine_push
from server.commands.doctor_step import Ground, Step
from server.settings import Settings
from tests.apple_home import NOW, desk, settings, standin
from tests.channels.lines import until
from tests.standins.fcm import PROJECT, Fcm

APPLES = ("push to iPhones", "push to Apple's wallets")


class Wall:
    """A clock."""

    def now(self) -> Any:
        return NOW


async def walk(own: Settings) -> dict[str, Step]:
    given: dict[str, Any] = {field.name: None for field in dataclasses.fields(Ground)}
    ground = Ground(**{**given, "settings": own, "clock": Wall(), "desk": desk()})
    return {step.name: step for step in await examine_push(ground)}


async def test_who_is_known_to_apple_gets_the_answer_for_a_device_that_does_not_exist(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        steps = await walk(settings(apple, tmp_path))
        assert {steps[name].holds for name in APPLES} == {True}
        assert "the topic example.app" in steps["push to iPhones"].found
        assert "the pass type pass.throwaway.kairos" in steps["push to Apple's wallets"].found
        assert apple.counts() == {"BadDeviceToken": 2}
        await until(lambda: not apple.open)  # both connections are closed


async def test_what_is_not_set_up_is_not_asked_for(tmp_path: Path) -> None:
    steps = await walk(settings(None, tmp_path, apns__topic=""))
    assert {step.holds for step in steps.values()} == {None}
    assert "apns.topic is not set" in steps["push to iPhones"].found
    assert "fcm.service_account_file is not set" in steps["push to Android"].found
    assert "web_push.subject is not set" in steps["push to browsers"].found


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"apns__key_id": "OTHER12345"}, "apns.key_file, apns.key_id and apns.team_id do not belong together"),
        ({"apns__topic": "other.app"}, "may not push to this topic"),
        ({"apns__base_url": "https://127.0.0.1:1"}, "Connection refused. Is the way to it open"),
        ({"apns__ca_file": ""}, "is not trusted: look at apns.ca_file"),
    ],
)
async def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    async with standin(tmp_path) as apple:
        step = (await walk(settings(apple, tmp_path, **changes)))["push to iPhones"]
        assert step.holds is False
        assert sentence in step.found


async def test_a_stand_in_that_takes_everything_lets_us_in_and_is_told_from_apple(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        apple.orders.bad.clear()
        steps = await walk(settings(apple, tmp_path))
        assert {steps[name].holds for name in APPLES} == {True}
        assert all("it is not Apple" in steps[name].found for name in APPLES)


async def test_a_certificate_that_apple_does_not_take_is_named(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        apple.orders.shares["cut_first"] = 1.0
        step = (await walk(settings(apple, tmp_path)))["push to Apple's wallets"]
        assert step.holds is False
        assert "does not accept the certificate" in step.found


async def test_an_apple_that_is_ill_is_no_proof(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        apple.orders.shares["ServiceUnavailable"] = 1.0
        step = (await walk(settings(apple, tmp_path)))["push to iPhones"]
        assert step.holds is False
        assert "does not answer as it should: ServiceUnavailable" in step.found


async def android(firebase: Fcm, folder: Path, **changes: str) -> Step:
    file = firebase.write_account(folder / "account.json")
    named = {"fcm__base_url": firebase.url, "fcm__service_account_file": str(file)}
    return (await walk(settings(None, folder, apns__topic="", **{**named, **changes})))["push to Android"]


async def test_firebase_looks_at_a_push_to_nobody_and_sends_none(tmp_path: Path) -> None:
    async with Fcm() as firebase:
        step = await android(firebase, tmp_path)
        assert step.holds is True
        assert f"the project {PROJECT}" in step.found
        assert [each.validate_only for each in firebase.seen] == [True]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [("PERMISSION_DENIED", "give it Firebase's role"), ("UNAVAILABLE", "does not answer as it should: UNAVAILABLE")],
)
async def test_what_firebase_has_against_us_is_said_in_words(tmp_path: Path, order: str, sentence: str) -> None:
    async with Fcm() as firebase:
        firebase.orders.shares[order] = 1.0
        firebase.bad.clear()
        step = await android(firebase, tmp_path)
        assert step.holds is False
        assert sentence in step.found


async def test_a_key_that_google_takes_no_more_is_named(tmp_path: Path) -> None:
    async with Fcm() as firebase:
        step = await android(firebase, tmp_path, fcm__token_url=firebase.url + "/token?other")
        assert step.holds is False
        assert "no token: 400 invalid_grant" in step.found
        assert "fcm.service_account_file" in step.found


async def test_the_key_of_browsers_is_there_and_says_who_we_are(tmp_path: Path) -> None:
    steps = await walk(settings(None, tmp_path, apns__topic="", web_push__subject="mailto:push@brand.example"))
    assert steps["push to browsers"].holds is True
    assert "mailto:push@brand.example" in steps["push to browsers"].found
