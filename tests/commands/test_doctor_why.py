"""A status becomes a sentence that whoever runs the proxy can act on."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from server.commands.doctor_why import Answer, unreachable, why
from tests.signals.standin import certificate, standing_in

OURS = {"Content-Type": "application/problem+json"}


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("POST https://k.example/wallet/v1/log", status, CIMultiDict(given), body)


def ours(status: int, detail: str) -> Answer:
    return answer(status, b'{"detail": "%s"}' % detail.encode(), **{"Content-Type": OURS["Content-Type"]})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            answer(301, Location="https://www.k.example/x?secret"),
            "it sends on to https://www.k.example, and phones lose",
        ),
        (answer(308, Location="/elsewhere"), "it sends on, and phones lose their token"),
        (answer(403), "a filter in between refuses it"),
        (answer(404), "another program answers here"),
        (ours(404, "There is nothing here."), "the path was changed on the way"),
        (answer(405), "must allow GET, POST and DELETE"),
        (answer(413), "less than a kilobyte"),
        (ours(421, "x"), "the proxy must hand on the Host header"),
        (ours(429, "x"), "limits.wallet_per_minute"),
        (answer(502), "does not reach Kairos behind it"),
        (answer(503), "does not reach Kairos behind it"),
        (ours(503, "No pass can be signed."), "answers 503 where 201 should come: No pass can be signed"),
        (ours(500, "x"), "answers 500 where 201 should come: x"),
        (answer(503, b"", **{"Content-Type": "application/problem+json"}), "it says no reason"),
        (answer(504), "does not in time"),
        (answer(200, **{"Content-Type": "text/html"}), "another program than Kairos seems to answer (text/html)"),
        (answer(204), "(nothing)"),
    ],
)
def test_each_status_says_what_to_do(given: Answer, sentence: str) -> None:
    told = why(given, wanted="201")
    assert sentence in told
    assert told.startswith(f"POST https://k.example/wallet/v1/log answers {given.status} where 201 should come: ")
    assert "secret" not in told


async def gone_to(url: str, **options: object) -> str:
    """What is said of asking at this address."""
    timeout = aiohttp.ClientTimeout(total=0.3)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        with pytest.raises((aiohttp.ClientError, TimeoutError, OSError, ValueError)) as caught:
            await http.get(url, **options)  # type: ignore[arg-type]
    return unreachable(caught.value, url=url)


async def test_nobody_there_nobody_trusted_and_nobody_in_time_are_told_apart(tmp_path: Path) -> None:
    async def hang(request: object) -> aiohttp.web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    _, tls = certificate(tmp_path)
    assert "nobody answers at 127.0.0.1:1 (" in await gone_to("http://127.0.0.1:1")
    assert "is no address" in await gone_to("http://")
    async with standing_in(hang, tls=tls) as url:
        told = await gone_to(url)
        assert "TLS with 127.0.0.1" in told
        assert "authority that phones know" in told
        assert "gave no answer within 5 s" in await gone_to(url, ssl=False)
        assert "broke off in the middle" in await gone_to(url.replace("https", "http"))
    async with standing_in(hang) as url:
        assert "TLS with 127.0.0.1" in await gone_to(url.replace("http", "https"), ssl=ssl.create_default_context())


def test_a_name_without_an_address_is_told() -> None:
    key = aiohttp.client_reqrep.ConnectionKey("k.example", 443, True, True, None, None, None)
    error = aiohttp.ClientConnectorDNSError(key, OSError("Name or service not known"))
    assert unreachable(error, url="https://k.example/p/x").startswith("k.example has no address")
