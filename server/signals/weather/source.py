"""The weather that the settings ask for: the fixed observation, or a cache in front of a provider."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from server.errors import Misconfigured
from server.settings import WeatherSettings
from server.signals.fetch import base_of, tls_context
from server.signals.weather.cache import WeatherCache
from server.signals.weather.fixed import Fixed
from server.signals.weather.open_meteo import OpenMeteo

_FILE: Final = "file:"


def open_source(settings: WeatherSettings, session: ClientSession) -> Fixed | WeatherCache:
    """The source of weather; a WeatherCache is empty until its `run` runs. Raises Misconfigured."""
    if settings.provider == "fixed":
        return Fixed(settings.fixed)
    base = base_of(settings.base_url, setting="weather.base_url")
    if settings.refresh_s <= 0:
        raise Misconfigured("weather.refresh_s: must be more than 0")
    context = tls_context(settings.ca_file, setting="weather.ca_file")
    provider = OpenMeteo(session, base_url=str(base), api_key=_secret(settings.api_key), ssl_context=context)
    return WeatherCache(provider, refresh_s=settings.refresh_s)


def _secret(value: str) -> str:
    """A key given by itself, or by the file that holds it and that nobody else may read."""
    if not value.startswith(_FILE):
        return value
    path = Path(value.removeprefix(_FILE))
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"weather.api_key: {path} cannot be read") from None
    if mode & 0o077:
        raise Misconfigured(f"weather.api_key: {path} can be read by others; chmod 600")
    if not text:
        raise Misconfigured(f"weather.api_key: {path} is empty")
    return text
