"""Google is known by its signature alone; what does not hold is said to our log, and never what was sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from server.errors import Unauthenticated
from server.web.access import Kind
from server.web.google_caller import TOLD, read_google
from server.web.parts import PARTS
from tests.google_scene import google_parts
from tests.standins.google import ISSUER, Google
from tests.web.serving import NoPool, parts_of, settings_with


class Wall:
    """A clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Moved:
    """A clock a week behind."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=7)


@contextlib.asynccontextmanager
async def asking(tmp_path: Path, google: Google) -> AsyncIterator[web.Request]:
    async with google_parts(tmp_path, google) as parts:
        app = web.Application()
        app[PARTS] = parts_of(settings_with(), NoPool(), clock=Wall(), google=parts)
        yield make_mocked_request("POST", "/wallet/google/callback", app=app)


def body_of(google: Google, **changes: Any) -> bytes:
    return google.callback(f"{ISSUER}.secret-serial", f"{ISSUER}.x", **changes)


async def test_a_message_that_holds_is_kept_for_the_door_and_its_sender_is_google(tmp_path: Path) -> None:
    async with Google() as google, asking(tmp_path, google) as request:
        visitor = await read_google(request, body_of(google, eventType="del"))
        assert (visitor.principal.kind, visitor.principal.roles) == (Kind.GOOGLE, {Kind.GOOGLE})
        assert request[TOLD].event == "del"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("forged", "callback.signature"),
        ("foreign", "callback.signature"),
        ("expired", "callback.expired"),
        ("old_key", "callback.intermediate_expired"),
        ("unsigned_key", "callback.intermediate"),
    ],
)
async def test_what_does_not_hold_is_named_in_the_log_and_not_repeated(tmp_path: Path, kind: str, code: str) -> None:
    async with Google() as google, asking(tmp_path, google) as request:
        with capture_logs() as said, pytest.raises(Unauthenticated):
            await read_google(request, body_of(google, kind=kind))
        assert [entry["code"] for entry in said] == [code]
        assert "secret-serial" not in str(said)
        assert TOLD not in request


async def test_a_root_key_that_is_new_is_looked_for_once_the_pause_is_over(tmp_path: Path) -> None:
    async with Google() as google, asking(tmp_path, google) as request:
        await read_google(request, body_of(google))
        google.signer.rotate()
        with pytest.raises(Unauthenticated):
            await read_google(request, body_of(google))
        keys = cast("Any", request.app[PARTS].google).keys
        keys._asked_at = None  # half a minute later
        await read_google(request, body_of(google))
        assert len(google.calls("GET", "/keys")) == 2


async def test_in_a_house_whose_day_is_moved_google_comes_today(tmp_path: Path) -> None:
    async with Google() as google, asking(tmp_path, google) as request:
        parts = request.app[PARTS]
        moved = parts_of(settings_with(clock_shift_s=-7 * 86_400.0), NoPool(), google=parts.google, clock=Moved())
        app = web.Application()
        app[PARTS] = moved
        today = make_mocked_request("POST", "/", app=app)
        visitor = await read_google(today, body_of(google))
        assert visitor.principal.kind is Kind.GOOGLE
        assert today[TOLD].event == "save"


async def test_without_an_issuer_nobody_is_asked(tmp_path: Path) -> None:
    app = web.Application()
    app[PARTS] = parts_of(settings_with(), NoPool(), clock=Wall())
    with pytest.raises(Unauthenticated):
        await read_google(make_mocked_request("POST", "/", app=app), b"{}")
