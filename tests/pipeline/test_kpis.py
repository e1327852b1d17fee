"""The formulas are those of the textbooks, with the examples by which they are taught."""

from __future__ import annotations

import pytest

from server.pipeline.kpis import (
    average_order_value,
    churn_rate,
    frequency,
    lifespan,
    lifetime_value,
    promoter_score,
    repeat_rate,
    retention_rate,
    visits_a_week,
)


def test_retention_of_85_percent_is_a_churn_of_15() -> None:
    start, end, new = 100, 105, 20
    assert retention_rate(start, end, new) == 85
    assert churn_rate(start, start - (end - new)) == 15


@pytest.mark.parametrize(("start", "kept", "new"), [(1, 1, 0), (7, 3, 2), (1000, 0, 50), (10, 10, 10)])
def test_retention_and_churn_are_all_customers_of_the_start(start: int, kept: int, new: int) -> None:
    retained, lost = retention_rate(start, kept + new, new), churn_rate(start, start - kept)
    assert retained is not None
    assert lost is not None
    assert retained + lost == pytest.approx(100)


def test_the_repeat_rate_is_repeating_customers_by_all() -> None:
    assert repeat_rate(30, 120) == 25


def test_lifetime_value_is_order_value_times_frequency_times_lifespan() -> None:
    worth, often, years = average_order_value(50_000, 100), frequency(48, 12), lifespan(20)
    assert (worth, often, years) == (500, 4, 5)
    assert lifetime_value(worth, often, years) == 10_000


def test_nobody_who_leaves_tells_how_long_customers_stay() -> None:
    assert lifespan(0) is None
    assert lifespan(100) == 1


@pytest.mark.parametrize(
    ("promoters", "detractors", "answers", "score"),
    [(70, 10, 100, 60), (10, 0, 10, 100), (0, 4, 4, -100), (1, 1, 3, 0)],
)
def test_the_promoter_score_is_promoters_less_detractors(
    promoters: int, detractors: int, answers: int, score: float
) -> None:
    assert promoter_score(promoters, detractors, answers) == score


def test_four_visits_of_two_customers_in_a_week_are_two_a_week() -> None:
    assert visits_a_week(4, 2) == 2


def test_where_there_is_nobody_there_is_no_figure() -> None:
    assert retention_rate(0, 5, 5) is None
    assert churn_rate(0, 0) is None
    assert repeat_rate(0, 0) is None
    assert average_order_value(0, 0) is None
    assert frequency(0, 0) is None
    assert promoter_score(0, 0, 0) is None
    assert visits_a_week(0, 0) is None
    assert lifetime_value(None, 1, 1) is None
