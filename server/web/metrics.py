"""Figures for Prometheus: a registry per process, labels that are bounded, a listener of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import HistogramMetricFamily

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: a ping takes a few milliseconds, nothing may take more than the handler's deadline of five seconds."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Times:
    """How long requests took, by (method, route, status): counted in plain numbers, put into Prometheus' words when asked.

    The library's own histogram takes a lock and looks at each bucket, which is a fiftieth of a ping's whole time.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], list[float]] = {}

    def add(self, name: tuple[str, str, int], seconds: float) -> None:
        """Count one."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = [0.0] * (len(_BUCKETS) + 2)
        found[bisect_left(_BUCKETS, seconds)] += 1
        found[-1] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Give them as Prometheus wants them: each bucket with those before it."""
        family = HistogramMetricFamily(
            "kairos_http_request_seconds",
            "Time from a request's head to its answer's first byte, by route template.",
            labels=("method", "route", "status"),
        )
        names = [*map(str, _BUCKETS), "+Inf"]
        for (method, route, status), found in self._found.items():
            buckets = list(zip(names, accumulate(found[:-1]), strict=True))
            family.add_metric((method, route, str(status)), buckets, found[-1])
        yield family


class Metrics:
    """One process's figures. Further parts make theirs on `registry`; labels must never come from a client."""

    def __init__(self) -> None:
        """Begin with an empty registry."""
        self.registry = CollectorRegistry()
        self._times = _Times()
        self.registry.register(self._times)
        self.malformed = Counter(
            "kairos_http_malformed_total", "Requests that were no HTTP that we speak.", registry=self.registry
        )
        self.passes_waiting = self.gauge(
            "kairos_passes_waiting", "Passes that changed and are to be numbered, and passes to be walked.", ("what",)
        )

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by the template of its route (never its path)."""
        self._times.add((method if method in _METHODS else "other", route, status), seconds)

    def gauge(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Gauge:
        """Make a gauge on this registry."""
        return Gauge(name, sentence, labels, registry=self.registry)

    def counter(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
        """Make a counter on this registry."""
        return Counter(name, sentence, labels, registry=self.registry)

    def text(self) -> bytes:
        """Write all figures in Prometheus' text format."""
        return generate_latest(self.registry)


def metrics_app(metrics: Metrics) -> web.Application:
    """Make the app of the metrics' own listener: `GET /metrics`, for whoever may reach the listener."""

    async def show(request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST, "Server": ""})

    app = web.Application()
    app.router.add_get("/metrics", show)
    return app
