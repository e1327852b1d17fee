"""The weather that the settings ask for: the fixed observation, or a cache in front of a provider."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from server.errors import Misconfigured
from server.settings import WeatherSettings
from server.signals.fetch import base_of, tls_context
from server.signals.weather.base import Provider
from server.signals.weather.cache import WeatherCache
from server.signals.weather.fixed import Fixed
from server.signals.weather.met_no import BASE as MET_NO
from server.signals.weather.met_no import MetNo
from server.signals.weather.open_meteo import BASE, OpenMeteo

_FILE: Final = "file:"
_BASES: Final = {"open_meteo": BASE, "met_no": MET_NO}
_CONTACT: Final = re.compile(r"[!-~]+@[!-~]+|https://[!-~]+")


def open_source(settings: WeatherSettings, session: ClientSession) -> Fixed | WeatherCache:
    """The source of weather; a WeatherCache is empty until its `run` runs. Raises Misconfigured."""
    if settings.provider == "fixed":
        return Fixed(settings.fixed)
    base = str(base_of(settings.base_url or _BASES[settings.provider], setting="weather.base_url"))
    if settings.refresh_s <= 0:
        raise Misconfigured("weather.refresh_s: must be more than 0")
    context = tls_context(settings.ca_file, setting="weather.ca_file")
    return WeatherCache(_provider(settings, session, base, context), refresh_s=settings.refresh_s)


def _provider(settings: WeatherSettings, session: ClientSession, base: str, context: ssl.SSLContext | None) -> Provider:
    if settings.provider == "open_meteo":
        return OpenMeteo(session, base_url=base, api_key=_secret(settings.api_key), ssl_context=context)
    if not _CONTACT.fullmatch(settings.contact):
        raise Misconfigured("weather.contact: met_no wants an e-mail address or an https address of who asks")
    return MetNo(session, base_url=base, contact=settings.contact, ssl_context=context)


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
