"""Figures are counted by the template of a route, so that no client makes a label."""

from __future__ import annotations

import random
import re
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from server.store.pool import Pool
from server.web.metrics import _BUCKETS, Metrics, metrics_app
from server.web.parts import PARTS
from tests.web.house import housed


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if sample.name == name:
                found[tuple(sample.labels.get(key, "") for key in ("method", "route", "status"))] = sample.value
    return found


async def test_requests_are_counted_by_route_method_and_status(pool: Pool) -> None:
    async with housed(pool) as house:
        for _ in range(3):
            await house.call("DELETE", f"/v1/keys/{uuid4()}")
        await house.served.call("GET", "/nowhere/at/all")
        await house.served.call("PROPFIND", "/v1/keys")
        metrics = house.served.app[PARTS].metrics
    counted = samples(metrics, "kairos_http_request_seconds_count")
    assert counted["DELETE", "/v1/keys/{id}", "404"] == 3
    assert counted["GET", "unknown", "404"] == 1
    assert counted["other", "unknown", "405"] == 1
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", metrics.text().decode())


async def test_the_figures_have_a_listener_of_their_own() -> None:
    metrics = Metrics()
    metrics.count(method="GET", route="/v1/x", status=200, seconds=0.003)
    metrics.gauge("kairos_pool_open", "Open connections.").set(4)
    metrics.counter("kairos_things", "Things.", ("kind",)).labels("a").inc()
    runner = web.AppRunner(metrics_app(metrics))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as http, http.get(f"http://127.0.0.1:{runner.addresses[0][1]}/metrics") as answered:
        text = await answered.text()
        assert answered.headers["Content-Type"].startswith("text/plain; version=")
        assert answered.headers["Server"] == ""
    await runner.cleanup()
    assert 'kairos_http_request_seconds_bucket{le="0.005",method="GET",route="/v1/x",status="200"} 1.0' in text
    assert "kairos_pool_open 4.0" in text
    assert 'kairos_things_total{kind="a"} 1.0' in text


def test_times_are_counted_as_the_librarys_own_histogram_counts_them() -> None:
    metrics, registry = Metrics(), CollectorRegistry()
    oracle = Histogram("oracle", "The same.", ("status",), buckets=_BUCKETS, registry=registry)
    chance = random.Random(5)
    for number in range(500):
        seconds = chance.choice([*_BUCKETS, chance.uniform(0, 12), 0.0])
        metrics.count(method="GET", route="/v1/x", status=200 + number % 2, seconds=seconds)
        oracle.labels(str(200 + number % 2)).observe(seconds)

    def of(text: str, name: str) -> dict[str, float]:
        lines = [line for line in text.splitlines() if line.startswith(f"{name}_") and "_created" not in line]
        plain = [line.replace('method="GET",route="/v1/x",', "").removeprefix(name).rsplit(" ", 1) for line in lines]
        return {label: float(value) for label, value in plain}

    theirs = of(generate_latest(registry).decode(), "oracle")
    assert of(metrics.text().decode(), "kairos_http_request_seconds") == pytest.approx(theirs)
    assert len(theirs) == 2 * (len(_BUCKETS) + 3)
