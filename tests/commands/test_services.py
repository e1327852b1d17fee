"""The demo's push services take what a house sends, keep it, and leave the operator's own services alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from server.channels.base import Alert, Outcome, Subscription
from server.commands import services as own
from server.commands.services import KEPT, Sent, open_services
from server.opening.apple import apns_of
from server.opening.firebase import account_of, fcm_of
from server.opening.web_push import vapid_of, web_push_of
from tests.apple_home import Heard
from tests.standins.webpush import bytes_of
from tests.web.serving import settings_with

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  the stand-ins judge by the real clock


async def test_what_is_sent_to_each_is_kept_with_its_moment(tmp_path: Path) -> None:
    log, told = Heard(), list[Sent]()
    async with open_services(settings_with(data_dir=str(tmp_path))) as services:
        assert services is not None
        services.told = told.append
        one = Alert(
            id=uuid4(),
            moment_id=uuid4(),
            title="Hallo <b>",
            body="B",
            collapse_id="c",
            expires_at=NOW + timedelta(hours=1),
        )
        vapid = vapid_of(services.settings)
        browser = services.subscribe(vapid.public)
        keys = {name: bytes_of(text) for name, text in browser["keys"].items()}
        ways: list[tuple[Any, Any]] = [
            (apns_of(services.settings, log=log), "ab" * 32),
            (fcm_of(services.settings, account_of(services.settings), log=log), "android"),
            (fcm_of(services.settings, account_of(services.settings), log=log), "nobody"),
            (web_push_of(services.settings, vapid, log=log), Subscription(browser["endpoint"], **keys)),
        ]
        outcomes = [(await channel.send(one, address, now=NOW)).outcome for channel, address in ways]
        for channel, _ in ways:
            await channel.close()
        async with aiohttp.ClientSession() as session, session.get(services.phone) as answer:
            page = await answer.text()
    assert outcomes == [Outcome.SENT, Outcome.SENT, Outcome.GONE, Outcome.SENT]
    moment = str(one.moment_id)
    assert services.sent == told == [
        Sent("apns", "ab" * 32, moment, "Hallo <b>", "B"),
        Sent("fcm", "android", moment, "Hallo <b>", "B"),
        Sent("webpush", browser["endpoint"].rpartition("/")[2], moment, "Hallo <b>", "B"),
    ]  # fmt: skip
    assert page.count("<strong>Hallo &lt;b&gt;</strong>") == 3
    assert [page.index(way) for way in ("Browser", "Android", "iPhone")] == sorted(
        page.index(way) for way in ("Browser", "Android", "iPhone")
    )  # the newest on top
    lines = (tmp_path / KEPT).read_text("utf-8").splitlines()
    assert [Sent(**json.loads(line)) for line in lines] == told


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "production"},
        {"apns__topic": "com.example.app"},
        {"apns__base_url": "https://apns.example"},
        {"fcm__service_account_file": "firebase.json"},
    ],
)
async def test_services_of_ones_own_are_left_alone(tmp_path: Path, changes: dict[str, str]) -> None:
    async with open_services(settings_with(data_dir=str(tmp_path), **changes)) as services:
        assert services is None
    assert list(tmp_path.iterdir()) == []


async def test_without_a_checkout_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own.there_are()
    monkeypatch.setattr(own, "config_folder", lambda: tmp_path / "config")  # other people's `tests` are none of ours
    assert not own.there_are()
    monkeypatch.setattr(own, "_PACKAGE", "nothing.standins")
    assert not own.there_are()
    async with open_services(settings_with(data_dir=str(tmp_path))) as services:
        assert services is None
