"""Where an address is: a Nominatim (https://nominatim.org/release-docs/latest/api/Search/), asked politely.

Its usage policy (https://operations.osmfoundation.org/policies/nominatim/) wants one question a second for the whole
application, a name to know it by, and answers kept. So questions queue, and what was answered, a "not found" too, is
not asked again. The answer is as little trusted as any: one deadline, no redirect, 64 kB.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import OrderedDict
from importlib.metadata import version
from math import isfinite
from typing import Any, Final

from aiohttp import ClientSession, DummyCookieJar
from geopy.adapters import AdapterHTTPError, AioHTTPAdapter
from geopy.exc import GeocoderParseError, GeocoderUnavailable, GeopyError
from geopy.extra.rate_limiter import AsyncRateLimiter
from geopy.geocoders import Nominatim
from yarl import URL

from server.errors import Unavailable
from server.model.place import Point
from server.settings_out import Geocoder as GeocoderSettings
from server.signals.fetch import FetchFailed, base_of, fetch, tls_context

INTERVAL_S: Final = 1.0
DEADLINE_S: Final = 10.0  # a public Nominatim takes seconds where it must search
REMEMBERED: Final = 10_000
ADDRESS_MAX: Final = 500


class _Adapter(AioHTTPAdapter):  # type: ignore[misc]  # geopy has no types
    """geopy's aiohttp adapter, reading as `fetch` does."""

    @property
    def session(self) -> ClientSession:
        """One session, without cookies and without the environment's proxies; made when first used."""
        session: ClientSession | None = self.__dict__.get("session")
        if session is None:
            session = self.__dict__["session"] = ClientSession(trust_env=False, cookie_jar=DummyCookieJar())
        return session

    async def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> list[dict[str, Any]]:  # noqa: ASYNC109  geopy's
        """The places in the answer's JSON, or one of geopy's errors."""
        try:
            body = await fetch(
                self.session, URL(url, encoded=True), headers=headers, ssl_context=self.ssl_context, deadline_s=timeout
            )
        except FetchFailed as failure:
            raise GeocoderUnavailable(str(failure)) from None
        try:
            return _places(json.loads(body))
        except (ValueError, RecursionError):
            raise GeocoderParseError("no list of places") from None


class Geocoder:
    """Addresses to positions by one Nominatim; `close` ends its session."""

    def __init__(
        self,
        base_url: str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        interval_s: float = INTERVAL_S,
        deadline_s: float = DEADLINE_S,
        remembered: int = REMEMBERED,
    ) -> None:
        """Ask `{base_url}/search`, at most once in `interval_s` seconds; keep the last `remembered` answers."""
        base = URL(base_url)
        self._nominatim = Nominatim(
            scheme=base.scheme,
            domain=f"{base.raw_authority}{base.raw_path}".rstrip("/"),
            user_agent=f"kairos/{version('kairos')}",
            timeout=deadline_s,
            ssl_context=ssl_context,
            adapter_factory=_Adapter,
        )
        self._ask = AsyncRateLimiter(
            self._nominatim.geocode,
            min_delay_seconds=interval_s,
            error_wait_seconds=interval_s,
            max_retries=0,
            swallow_exceptions=False,
        )
        self._answers: OrderedDict[str, Point | None] = OrderedDict()
        self._remembered = remembered
        self._one = asyncio.Lock()

    async def locate(self, address: str) -> Point | None:
        """The position of an address, or None where it is not found.

        Raises Unavailable where the geocoder does not answer, or not so that it can be believed: ask again later.
        """
        key = " ".join(address.split()).casefold()
        if not key or len(key) > ADDRESS_MAX:
            return None
        async with self._one:  # one at a time: who waits for the same address finds the answer here
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            point = await self._found(" ".join(address.split()))
            self._answers[key] = point
            while len(self._answers) > self._remembered:
                self._answers.popitem(last=False)
            return point

    async def close(self) -> None:
        """End the session."""
        await self._nominatim.adapter.session.close()

    async def _found(self, address: str) -> Point | None:
        try:
            location = await self._ask(address, exactly_one=True)
            return None if location is None else _point(location.raw)
        except (GeopyError, AdapterHTTPError, ValueError, TypeError):
            raise Unavailable("The geocoder does not answer.", code="geocoder_unavailable") from None


def open_geocoder(settings: GeocoderSettings) -> Geocoder | None:
    """The geocoder of the settings, or None where there is none. Raises Misconfigured."""
    if not settings.base_url:
        return None
    base = base_of(settings.base_url, setting="geocoder.base_url")
    return Geocoder(str(base), ssl_context=tls_context(settings.ca_file, setting="geocoder.ca_file"))


def _places(document: object) -> list[dict[str, Any]]:
    """The places in an answer, each with a position; raises ValueError where it is no list of such."""
    if not isinstance(document, list):
        raise ValueError("no list")
    for place in document:
        _point(place)
    # geopy stumbles over a place without a name, which nobody here reads.
    return [{"display_name": "", **place} for place in document]


def _point(place: object) -> Point:
    """The position of a place (Nominatim writes it as text); raises ValueError where it has none."""
    try:
        lat, lon = (float(place[key]) for key in ("lat", "lon"))  # type: ignore[index]  # whatever it is
    except (TypeError, LookupError):
        raise ValueError("no position") from None
    if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError("no position on earth")
    return Point(lat, lon)
