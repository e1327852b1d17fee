"""What is written down of a fix beside a fence decides as the fix itself did, and tells no distance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from server.decision.evidence import is_outside, is_within_margin, record, seen
from server.decision.presence import advance
from server.model.context import Believed, Recorded
from server.model.customer import State
from server.model.place import Point
from tests.builders import after, fix, hit, hits, offer, ruleset

RULES = ruleset(
    *(offer(n, trigger="inside", min_confidence=c) for n, c in enumerate((0.05, 0.29, 0.5, 0.7, 0.71, 1), 1))
)
FAR = Point(-80.0, 170.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 400), st.sampled_from([3, 8, 25, 48, 60, 150, 199, 201, 900]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_the_record_of_a_walk_moves_the_state_as_the_walk_did(walk: list[tuple[float, float, bool]]) -> None:
    lived, recalled = State(), State()
    for number, (north, accuracy, mock) in enumerate(walk):
        here = replace(fix(north, at=after(60 * number), accuracy_m=accuracy), mock=mock)
        around = hits(RULES, here.point)
        moved = advance(lived, here, around, ruleset=RULES, zone=None)
        kept = [each._replace(center_m=0.0, edge_m=0.0, recorded=record(each, accuracy)) for each in around]
        past = replace(here, point=FAR, accuracy_m=5.0, speed_mps=None)
        believed = Believed(moved.late, moved.doubts)
        again = advance(recalled, past, kept, ruleset=RULES, zone=None, believed=believed)
        assert again.state.stays == moved.state.stays
        assert [(each.type, each.confidence) for each in again.transitions] == [
            (each.type, each.confidence) for each in moved.transitions
        ]
        lived, recalled = moved.state, again.state


@pytest.mark.parametrize("believed", [Believed(late=True), Believed(doubts=("mock",)), Believed(doubts=("teleport",))])
def test_a_fix_that_was_not_believed_then_moves_nothing_now(believed: Believed) -> None:
    inside = hit(0)._replace(recorded=Recorded(1.0, False, True, False))
    moved = advance(State(), fix(), [inside], ruleset=ruleset(), zone=None, believed=believed)
    assert moved.state.stays == ()
    assert moved.reason == ("out_of_order" if believed.late else believed.doubts[-1])


@pytest.mark.parametrize(
    ("edge", "accuracy", "kept"),
    [
        (-90, 8, Recorded(1.0, False, True, False)),
        (25, 5, Recorded(0.0, False, True, False)),
        (26, 5, Recorded(0.0, True, False, False)),
        (60, 150, Recorded(0.15, False, False, False)),
        (60, 250, Recorded(0.2, False, False, True)),
    ],
)
def test_what_is_kept_is_likelihood_in_hundredths_and_three_words(edge: float, accuracy: float, kept: Recorded) -> None:
    measured = hit(edge, radius_m=100)
    assert record(measured, accuracy)._replace(p=kept.p) == kept
    p, _ = seen(measured, accuracy)
    assert 0 <= p - record(measured, accuracy).p < 0.01


@given(st.floats(-100, 500), st.floats(5, 400), st.integers(5, 100))
def test_a_record_answers_every_confidence_in_hundredths_as_the_fix_does(
    edge: float, accuracy: float, hundredths: int
) -> None:
    confidence, measured = hundredths / 100, hit(edge, radius_m=120)
    p, coarse = seen(measured, accuracy)
    past = measured._replace(edge_m=0.0, center_m=0.0, recorded=record(measured, accuracy))
    said, said_coarse = seen(past, 5.0)
    assert (said >= confidence, said_coarse) == (p >= confidence, coarse)
    assert is_outside(past, said, confidence) == is_outside(measured, p, confidence)
    assert is_within_margin(past) == is_within_margin(measured)
    assert record(past, 5.0) == past.recorded
