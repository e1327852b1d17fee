"""What becomes of a try: an end, or another try at a time that neither hurries nor comes too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.channels.base import Outcome, Receipt
from server.pipeline.queue import Ended, Terms, ended_by
from tests.builders import NOON, after

TERMS = Terms(at_once=10, lease_s=30.0, send_s=10.0, poll_s=2.0, attempts=12, first_retry_s=1.0, longest_retry_s=300.0)


@dataclass(frozen=True)
class Thing:
    attempts: int = 1
    deliver_by: datetime = NOON + timedelta(hours=24)


def ended(outcome: Outcome, *, item: Thing | None = None, chance: float = 0.5, **more: Any) -> Ended[Thing]:
    receipt = Receipt(outcome, "their-word", **more)
    return ended_by(receipt, item or Thing(), now=NOON, terms=TERMS, chance=lambda: chance)


def test_what_was_sent_is_delivered() -> None:
    told = ended(Outcome.SENT)
    assert (told.state, told.reason, told.not_before) == ("delivered", None, None)


def test_a_dead_address_is_no_dead_letter() -> None:
    assert (ended(Outcome.GONE).state, ended(Outcome.GONE).reason) == ("suppressed", "gone")


def test_what_is_refused_for_good_is_a_dead_letter_with_the_services_word() -> None:
    assert (ended(Outcome.REFUSED).state, ended(Outcome.REFUSED).reason) == ("dead", "their-word")


@pytest.mark.parametrize(("attempts", "longest_s"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (11, 300)])
def test_a_try_that_failed_comes_again_within_a_time_that_doubles(attempts: int, longest_s: float) -> None:
    for chance in (0.0, 0.25, 0.999):
        told = ended(Outcome.LATER, item=Thing(attempts), chance=chance)
        assert (told.state, told.reason) == ("queued", "their-word")
        assert told.not_before == after(longest_s * chance)


def test_the_last_try_that_fails_is_a_dead_letter() -> None:
    assert ended(Outcome.LATER, item=Thing(11)).state == "queued"
    told = ended(Outcome.LATER, item=Thing(12))
    assert (told.state, told.reason) == ("dead", "their-word")


def test_the_services_wish_is_kept_and_not_by_all_in_the_same_instant() -> None:
    times = {ended(Outcome.LATER, chance=chance, retry_after_s=20.0).not_before for chance in (0.0, 0.5, 0.9)}
    assert times == {after(20), after(20.5), after(20.9)}


def test_what_would_come_too_late_is_over_at_once() -> None:
    told = ended(Outcome.LATER, item=Thing(1, after(20)), retry_after_s=20.0)
    assert (told.state, told.reason) == ("expired", "their-word")
    assert ended(Outcome.LATER, item=Thing(1, after(20.6)), retry_after_s=20.0).state == "queued"


@given(
    attempts=st.integers(1, 5000),
    retry_after_s=st.none() | st.floats(0, 1e300),
    chance=st.floats(0, 1, exclude_max=True),
    lives_s=st.floats(0.001, 1e8),
)
def test_whatever_a_service_says_nothing_waits_for_ever(
    attempts: int, retry_after_s: float | None, chance: float, lives_s: float
) -> None:
    item = Thing(attempts, NOON + timedelta(seconds=lives_s))
    told = ended(Outcome.LATER, item=item, chance=chance, retry_after_s=retry_after_s)
    if told.state == "queued":
        assert told.not_before is not None
        assert NOON <= told.not_before < item.deliver_by
        assert attempts < TERMS.attempts
    else:
        assert told.state in ("dead", "expired")
        assert told.not_before is None


def test_an_end_keeps_its_receipt_for_what_else_follows_from_it() -> None:
    since = after(-60)
    told = ended(Outcome.GONE, gone_since=since)
    assert told.receipt is not None
    assert told.receipt.gone_since == since
