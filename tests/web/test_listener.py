"""Addresses are taken early, told as they are, and refused in a sentence."""

from __future__ import annotations

import socket

import aiohttp
import msgspec
import pytest

from server.configuration import load
from server.errors import Misconfigured
from server.settings import Server
from server.web.listener import address_of, listen, metrics_listener
from server.web.metrics import Metrics


def server_with(**changes: object) -> Server:
    return msgspec.structs.replace(load(environment={}).server, **({"port": 0} | changes))


def test_port_zero_takes_a_free_port_and_tells_it() -> None:
    with listen(server_with()) as taken:
        assert address_of(taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_address_of_the_sixth_version_is_written_in_brackets() -> None:
    with listen(server_with(host="::1")) as taken:
        assert address_of(taken) == f"http://[::1]:{taken.getsockname()[1]}"


def test_a_port_that_is_taken_is_refused_in_a_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Misconfigured, match=r"server\.port"):
            listen(server_with(port=other.getsockname()[1]))


def test_a_name_that_nobody_knows_is_refused_in_a_sentence() -> None:
    with pytest.raises(Misconfigured, match=r"server\.host"):
        listen(server_with(host="no such host"))


def test_a_shared_address_may_be_taken_by_several() -> None:
    with (
        listen(server_with(), shared=True) as one,
        listen(server_with(port=one.getsockname()[1]), shared=True) as other,
    ):
        assert address_of(one) == address_of(other)


async def test_the_metrics_have_a_listener_of_their_own() -> None:
    metrics = Metrics()
    metrics.malformed.inc()
    async with metrics_listener(server_with(), metrics) as port, aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert "kairos_http_malformed_total 1.0" in await response.text()
        async with http.get(f"http://127.0.0.1:{port}/v1/me") as response:
            assert response.status == 404


async def test_the_metrics_can_be_turned_off() -> None:
    async with metrics_listener(server_with(metrics_port=-1), Metrics()) as port:
        assert port is None


async def test_a_metrics_port_that_is_taken_is_refused_in_a_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Misconfigured, match="metrics_port"):
            async with metrics_listener(server_with(metrics_port=other.getsockname()[1]), Metrics()):
                raise AssertionError("it listened")
