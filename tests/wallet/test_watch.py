"""Dates in, sentences out: what ends within the time that somebody needs to renew it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wallet.watch import Fixed, Life, Notice, Watch, lasting, look_at, say

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
WARN = timedelta(days=30)


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def life(begins: float, ends: float, name: str = "certificate") -> Life:
    return Life(name, day(begins), day(ends))


def told(*lives: Life) -> list[str]:
    return [say(notice, now=NOW) for notice in look_at(lives, now=NOW, warn=WARN)]


@pytest.mark.parametrize("ends", [30.01, 31, 400])
def test_what_lasts_longer_than_renewing_takes_is_not_worth_a_word(ends: float) -> None:
    assert told(life(-1, ends)) == []


@pytest.mark.parametrize(("ends", "left"), [(30, "30 days"), (29.9, "29 days"), (1.5, "one day"), (0.2, "0 days")])
def test_what_ends_soon_is_told_with_its_day(ends: float, left: str) -> None:
    assert told(life(-300, ends)) == [
        f"The pass type certificate ends on {day(ends):%Y-%m-%d}, in {left}: after that day no pass can be signed."
        " Renew it now."
    ]


def test_what_ended_is_told_as_such() -> None:
    assert told(life(-400, -3, "wwdr")) == [
        "Apple's intermediate (WWDR) ended on 2026-11-20: no pass can be signed until a new one is put in its place."
    ]


def test_one_that_follows_without_a_gap_is_no_trouble() -> None:
    assert told(life(-390, 6), life(-1, 395, "next_certificate")) == []
    assert told(life(-390, 6), life(6, 395, "next_certificate")) == []
    assert told(life(-390, -6), life(-10, 380, "next_certificate")) == []


def test_a_gap_between_two_is_told_before_and_while_it_lasts() -> None:
    assert told(life(-390, 6), life(8, 395, "next_certificate")) == [
        "The pass type certificate ends on 2026-11-29, and the following one begins only on 2026-12-01: no pass can be"
        " signed between."
    ]
    assert told(life(-390, -6), life(8, 395, "next_certificate")) == [
        "The pass type certificate ended on 2026-11-17: no pass can be signed until the following one begins, on 2026-12-01."
    ]


def test_one_that_has_not_begun_is_told() -> None:
    assert told(life(2, 395)) == ["The pass type certificate begins only on 2026-11-25: no pass can be signed before."]


def test_the_last_of_several_that_follow_one_another_is_the_one_to_renew() -> None:
    assert told(life(-390, 6), life(1, 20, "next_certificate")) == [
        "The following pass type certificate ends on 2026-12-13, in 20 days: after that day no pass can be signed."
        " Renew it now."
    ]


def test_a_file_that_was_refused_is_told_with_its_reason() -> None:
    refused = Notice(
        "refused", "next_certificate", reason="/etc/kairos/next.pem: pass_type_id: is the UID [certificate.uid]."
    )
    assert say(refused, now=NOW) == (
        "A new file of the following pass type certificate cannot be used, the one before goes on:"
        " /etc/kairos/next.pem: pass_type_id: is the UID [certificate.uid]."
    )


def test_things_without_a_name_of_ours_are_said_by_theirs() -> None:
    assert say(Notice("ended", "the key of Google Wallet", day(-1)), now=NOW).startswith(
        "The key of Google Wallet ended on"
    )


def test_nothing_that_ends_is_nothing_to_say() -> None:
    assert told() == []


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 60)), max_size=6))
def test_what_lasts_is_what_an_hour_by_hour_walk_finds(spans: list[tuple[int, int]]) -> None:
    lives = [life(begin, begin + length, str(number)) for number, (begin, length) in enumerate(spans)]
    at = NOW
    while any(each.begins <= at < each.ends for each in lives):
        at += timedelta(hours=1)
    last = lasting(lives, now=NOW)
    assert (last.ends if last else NOW) == at


async def test_whoever_holds_something_that_ends_is_asked() -> None:
    heard: list[object] = []

    class Log:
        def warning(self, event: str, **values: object) -> None:
            heard.append((event, values["warning"]))

    watch = Watch(Fixed(life(-1, 3), life(-1, 300, "wwdr"), warn=WARN))
    watch.add(Fixed(life(-9, -2, "apns_certificate"), warn=WARN))
    assert [notice.code for notice in watch.notices(NOW)] == ["ends", "ended"]
    assert watch.ends() == {"certificate": day(3), "wwdr": day(300), "apns_certificate": day(-2)}
    assert watch.sentences(NOW)[1] == (
        "The certificate for pushes to iPhones ended on 2026-11-21: no push goes to iPhones until a new one is put in its"
        " place."
    )
    await watch.tell(NOW, log=Log())
    assert heard == [("ends", sentence) for sentence in watch.sentences(NOW)]
    assert len(heard) == 2
