"""The key that browsers subscribe with: made once, the same for every process, and for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from server.channels.base import Alert, Outcome, Subscription
from server.channels.vapid import Vapid, new_key
from server.errors import Misconfigured
from server.opening.web_push import FILE, subject_of, vapid_of, web_push_of
from tests.apple_home import Heard
from tests.standins.webpush import WebPush, bytes_of
from tests.web.serving import settings_with

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  services judge tokens by the real clock


def test_processes_that_start_at_once_make_one_key_that_stays(tmp_path: Path) -> None:
    own = settings_with(data_dir=str(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        found = {each.public for each in threads.map(vapid_of, [own] * 8)}
    assert found == {vapid_of(own).public}
    file = tmp_path / "secrets" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in file.parent.iterdir()} == {FILE}


def test_a_key_of_ones_own_is_taken_and_none_is_made(tmp_path: Path) -> None:
    pem, file = new_key(), tmp_path / "push.pem"
    file.touch(mode=0o600)
    file.write_bytes(pem)
    own = settings_with(data_dir=str(tmp_path), web_push__key_file=str(file))
    assert vapid_of(own).public == Vapid(pem, subject="", setting="").public
    assert not (tmp_path / "secrets").exists()


def test_a_key_that_cannot_be_used_ends_the_start_with_its_name(tmp_path: Path) -> None:
    own = settings_with(data_dir=str(tmp_path))
    vapid_of(own)
    file = tmp_path / "secrets" / FILE
    file.chmod(0o640)
    with pytest.raises(Misconfigured, match="0600"):
        vapid_of(own)
    file.chmod(0o600)
    file.write_text("torn")
    with pytest.raises(Misconfigured, match=FILE):
        vapid_of(own)
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be used"):
        vapid_of(settings_with(data_dir=str(tmp_path / "file")))
    missing = settings_with(web_push__key_file=str(tmp_path / "nothing.pem"))
    with pytest.raises(Misconfigured, match="cannot be read"):
        vapid_of(missing)


def test_services_may_complain_where_the_settings_say_or_at_the_public_address() -> None:
    assert subject_of(settings_with(web_push__subject="mailto:a@b.example")) == "mailto:a@b.example"
    assert subject_of(settings_with(server__public_url="https://kairos.example")) == "https://kairos.example"
    assert subject_of(settings_with(server__public_url="http://127.0.0.1:8080")) == ""


@pytest.mark.parametrize(("mode", "outcome"), [("test", Outcome.SENT), ("production", Outcome.GONE)])
async def test_stand_ins_on_this_machine_are_reached_in_test_mode_alone(mode: str, outcome: Outcome) -> None:
    vapid = Vapid(new_key(), subject="", setting="")
    assert web_push_of(settings_with(), None, log=Heard()) is None
    async with WebPush() as service:
        webpush = web_push_of(settings_with(mode=mode), vapid, log=Heard())
        assert webpush is not None
        told = service.subscribe(vapid.public)
        there = Subscription(told["endpoint"], bytes_of(told["keys"]["p256dh"]), bytes_of(told["keys"]["auth"]))
        one = Alert(
            id=uuid4(), moment_id=uuid4(), title="T", body="B", collapse_id="c", expires_at=NOW + timedelta(hours=1)
        )
        assert (await webpush.send(one, there, now=NOW)).outcome is outcome
        await webpush.close()


def test_an_authority_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"^web_push\.ca_file"):
        web_push_of(settings_with(web_push__ca_file="/nowhere"), Vapid(new_key(), subject="", setting=""), log=Heard())
