"""Cron lines and recurrence rules: what can be understood and what not."""

from __future__ import annotations

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from server.decision.schedule import wrong_cron, wrong_rrule


@pytest.mark.parametrize(
    "line",
    [
        "0 7 * * *",
        "*/15 7-11 * * mon-fri",
        "30 8 1,15 * *",
        "0 12 * jan,jul 0",
        "0 12 * * 7",
        "5/10 * * * *",
        "0-30/10 9 29 2 *",
        "0 9 31 2 mon",
    ],
)
def test_a_cron_line_is_understood(line):
    assert wrong_cron(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0 7 * *",
        "0 7 * * * *",
        "60 7 * * *",
        "0 24 * * *",
        "0 7 0 * *",
        "0 7 32 * *",
        "0 7 * 13 *",
        "0 7 * * 8",
        "0 11-7 * * *",
        "*/0 7 * * *",
        "*/x 7 * * *",
        "0 7 * * monday",
        "0 7 * feb-jan *",
        "1, 7 * * *",
        "*-5 7 * * *",
        "-1 7 * * *",
        "@daily",
        "0 7 31 4,6 *",
        "0 7 30 feb *",
    ],
)
def test_a_cron_line_that_means_nothing_or_never_is_refused(line):
    assert wrong_cron(line)


@given(st.lists(st.integers(0, 70), min_size=1, max_size=3), st.integers(0, 30), st.integers(0, 30))
def test_numbers_of_a_cron_line_are_held_to_their_field(minutes, first, last):
    line = f"{','.join(map(str, minutes))} {first}-{last} * * *"
    fits = all(minute < 60 for minute in minutes) and first <= last < 24
    assert (wrong_cron(line) is None) == fits


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYHOUR=7",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=7;BYMINUTE=30",
        "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17",
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;COUNT=12",
        "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;BYHOUR=8;UNTIL=20301231T000000Z",
        "FREQ=DAILY;INTERVAL=2;BYHOUR=7,19;WKST=SU",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=+1;BYHOUR=6",
    ],
)
def test_a_recurrence_rule_is_understood_here_and_by_dateutil(rule):
    assert wrong_rrule(rule) is None
    assert rrulestr(rule.removeprefix("RRULE:"), dtstart=None, ignoretz=True)[0]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "DAILY",
        "FREQ=HOURLY;BYHOUR=7",
        "FREQ=SOMETIMES;BYHOUR=7",
        "BYHOUR=7",
        "FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=-7",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYHOUR=7;BYHOUR=8",
        "FREQ=DAILY;BYHOUR=7;INTERVAL=0",
        "FREQ=DAILY;BYHOUR=7;COUNT=3;UNTIL=20301231",
        "FREQ=DAILY;BYHOUR=7;UNTIL=tomorrow",
        "FREQ=WEEKLY;BYHOUR=7;BYDAY=XX",
        "FREQ=MONTHLY;BYHOUR=7;BYDAY=0MO",
        "FREQ=MONTHLY;BYHOUR=7;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYHOUR=7;BYMONTHDAY=32",
        "FREQ=YEARLY;BYHOUR=7;BYMONTH=-1",
        "FREQ=DAILY;BYHOUR=7;BYSECOND=5",
        "FREQ=DAILY;BYHOUR=7;WKST=8",
        "FREQ=DAILY;BYHOUR=7;;",
    ],
)
def test_a_recurrence_rule_that_cannot_be_kept_is_refused(rule):
    assert wrong_rrule(rule)
