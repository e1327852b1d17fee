"""The words of a report."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.model.place import Circle
from server.pipeline.batch import Batch, Result, Watch, Watched
from tests.pipeline.town import SENT, TOWN, fix


def test_a_report_is_of_a_phone_in_the_background_unless_it_says_otherwise() -> None:
    batch = Batch(UUID(int=1), SENT, (fix(),))
    assert (batch.foreground, batch.zone, batch.timer) == (False, None, False)
    with pytest.raises(AttributeError):
        batch.foreground = True  # type: ignore[misc]


def test_a_phone_that_learns_nothing_new_reports_within_a_minute() -> None:
    assert Watch() == ((), 60)
    assert Watch((Watched(UUID(int=1), Circle(TOWN, 100.0), b"{}"),), 15).circles[0].circle.radius_m == 100.0


def test_a_result_without_a_reason_has_none() -> None:
    assert Result(UUID(int=1), "accepted") == (UUID(int=1), "accepted", None)
