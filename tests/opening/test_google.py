"""Google Wallet in an open house: off without an issuer, refused where a setting cannot be, and whole from pass to PATCH."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.errors import KairosError, Misconfigured
from server.opening.google import examine, open_google
from tests.counter_rows import the_desk
from tests.google_scene import google_parts, google_settings
from tests.standins.google import ISSUER, Fault, Google
from tests.street.scene import furnish
from tests.street.serving import open_street


async def opened(settings: Any, folder: Path) -> Any:
    desk, keyring = the_desk(folder)
    desk.close()
    async with open_google(settings, desk=desk, keyring=keyring) as google:
        return google


async def test_without_an_issuer_there_is_nothing_and_nothing_is_read(tmp_path: Path) -> None:
    assert await opened(google_settings(tmp_path, issuer_id="", service_account_file=""), tmp_path) is None


@pytest.mark.parametrize("name", ["base_url", "token_url", "root_keys_url"])
async def test_an_address_that_cannot_be_is_named_with_its_setting(tmp_path: Path, name: str) -> None:
    async with Google() as google:
        for address in ("http://example.com/x", "nonsense"):
            settings = google_settings(tmp_path, google, **{name: address})
            with pytest.raises(Misconfigured, match=f"google_wallet.{name}: must be an https address"):
                await opened(settings, tmp_path)
        production = msgspec.structs.replace(google_settings(tmp_path, google), mode="production")
        with pytest.raises(Misconfigured, match="must be an https address"):
            await opened(production, tmp_path)


async def test_a_key_that_is_none_or_that_others_may_read_is_refused_and_not_repeated(tmp_path: Path) -> None:
    async with Google() as google:
        settings = google_settings(tmp_path, google)
        (tmp_path / "account.json").write_text('{"private_key": "secret"}')
        with pytest.raises(Misconfigured, match=r"google_wallet\.service_account_file") as caught:
            await opened(settings, tmp_path)
        assert "secret" not in str(caught.value)
        (tmp_path / "account.json").chmod(0o644)
        with pytest.raises(Misconfigured, match=r"account\.json"):
            await opened(settings, tmp_path)


async def test_the_walk_to_google_says_which_step_fails(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    async with Google() as google, google_parts(tmp_path, google) as parts:
        assert await examine(parts, now=now) == (
            f"a token is given, the issuer {ISSUER} is ours, the root keys are there"
        )
    for fault, said in (
        (Fault("500", where="token"), "no token: 500"),
        (Fault("403", where="offerClass"), "403 UNAVAILABLE"),
        (Fault("503", where="keys"), "root_keys_url"),
    ):
        async with Google() as google, google_parts(tmp_path, google) as parts:
            google.faults.append(fault)
            with pytest.raises(KairosError, match=said):
                await examine(parts, now=now)


async def test_from_the_pass_to_the_counter_google_shows_what_is(db_dsn: str, tmp_path: Path) -> None:
    """A whole house: a link, a save, a redemption; within moments the object is COMPLETED."""
    async with Google() as google:
        wallet = google_settings(tmp_path, google).google_wallet
        week = -7 * 86_400.0  # a house whose day is moved, as tests do, goes on with a Google whose day is not
        moved = {"google_wallet": wallet, "jobs__passes_s": 0.1, "clock_shift_s": week}
        async with open_street(db_dsn, tmp_path, **moved) as street:
            scene = await furnish(street)
            told = await scene.taken()
            identifier = f"{ISSUER}.{told['serial']}"
            body = google.callback(identifier, f"{ISSUER}.{scene.offer}")
            headers = {"Content-Type": "application/json"}
            answered = await street.call("POST", "/wallet/google/callback", data=body, headers=headers)
            assert answered.status == 200
            async with asyncio.timeout(30):
                while identifier not in google.objects:
                    await asyncio.sleep(0.02)
                assert google.objects[identifier]["state"] == "ACTIVE"
                await scene.made("/v1/redemptions", {"code": told["code"]}, by="till")
                while google.objects[identifier]["state"] != "COMPLETED":
                    await asyncio.sleep(0.02)
            last = google.calls("PATCH")[-1]
            assert set(last) <= {"state", "merchantLocations"}
            assert (
                google.calls("POST", "/offerObject")[0]["id"] == identifier
            )  # the link had not been opened: 404, inserted
