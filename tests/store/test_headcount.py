"""People are counted as sets of them would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.store.headcount import Lives, Members, Orders, Scores, Visits, lives, orders, scores, sold, told, visits
from server.store.loyalty import Group, Part, Piece, Total

FIRST = datetime(2026, 10, 1, tzinfo=UTC)
HASHES = st.sampled_from([-(2**63), -7, -1, 0, 1, 2, 5, 2**40, 2**63 - 1])
CROWDS = st.sets(HASHES, max_size=6)


class Did(NamedTuple):
    """What one person did in one piece."""

    piece: int
    who: int
    number: int = 0
    amount: int = 0


def packed(*numbers: int, size: int = 8) -> bytes:
    return b"".join(each.to_bytes(size, "big", signed=True) for each in numbers)


def group(piece: int, part: Part, told: list[Did], currency: str = "") -> Group:
    numbers, amounts = (each.number for each in told), (each.amount for each in told)
    return Group(
        piece,
        part,
        currency,
        packed(*(each.who for each in told)),
        packed(*numbers, size=4) if part != "active" else b"",
        packed(*amounts) if part == "orders" else b"",
    )


def whom(members: Iterable[int] | None) -> Members | None:
    return None if members is None else Members(packed(*members))


@given(st.lists(CROWDS, min_size=5, max_size=9), st.data())
def test_lives_are_those_of_sets(crowds: list[set[int]], data: st.DataObject) -> None:
    """Half-days, so that a day may be of two pieces: in both somebody is one person on one day."""
    times = [FIRST + timedelta(hours=12 * each) for each in range(len(crowds) + 1)]
    pieces = [Piece(at.date(), at, until, False) for at, until in pairwise(times)]
    start, since = (times[data.draw(st.integers(1, len(crowds)))] for _ in range(2))
    members = data.draw(st.none() | CROWDS)
    groups = [group(place, "active", [Did(place, who) for who in crowd]) for place, crowd in enumerate(crowds)]
    own = [crowd if members is None else crowd & members for crowd in crowds]
    before = set().union(*(crowd for piece, crowd in zip(pieces, own, strict=True) if piece.end <= start))
    after = set().union(*(crowd for piece, crowd in zip(pieces, own, strict=True) if piece.start >= since))
    days: set[tuple[int, date]] = {
        (who, piece.day) for piece, crowd in zip(pieces, own, strict=True) if piece.start >= start for who in crowd
    }
    often = Counter(who for who, _ in days)
    found = lives(told(groups, whom(members)), pieces, start=start, since=since)
    assert found == Lives(
        start=len(before),
        end=len(after),
        new=len(after - before),
        buyers=len(often),
        repeating=sum(1 for count in often.values() if count > 1),
        days=len(days),
    )


def test_orders_are_added_up_by_currency_and_only_those_of_members() -> None:
    groups = [
        group(0, "orders", [Did(0, 1, 2, 500), Did(0, 2, 1, 100)], "CHF"),
        group(0, "orders", [Did(0, 1, 1, 2**40)], "EUR"),
        group(3, "orders", [Did(3, 1, 3, 7), Did(3, 9, 1, -1)], "EUR"),
        group(3, "answers", [Did(3, 1, 9)]),
    ]
    assert orders(told(groups)) == [Orders("EUR", 5, 2**40 + 6, 2), Orders("CHF", 3, 600, 2)]
    assert orders(told(groups, whom([9, 2]))) == [Orders("CHF", 1, 100, 1), Orders("EUR", 1, -1, 1)]
    assert orders(told(groups, whom([]))) == []
    assert orders([]) == []


def test_totals_tell_the_same_and_at_least_how_many_bought() -> None:
    totals = [Total("CHF", 2, 3, 600), Total("EUR", 1, 1, 2**40), Total("EUR", 2, 4, 6), Total("USD", 1, 3, 1)]
    assert sold(totals) == [Orders("EUR", 5, 2**40 + 6, 2), Orders("CHF", 3, 600, 2), Orders("USD", 3, 1, 1)]
    assert sold([]) == []


@given(st.lists(st.tuples(st.integers(0, 4), HASHES, st.integers(0, 10)), max_size=20), st.none() | CROWDS)
def test_of_everybody_the_last_answer_counts(answers: list[tuple[int, int, int]], members: set[int] | None) -> None:
    given_last = {(piece, who): score for piece, who, score in answers}
    groups = [
        group(
            place, "answers", [Did(place, who, score) for (piece, who), score in given_last.items() if piece == place]
        )
        for place in range(5)
    ]
    last = {who: given_last[piece, who] for piece, who in sorted(given_last) if members is None or who in members}
    assert scores(told(groups, whom(members))) == Scores(
        len(last), sum(score >= 9 for score in last.values()), sum(score <= 6 for score in last.values())
    )


@given(
    st.sets(st.integers(-(2**63), 2**63 - 1), max_size=200), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=200)
)
def test_members_are_found_where_they_are_whatever_their_bits(members: set[int], others: list[int]) -> None:
    """Many of them begin or end alike: they share a slot."""
    alike = [*(each >> 24 << 24 for each in sorted(members)), *(each % 2**40 for each in sorted(members))]
    people = [*others, *alike, 0, *members]
    for own in (members, set(alike), members | set(alike)):
        where = Members(packed(*own)).among(np.frombuffer(packed(*people), np.int64))
        assert where.tolist() == [place for place, each in enumerate(people) if each in own]


def test_visits_are_counted_as_often_as_somebody_came_and_people_once() -> None:
    weeks = [packed(1, 1, 2), b"", packed(2, 3, 3, 3)]
    assert visits(weeks) == Visits(7, 4, 3)
    assert visits(weeks, whom([3, 8])) == Visits(3, 1, 1)
    assert visits([]) == Visits(0, 0, 0)
