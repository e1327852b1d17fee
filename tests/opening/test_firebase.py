"""Firebase in an open house, from the settings to a stand-in that checks who asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.channels.base import Alert, Outcome
from server.errors import Misconfigured
from server.opening.firebase import Account, account_of, fcm_of
from server.settings import Settings
from tests.apple_home import Heard
from tests.standins.fcm import PROJECT, Fcm
from tests.web.serving import settings_with

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  Google judges assertions by the real clock


def settings(firebase: Fcm, folder: Path, **changes: Any) -> Settings:
    file = firebase.write_account(folder / "account.json")
    return settings_with(**{"fcm__base_url": firebase.url, "fcm__service_account_file": str(file), **changes})


def test_without_an_account_nothing_is_pushed_to_android() -> None:
    assert account_of(settings_with()) is None
    assert fcm_of(settings_with(), None, log=Heard()) is None


@pytest.mark.parametrize("token_url", [False, True])
async def test_notifications_go_out_for_the_project_of_the_file(tmp_path: Path, token_url: bool) -> None:
    async with Fcm() as firebase:
        own = settings(firebase, tmp_path, fcm__token_url=firebase.token_url if token_url else "")
        found = account_of(own)
        assert found is not None
        assert found.project == PROJECT
        fcm = fcm_of(own, found, log=Heard())
        assert fcm is not None
        one = Alert(
            id=uuid4(), moment_id=uuid4(), title="T", body="B", collapse_id="c", expires_at=NOW + timedelta(hours=1)
        )
        assert (await fcm.send(one, "token", now=NOW)).outcome is Outcome.SENT
        await fcm.close()
        assert [each.token for each in firebase.taken] == ["token"]


async def test_a_file_that_others_may_read_or_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    async with Fcm() as firebase:
        own = settings(firebase, tmp_path)
    file = Path(own.fcm.service_account_file)
    whole = json.loads(file.read_bytes())
    for content in (b"{}", b"not JSON", json.dumps(whole | {"private_key": "x"}).encode()):
        file.write_bytes(content)
        with pytest.raises(Misconfigured, match=r"^fcm\.service_account_file: "):
            account_of(own)
    for project in (None, 7, "", "../other", "A B"):
        file.write_text(json.dumps(whole | {"project_id": project}))
        with pytest.raises(Misconfigured, match=r"names no project \(project_id\)"):
            account_of(own)
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="0600"):
        account_of(own)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fcm__base_url": "ftp://firebase.example"}, r"^fcm\.base_url"),
        ({"fcm__token_url": "http://firebase.example"}, r"^fcm\.token_url"),
        ({"fcm__ca_file": "/nowhere/ca.pem"}, r"^fcm\.ca_file"),
        ({"mode": "production"}, r"^fcm\.base_url"),
    ],
)
async def test_an_address_that_cannot_be_is_named(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    async with Fcm() as firebase:
        own = settings(firebase, tmp_path, **changes)
    found: Account | None = account_of(own)
    with pytest.raises(Misconfigured, match=named):
        fcm_of(own, found, log=Heard())
