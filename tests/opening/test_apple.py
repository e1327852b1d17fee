"""Apple's push service in an open house, from the settings to a stand-in that checks who is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.channels.apple import PRODUCTION
from server.channels.base import Alert, Outcome, Stir
from server.errors import Misconfigured
from server.opening.apple import apns_of, apple_wallet_of
from server.wallet.certificates import THROWAWAY_TYPE
from tests.apple_home import NOW, TOPIC, Heard, desk, settings, standin
from tests.channels.lines import TOKEN
from tests.tls import Authority


def alert() -> Alert:
    return Alert(
        id=uuid4(), moment_id=uuid4(), title="T", body="B", collapse_id="c", expires_at=NOW + timedelta(hours=1)
    )


def stir() -> Stir:
    return Stir(id=uuid4(), expires_at=NOW + timedelta(hours=1))


def test_without_a_topic_nothing_is_pushed_to_iphones(tmp_path: Path) -> None:
    assert apns_of(settings(None, tmp_path, apns__topic=""), log=Heard()) is None


async def test_alerts_go_out_under_the_key_of_the_settings(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        apns = apns_of(settings(apple, tmp_path), log=Heard())
        assert apns is not None
        assert (await apns.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
        assert apple.seen[0].headers["apns-topic"] == TOPIC
        await apns.close()


async def test_alerts_go_out_under_a_certificate_instead(tmp_path: Path) -> None:
    apps = Authority(tmp_path, "Apps")
    files = apps.client("app", TOPIC)
    by_certificate = {
        "apns__certificate_file": str(files.certificate),
        "apns__key_file": str(files.key),
        "apns__key_id": "",
        "apns__team_id": "",
    }
    async with standin(tmp_path, apps=apps) as apple:
        apns = apns_of(settings(apple, tmp_path, **by_certificate), log=Heard())
        assert apns is not None
        assert (await apns.send(alert(), TOKEN, now=NOW)).outcome is Outcome.SENT
        assert "authorization" not in apple.seen[0].headers
        await apns.close()


async def test_a_house_whose_clock_is_moved_is_known_to_apple_all_the_same(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        moved = settings(apple, tmp_path, clock_shift_s=86_400.0 * 30)
        apns = apns_of(moved, log=Heard())
        assert apns is not None
        later = Alert(
            id=uuid4(), moment_id=uuid4(), title="", body="", collapse_id="", expires_at=NOW + timedelta(days=31)
        )
        assert (await apns.send(later, TOKEN, now=NOW + timedelta(days=30))).outcome is Outcome.SENT
        await apns.close()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mode": 0o644}, "others may read it"),
        ({"content": b"no key"}, r"^apns\.key_file: is not an unencrypted private key"),
        ({"apns__key_file": "/nowhere/key.p8"}, r"^/nowhere/key\.p8: cannot be read"),
        ({"apns__ca_file": "/nowhere/ca.pem"}, r"^apns\.ca_file: /nowhere/ca\.pem"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start_with_its_name(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    key = tmp_path / "provider.p8"
    if "content" in changes:
        key.touch(mode=0o600)
        key.write_bytes(changes.pop("content"))
    mode = changes.pop("mode", None)
    own = settings(None, tmp_path, **changes)
    if mode is not None:
        key.chmod(mode)
    with pytest.raises(Misconfigured, match=sentence):
        apns_of(own, log=Heard())


async def test_wallets_are_told_under_the_certificate_of_the_passes(tmp_path: Path) -> None:
    async with standin(tmp_path) as apple:
        wallet = apple_wallet_of(settings(apple, tmp_path), desk(), log=Heard())
        assert wallet is not None
        assert (await wallet.send(stir(), TOKEN, now=NOW)).outcome is Outcome.SENT
        (seen,) = apple.seen
        assert (seen.headers["apns-topic"], seen.body) == (THROWAWAY_TYPE, b"{}")
        (line,) = apple.open
        assert line.identity == THROWAWAY_TYPE
        await wallet.close()


def test_a_throw_away_authority_tells_apple_itself_nothing_and_says_so(tmp_path: Path) -> None:
    log = Heard()
    assert apple_wallet_of(settings(None, tmp_path), desk(), log=log) is None
    assert [each["event"] for each in log.said] == ["no_updates_of_passes"]


async def test_passes_are_told_through_the_production_service_alone(tmp_path: Path) -> None:
    sandbox = settings(None, tmp_path, apns__base_url="https://api.sandbox.push.apple.com")
    wallet = apple_wallet_of(sandbox, desk(), log=Heard())
    assert wallet is not None
    opened = wallet._open(wallet._identity(NOW))
    assert opened._host == PRODUCTION.host  # type: ignore[attr-defined]
