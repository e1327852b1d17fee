"""The words of an answer: three truths, and gates in the order in which they are asked."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from server.decision.finding import ORDER, Finding, Gate, Scene, Truth
from server.model.context import Context
from server.model.customer import Consents, Customer, State
from tests.builders import programme

ASKED = [
    "consent", "late", "trust", "place", "trigger", "active", "local_time", "weather", "segment", "attribute", "event",
    "quiet_hours", "cap", "budget", "arbitration",
]  # fmt: skip
"""The gates as the contract of the dry run lists them."""


def test_the_gates_are_those_of_the_contract_in_its_order() -> None:
    assert [gate.value for gate in Gate] == ASKED
    assert sorted(ORDER, key=lambda gate: ORDER[gate]) == ASKED


def test_a_rank_is_found_by_the_gate_and_by_its_word() -> None:
    assert ORDER[Gate.WEATHER] == ORDER["weather"] == ASKED.index("weather")


def test_unknown_is_a_truth_of_its_own() -> None:
    assert {truth.value for truth in Truth} == {"holds", "fails", "unknown"}
    assert len({Truth.HOLDS, Truth.FAILS, Truth.UNKNOWN}) == 3


def test_a_finding_needs_no_values() -> None:
    finding = Finding(Gate.CAP, Truth.FAILS, "enough")
    assert dict(finding.values) == {}


def test_a_scene_is_judged_at_the_time_of_the_event_not_of_its_arrival() -> None:
    happened, arrived = datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)
    customer = Customer(UUID(int=1), Consents(location=True))
    context = Context(at=happened, received=arrived, customer=customer, state=State())
    assert Scene(context, None, programme()).at == happened
