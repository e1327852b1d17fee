"""What is written down: cells without positions, words for what was odd, receipts that begin with the winner."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.decide import Chosen, Verdict
from server.decision.finding import Finding, Gate, Truth
from server.model.place import Point
from server.pipeline.facts import MOST_VERDICTS, cell_of, is_kept, verdicts_json
from tests.builders import offer, place


@pytest.mark.parametrize(
    ("point", "decimals", "cell"),
    [
        (Point(52.52003, 13.40489), 2, "52.52,13.40"),
        (Point(-33.9249, 18.4241), 2, "-33.92,18.42"),
        (Point(-0.001, -0.004), 2, "0.00,0.00"),
        (Point(52.52003, 13.40489), 0, "53,13"),
        (Point(89.999, -179.999), 1, "90.0,-180.0"),
    ],
)
def test_a_cell_is_named_by_its_rounded_position(point: Point, decimals: int, cell: str) -> None:
    assert cell_of(point, decimals) == cell


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 2))
def test_a_cell_tells_no_more_than_its_decimals(lat: float, lon: float, decimals: int) -> None:
    cell = cell_of(Point(lat, lon), decimals)
    told = [float(part) for part in cell.split(",")]
    assert cell_of(Point(*told), decimals) == cell
    assert all(len(part.partition(".")[2]) == decimals for part in cell.split(","))
    assert abs(told[0] - lat) <= 0.5 * 10**-decimals + 1e-9


def _verdict(number: int, gate: Gate, truth: Truth = Truth.FAILS) -> Verdict:
    return Verdict(offer(number), Finding(gate, truth, f"Because of {gate}.", {"number": number}), place())


def test_the_winner_comes_first_and_no_gate_stopped_it() -> None:
    verdicts = (
        _verdict(1, Gate.PLACE),
        _verdict(2, Gate.CAP),
        _verdict(3, Gate.ARBITRATION, Truth.HOLDS),
        _verdict(4, Gate.ARBITRATION, Truth.HOLDS),
    )
    chosen = Chosen(offer(4), place(), None, False, "in_app", frozenset({"in_app"}))
    told = json.loads(verdicts_json(verdicts, chosen))
    assert [(each["offer"], each["gate"]) for each in told] == [
        ("offer-4@1", None),
        ("offer-3@1", "arbitration"),
        ("offer-2@1", "cap"),
        ("offer-1@1", "place"),
    ]
    assert told[2]["values"] == {"number": 2}
    assert told[2]["truth"] == "fails"
    assert set(told[0]) == {"offer_id", "offer", "place_id", "gate", "truth", "reason", "values"}


def test_what_is_held_for_the_end_of_the_quiet_hours_has_not_won_yet() -> None:
    held = Chosen(offer(1), place(), None, False, "push", frozenset({"push"}), hold_until=offer(1).created_at)
    [told] = json.loads(verdicts_json((_verdict(1, Gate.QUIET_HOURS, Truth.HOLDS),), held))
    assert told["gate"] == "quiet_hours"


def test_a_receipt_is_bounded_and_keeps_what_came_furthest() -> None:
    verdicts = (*(_verdict(n, Gate.PLACE) for n in range(1, 300)), _verdict(300, Gate.BUDGET))
    told = json.loads(verdicts_json(verdicts, None))
    assert len(told) == MOST_VERDICTS
    assert told[0]["offer"] == "offer-300@1"


@given(st.uuids(), st.floats(0.001, 0.999))
def test_a_plain_no_is_kept_or_dropped_by_the_hash_of_the_pings_id_alone(ping: UUID, share: float) -> None:
    """By the sentence: the first 53 bits of SHA-256 of `receipt:<id>`, as a number from 0 to 1, are under the share."""
    digest = sha256(f"receipt:{ping}".encode()).hexdigest()
    assert is_kept(ping, share) == (int(digest[:16], 16) // 2**11 < share * 2**53)


def test_the_share_of_one_keeps_all_and_of_none_none() -> None:
    pings = [UUID(int=number) for number in range(2000)]
    assert [sum(is_kept(each, share) for each in pings) for share in (1.0, 0.0)] == [2000, 0]
    assert sum(is_kept(each, 0.05) for each in pings) == pytest.approx(100, abs=40)


def test_plain_nos_weigh_for_the_others_and_near_things_only_for_themselves() -> None:
    verdicts = (_verdict(1, Gate.CAP), _plain(2, Gate.PLACE), _plain(3, Gate.TRIGGER))
    told = json.loads(verdicts_json(verdicts, None, plain_share=0.05))
    assert [(each["offer"], each.get("weight")) for each in told] == [
        ("offer-1@1", None),
        ("offer-3@1", 20.0),
        ("offer-2@1", 20.0),
    ]
    whole = json.loads(verdicts_json(verdicts, None, plain_share=1.0))
    assert all("weight" not in each for each in whole)


def test_a_near_thing_that_names_its_place_comes_before_plain_nos() -> None:
    """An `if` may ask for the place: its gate is the same word, and it is a near thing all the same."""
    told = json.loads(verdicts_json((_plain(1, Gate.TRIGGER), _verdict(2, Gate.PLACE)), None))
    assert [each["offer"] for each in told] == ["offer-2@1", "offer-1@1"]


def _plain(number: int, gate: Gate) -> Verdict:
    return replace(_verdict(number, gate), near=False)
