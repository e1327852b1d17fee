"""ISO 8601 durations of fixed length."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.durations import read_duration, say_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT2M", 120),
        ("P7D", 604_800),
        ("P2W", 1_209_600),
        ("PT90M", 5_400),
        ("P1DT12H30M15S", 131_415),
        ("PT0.5S", 0.5),
        ("PT0S", 0),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "P1M",
        "P1Y",
        "2M",
        "PT-2M",
        "-PT2M",
        "pt2m",
        "PT2M ",
        "PT2,5S",
        "PT2",
        "P7",
        "PTM",
        "PT٢M\n",
        "P9999999W",
    ],
)
def test_what_is_no_duration_of_fixed_length_is_none(text):
    assert read_duration(text) is None


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_days_hours_minutes_and_seconds_add_up(days, hours, minutes, seconds):
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert read_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == timedelta(seconds=whole)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(days=7), "1 week"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(days=8), "8 days"),
        (timedelta(days=1, seconds=1), "1 day 1 second"),
        (timedelta(days=3660), "3660 days"),
    ],
)
def test_a_duration_is_said_in_words(length, words):
    assert say_duration(length) == words
