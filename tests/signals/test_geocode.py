"""Addresses to positions against a Nominatim that stands in: politely, once each, and without believing everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from server.errors import Misconfigured, Unavailable
from server.model.place import Point
from server.settings_out import Geocoder as GeocoderSettings
from server.signals.geocode import Geocoder, open_geocoder
from tests.signals.standin import Handler, standing_in

PLACE = {"lat": "52.5219", "lon": "13.4132", "display_name": "Alexanderplatz, Berlin"}


@asynccontextmanager
async def geocoding(handler: Handler, *, interval_s: float = 0, remembered: int = 100) -> AsyncIterator[Geocoder]:
    async with standing_in(handler) as base:
        geocoder = Geocoder(f"{base}/nominatim/", interval_s=interval_s, deadline_s=0.5, remembered=remembered)
        try:
            yield geocoder
        finally:
            await geocoder.close()


class Nominatim:
    """Answers every question alike and keeps what it was asked."""

    def __init__(self, places: list[Any]) -> None:
        self.places = places
        self.asked: list[web.Request] = []
        self.times: list[float] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        self.times.append(asyncio.get_running_loop().time())
        return web.json_response(self.places)

    @property
    def addresses(self) -> list[str]:
        return [request.query["q"] for request in self.asked]


async def test_an_address_becomes_a_position_and_the_question_is_nominatims() -> None:
    nominatim = Nominatim([PLACE])
    async with geocoding(nominatim) as geocoder:
        assert await geocoder.locate("Alexanderplatz 1, 10178 Berlin") == Point(52.5219, 13.4132)
    [request] = nominatim.asked
    assert request.path == "/nominatim/search"
    assert request.query["q"] == "Alexanderplatz 1, 10178 Berlin"
    assert (request.query["format"], request.query["limit"]) == ("json", "1")
    assert request.headers["User-Agent"].startswith("kairos/")


async def test_an_address_is_asked_for_once_however_it_is_spaced_and_whoever_asks_at_the_same_time() -> None:
    nominatim = Nominatim([PLACE])
    async with geocoding(nominatim) as geocoder:
        ways = ("Alexanderplatz 1", " alexanderplatz   1", "ALEXANDERPLATZ\t1", "Alexanderplatz 1")
        found = await asyncio.gather(*(geocoder.locate(way) for way in ways))
    assert found == [Point(52.5219, 13.4132)] * 4
    assert nominatim.addresses == ["Alexanderplatz 1"]


async def test_what_was_not_found_is_not_asked_again_either() -> None:
    nominatim = Nominatim([])
    async with geocoding(nominatim) as geocoder:
        assert await geocoder.locate("Nowhere 7") is None
        assert await geocoder.locate("Nowhere 7") is None
    assert nominatim.addresses == ["Nowhere 7"]


async def test_only_so_many_answers_are_kept() -> None:
    nominatim = Nominatim([PLACE])
    async with geocoding(nominatim, remembered=2) as geocoder:
        for address in ("a", "b", "a", "c", "a", "b"):
            await geocoder.locate(address)
    assert nominatim.addresses == ["a", "b", "c", "b"]


async def test_questions_keep_their_distance() -> None:
    nominatim = Nominatim([])
    async with geocoding(nominatim, interval_s=0.15) as geocoder:
        await asyncio.gather(*(geocoder.locate(address) for address in ("a", "b", "c")))
    assert len(nominatim.times) == 3
    # Two intervals lie between the first and the last question; the first may have been longer on its way.
    assert nominatim.times[2] - nominatim.times[0] > 0.15


@pytest.mark.parametrize(
    "response",
    [
        {"status": 500},
        {"status": 429},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"text": "<html>busy</html>"},
        {"text": "{}"},
        {"text": "null"},
        {"text": '{"error": "Unable to geocode"}'},
        {"text": '["nothing"]'},
        {"text": "[null]"},
        {"text": "[{}]"},
        {"text": '[{"lat": "x", "lon": "1"}]'},
        {"text": '[{"lat": "NaN", "lon": "1"}]'},
        {"text": '[{"lat": NaN, "lon": 1}]'},
        {"text": '[{"lat": "1e999", "lon": "1"}]'},
        {"text": '[{"lat": "90.5", "lon": "1"}]'},
        {"text": '[{"lat": "1", "lon": "190"}]'},
        {"text": '[{"lat": ["1"], "lon": "1"}]'},
        {"text": "[" * 20_000},
        {"text": " " * 70_000 + "[]"},
        {"body": b"\xff\xfe[]"},
    ],
)
async def test_an_answer_that_cannot_be_believed_is_no_answer_and_is_asked_for_again(response: dict[str, Any]) -> None:
    answers = [{"text": '[{"lat": "52.5219", "lon": "13.4132"}]'}, response]

    async def answer(request: web.Request) -> web.Response:
        return web.Response(**answers.pop())

    async with geocoding(answer) as geocoder:
        with pytest.raises(Unavailable) as refused:
            await geocoder.locate("Alexanderplatz 1")
        assert refused.value.reason == "geocoder_unavailable"
        assert await geocoder.locate("Alexanderplatz 1") == Point(52.5219, 13.4132)


async def test_a_geocoder_that_hangs_is_left() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with geocoding(hang) as geocoder:
        with pytest.raises(Unavailable):
            await geocoder.locate("Alexanderplatz 1")


async def test_an_empty_or_endless_address_is_nowhere_and_nobody_is_asked() -> None:
    nominatim = Nominatim([PLACE])
    async with geocoding(nominatim) as geocoder:
        assert await geocoder.locate("") is None
        assert await geocoder.locate(" \t ") is None
        assert await geocoder.locate("x" * 501) is None
    assert nominatim.asked == []


async def test_without_an_address_there_is_no_geocoder_and_with_a_wrong_one_no_start() -> None:
    assert open_geocoder(GeocoderSettings(base_url="", ca_file="")) is None
    for wrong in ("ftp://example.org", "nominatim.example.org", "https://", "https://example.org:port"):
        with pytest.raises(Misconfigured, match=r"geocoder\.base_url"):
            open_geocoder(GeocoderSettings(base_url=wrong, ca_file=""))
    with pytest.raises(Misconfigured, match=r"geocoder\.ca_file"):
        open_geocoder(GeocoderSettings(base_url="https://example.org", ca_file="/nonexistent.pem"))
    geocoder = open_geocoder(GeocoderSettings(base_url="https://example.org/x", ca_file=""))
    assert geocoder is not None
    await geocoder.close()
