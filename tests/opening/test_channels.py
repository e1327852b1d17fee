"""The push services that are set up, and none other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.errors import Misconfigured
from server.opening.channels import open_channels
from server.opening.web_push import vapid_of
from tests.apple_home import desk, settings, standin
from tests.standins.fcm import Fcm
from tests.web.serving import parts_of, settings_with


def parts(own: Any) -> Any:
    return parts_of(own, None, desk=desk())


async def test_a_house_whose_settings_name_no_service_has_none() -> None:
    async with open_channels(parts(settings_with())) as channels:
        assert channels == {}


async def test_a_house_with_a_topic_and_a_place_to_push_to_has_both_of_apples_ways(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple, open_channels(parts(settings(apple, tmp_path))) as channels:
        assert {way: channel.name for way, channel in channels.items()} == {
            "apns": "apns",
            "apple_wallet": "apple_wallet",
        }


async def test_a_service_that_is_set_up_wrongly_ends_the_start(tmp_path: Path) -> None:
    wrong = settings(None, tmp_path, apns__ca_file="/nowhere/ca.pem")
    with pytest.raises(Misconfigured, match=r"^apns\.ca_file"):
        async with open_channels(parts(wrong)):
            pass


async def test_a_house_with_a_firebase_account_and_a_key_for_browsers_has_their_ways(tmp_path: Path) -> None:
    async with Fcm() as firebase:
        file = firebase.write_account(tmp_path / "account.json")
        told = {"fcm__base_url": firebase.url, "fcm__service_account_file": str(file), "data_dir": str(tmp_path)}
        own = settings_with(**told)
        async with open_channels(parts_of(own, None, desk=desk(), vapid=vapid_of(own))) as channels:
            assert {way: channel.name for way, channel in channels.items()} == {"fcm": "fcm", "webpush": "webpush"}
