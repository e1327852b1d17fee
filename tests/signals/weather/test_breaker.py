"""The breaker: five failures in a row open it, one question at a time finds out, each failed trial doubles the pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.signals.weather.breaker import FAILURES, PAUSE, PAUSE_MAX, Breaker

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def open_breaker() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(NOON)
    return breaker


def test_four_failures_are_weather_and_five_are_the_service() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(NOON)
        assert breaker.admits(NOON)
    breaker.failed(NOON)
    assert not breaker.admits(NOON)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(20):
        breaker.failed(NOON)
        breaker.succeeded()
    assert breaker.admits(NOON)


def test_after_the_pause_exactly_one_question_is_let_through() -> None:
    breaker = open_breaker()
    assert not breaker.admits(NOON + PAUSE - timedelta(microseconds=1))
    assert [breaker.admits(NOON + PAUSE) for _ in range(3)] == [True, False, False]


def test_a_trial_that_succeeds_closes_it_and_the_next_pause_is_the_first_again() -> None:
    breaker = open_breaker()
    assert breaker.admits(NOON + PAUSE)
    breaker.succeeded()
    assert all(breaker.admits(NOON + PAUSE) for _ in range(3))
    later = NOON + timedelta(hours=1)
    for _ in range(FAILURES):
        breaker.failed(later)
    assert not breaker.admits(later + PAUSE - timedelta(seconds=1))
    assert breaker.admits(later + PAUSE)


def test_each_trial_that_fails_doubles_the_pause_up_to_the_longest() -> None:
    breaker = open_breaker()
    now, pauses = NOON, []
    pause = PAUSE
    for _ in range(8):
        now += pause
        assert breaker.admits(now)
        breaker.failed(now)
        pause = min(pause * 2, PAUSE_MAX)
        assert not breaker.admits(now + pause - timedelta(seconds=1))
        pauses.append(pause)
    assert pauses[0] == 2 * PAUSE
    assert pauses[-1] == PAUSE_MAX


def test_questions_that_were_under_way_when_it_opened_do_not_lengthen_the_pause() -> None:
    breaker = open_breaker()
    for _ in range(7):
        breaker.failed(NOON + timedelta(seconds=1))
    assert breaker.admits(NOON + PAUSE)
