"""Figures that are read off the house at the moment somebody asks for them: ends of certificates, connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily

from server.web.metrics import Metrics
from server.web.parts import Parts


class _Ends:
    """When things end, by name: names come and go while the house is open."""

    def __init__(self, ask: Callable[[], Mapping[str, datetime]]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give them as Prometheus wants them."""
        family = GaugeMetricFamily(
            "kairos_certificate_end_seconds", "When a certificate ends (Unix time).", labels=("name",)
        )
        for name, end in self._ask().items():
            family.add_metric((name,), end.timestamp())
        yield family


def add_gauges(metrics: Metrics, parts: Parts) -> None:
    """Let the metrics read certificates and connections of these parts."""
    signers, clock = parts.desk.signers, parts.clock
    metrics.registry.register(_Ends(parts.watch.ends))
    can = metrics.gauge("kairos_passes_can_be_signed", "1 while some certificate for passes is good, else 0.")
    can.set_function(lambda: float(signers.can_sign(clock.now())))
    lent = metrics.gauge("kairos_database_connections", "Open connections to PostgreSQL.", ("pool", "state"))
    for name, pool in (("house", parts.pool), ("till", parts.till_pool)):
        lent.labels(name, "open").set_function(lambda pool=pool: pool.counts().open)  # type: ignore[misc]
        lent.labels(name, "idle").set_function(lambda pool=pool: pool.counts().idle)  # type: ignore[misc]
