"""The weather that the settings ask for, and settings that cannot be met."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from server.errors import Misconfigured
from server.model.place import Point
from server.settings import WeatherSettings
from server.signals.weather.cache import WeatherCache
from server.signals.weather.fixed import Fixed
from server.signals.weather.source import open_source
from tests.signals.standin import standing_in

COMPACT = "weatherapi/locationforecast/2.0/compact"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def weather(**changed: Any) -> WeatherSettings:
    standard: dict[str, Any] = {
        "provider": "open_meteo",
        "base_url": "",
        "contact": "",
        "api_key": "",
        "ca_file": "",
        "refresh_s": 900.0,
        "max_age_s": 5400,
        "fixed": {},
    }
    return WeatherSettings(**{**standard, **changed})


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


async def test_fixed_is_the_observation_of_the_setting(session: ClientSession) -> None:
    source = open_source(weather(provider="fixed", fixed={"kind": "fog"}), session)
    assert isinstance(source, Fixed)
    known = source.get(Point(0, 0), NOON)
    assert known is not None
    assert known.now.kind == "fog"


async def test_open_meteo_is_asked_where_the_setting_says_with_the_key_from_a_file(
    session: ClientSession, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("secret-key\n")
    key.chmod(0o600)
    asked: list[web.Request] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"current": {"time": "2026-11-23T12:00", "weather_code": 0}})

    async with standing_in(serve) as base:
        source = open_source(weather(base_url=base, api_key=f"file:{key}"), session)
        assert isinstance(source, WeatherCache)
        source.watch([Point(52.52, 13.405)])
        assert await source.refresh(NOON) == 1
    known = source.get(Point(52.52, 13.405), NOON)
    assert known is not None
    assert known.now.kind == "clear"
    assert (asked[0].path, asked[0].query["apikey"]) == ("/v1/forecast", "secret-key")


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"base_url": "api.open-meteo.com"}, r"weather\.base_url"),
        ({"base_url": "file:///etc/passwd"}, r"weather\.base_url"),
        ({"refresh_s": 0}, r"weather\.refresh_s"),
        *(
            ({"provider": "met_no", "contact": contact}, r"weather\.contact")
            for contact in ("", "somebody", "http://example.org", "a@b\r\nX: y", "ä@example.org", "a b@example.org")
        ),
        ({"ca_file": "/nonexistent/ca.pem"}, r"weather\.ca_file"),
        ({"api_key": "file:/nonexistent/key"}, r"weather\.api_key"),
        ({"provider": "fixed", "fixed": {"kind": "nice"}}, r"weather\.fixed\.kind"),
    ],
)
async def test_a_wrong_setting_is_no_start_and_named(session: ClientSession, changed: dict[str, Any], key: str) -> None:
    with pytest.raises(Misconfigured, match=key):
        open_source(weather(**changed), session)


@pytest.mark.parametrize(("text", "mode", "says"), [("canary", 0o644, "chmod 600"), ("  \n", 0o600, "is empty")])
async def test_a_key_that_others_can_read_or_that_is_none_is_no_start(
    session: ClientSession, tmp_path: Path, text: str, mode: int, says: str
) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    key.chmod(mode)
    with pytest.raises(Misconfigured, match=says) as refused:
        open_source(weather(api_key=f"file:{key}"), session)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "address"),
    [
        ({}, "https://api.open-meteo.com/v1/forecast"),
        ({"base_url": "https://weather.example/sub"}, "https://weather.example/sub/v1/forecast"),
        ({"provider": "met_no", "contact": "https://example.org/us"}, f"https://api.met.no/{COMPACT}"),
        (
            {"provider": "met_no", "contact": "us@example.org", "base_url": "https://w.example"},
            f"https://w.example/{COMPACT}",
        ),
    ],
)
async def test_each_provider_is_asked_at_its_own_address_unless_another_is_set(
    session: ClientSession, changed: dict[str, Any], address: str
) -> None:
    source = open_source(weather(**changed), session)
    assert isinstance(source, WeatherCache)
    assert str(source._provider._url) == address  # type: ignore[attr-defined]
