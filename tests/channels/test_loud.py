"""What takes nothing of ours is said once a minute, each reason for itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.channels.loud import Loud
from tests.apple_home import Heard

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_reason_is_said_once_a_minute_and_another_one_beside_it() -> None:
    log = Heard()
    loud = Loud(log, event="nothing_is_taken", way="fcm")
    for seconds, reason in ((0, "a"), (1, "a"), (1, "b"), (59, "a"), (60, "a")):
        loud.say(reason, f"look at {reason}", now=NOW + timedelta(seconds=seconds))
    assert [each["reason"] for each in log.said] == ["a", "b", "a"]
    assert log.said[0] == {"event": "nothing_is_taken", "way": "fcm", "reason": "a", "look_at": "look at a"}


def test_a_clock_that_was_set_back_does_not_silence_it() -> None:
    log = Heard()
    loud = Loud(log, event="nothing_is_taken", way="fcm")
    loud.say("a", "", now=NOW)
    loud.say("a", "", now=NOW - timedelta(hours=1))
    assert len(log.said) == 2
