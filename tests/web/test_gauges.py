"""Figures read off the house when somebody asks: they follow what changes while it is open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from server.store.pool import Counts
from server.wallet.signers import open_signers
from server.wallet.watch import Watch
from server.web.gauges import add_gauges
from server.web.metrics import Metrics
from server.web.parts import Parts
from tests.passes import samples
from tests.wallet.test_certificates import Heard
from tests.wallet.test_signers import LATE, NOW, OVER, following, prepared, put


def read(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in found}


def test_ends_and_connections_are_those_of_the_moment(tmp_path: Path) -> None:
    signers = open_signers(prepared(tmp_path), now=NOW, log=Heard())
    at = [NOW]
    pool = SimpleNamespace(counts=lambda: Counts(open=7, idle=2))
    parts: Any = SimpleNamespace(
        desk=SimpleNamespace(signers=signers),
        clock=SimpleNamespace(now=lambda: at[0]),
        pool=pool,
        till_pool=pool,
        watch=Watch(signers),
    )
    metrics = Metrics()
    add_gauges(metrics, cast("Parts", parts))
    ends = {("certificate",): (NOW - timedelta(hours=1) + timedelta(days=396)).timestamp()}
    assert read(metrics, "kairos_certificate_end_seconds").items() >= ends.items()
    assert read(metrics, "kairos_passes_can_be_signed") == {(): 1.0}
    at[0] = OVER
    assert read(metrics, "kairos_passes_can_be_signed") == {(): 0.0}
    put(tmp_path / "next", following())
    signers.look(now=OVER)
    assert read(metrics, "kairos_passes_can_be_signed") == {(): 1.0}
    follows = (LATE - timedelta(hours=1) + timedelta(days=396)).timestamp()
    assert read(metrics, "kairos_certificate_end_seconds")[("next_certificate",)] == follows
    assert samples.authority() != following()
    assert read(metrics, "kairos_database_connections") == {
        ("house", "open"): 7,
        ("house", "idle"): 2,
        ("till", "open"): 7,
        ("till", "idle"): 2,
    }
