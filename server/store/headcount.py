"""How many people: counted out of the hashes that rows of days hold. Pure.

Rule 1: active at an instant is who bought or redeemed something within so many days before it.
Rule 2: how often somebody bought is on how many days: a purchase and its coupon are two events, and one visit to the till.
Rule 3: of several answers of one customer to the same question the last one in the range counts.
Rule 4: people are told apart by 64 bits: among ten million of them two are taken for one with a chance of three in a million.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from server.store.loyalty import Group, Piece, Total

if TYPE_CHECKING:
    import numpy as np

    Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]


class Lives(NamedTuple):
    """Customers active at the start and at the end, those of the end who were not at the start; of the range: who bought,
    who did so on more days than one, and all those days."""

    start: int
    end: int
    new: int
    buyers: int
    repeating: int
    days: int


class Orders(NamedTuple):
    """Purchases with an amount, in one currency."""

    currency: str
    orders: int
    revenue_minor: int
    buyers: int = 0  # all of them, or so many at least where that is all that is asked for


class Scores(NamedTuple):
    """Answers from 0 to 10, one of each customer: 9 and 10 promote, 0 to 6 detract."""

    answers: int
    promoters: int
    detractors: int


class Visits(NamedTuple):
    """Over whole weeks: visits, who came, each once for every week in which they did, and how many people that were."""

    visits: int
    visitors: int
    people: int


def lives(
    groups: Sequence[Group], pieces: Sequence[Piece], *, start: datetime, since: datetime, members: bytes | None
) -> Lives:
    """Count who was active before `start`, who from `since` on, and who from `start` on; both are edges of pieces."""
    np = _numpy()
    first = _apart(_row([each for each in groups if pieces[each.piece].end <= start], members).people)
    last = _apart(_row([each for each in groups if pieces[each.piece].start >= since], members).people)
    kept = len(np.intersect1d(first, last, assume_unique=True))
    own = np.sort(_once_a_day([each for each in groups if pieces[each.piece].start >= start], pieces, members))
    again = own[1:] == own[:-1]  # the same person as before, on one more day
    repeating = int((again & ~np.append(False, again[:-1])).sum()) if len(again) else 0
    buyers = len(own) - int(again.sum())
    return Lives(len(first), len(last), len(last) - kept, buyers, repeating, len(own))


def _once_a_day(groups: Sequence[Group], pieces: Sequence[Piece], members: bytes | None) -> Numbers:
    """Take everybody once for each day: who is in a piece is so once, and few days are of several pieces."""
    days: defaultdict[date, list[Group]] = defaultdict(list)
    for each in groups:
        days[pieces[each.piece].day].append(each)
    whole = _row([of[0] for of in days.values() if len(of) == 1], members).people
    pieced = (_apart(_row(of, members).people) for of in days.values() if len(of) > 1)
    once: Numbers = _numpy().concatenate([whole, *pieced])
    return once


def orders(groups: Sequence[Group], *, members: bytes | None) -> list[Orders]:
    """Add up what was bought, the currency of most purchases first."""
    found = []
    for currency in sorted({each.currency for each in groups if each.part == "orders"}):
        row = _row([each for each in groups if (each.part, each.currency) == ("orders", currency)], members)
        if len(row.people):
            buyers = len(_apart(row.people))
            found.append(Orders(currency, int(row.numbers.sum()), int(row.amounts.sum()), buyers))
    return sorted(found, key=lambda each: -each.orders)


def sold(totals: Iterable[Total]) -> list[Orders]:
    """Add up the totals of pieces likewise: there are as many buyers at least as in the piece that has most of them."""
    found: dict[str, Orders] = {}
    for currency, people, number, amount in totals:
        old = found.get(currency, Orders(currency, 0, 0))
        found[currency] = Orders(currency, old.orders + number, old.revenue_minor + amount, max(old.buyers, people))
    return sorted(found.values(), key=lambda each: (-each.orders, each.currency))


def scores(groups: Sequence[Group], *, members: bytes | None) -> Scores:
    """Count the last answer of everybody; the groups are in the order of time."""
    np = _numpy()
    row = _row([each for each in reversed(groups) if each.part == "answers"], members)
    _, last = np.unique(row.people, return_index=True)
    told = row.numbers[last]
    return Scores(len(told), int((told >= 9).sum()), int((told <= 6).sum()))


def visits(weeks: Iterable[bytes], *, members: bytes | None) -> Visits:
    """Count visits, given for each week the hashes of who came, as often as they did."""
    np = _numpy()
    own = [week if members is None else week[_among(week, members)] for week in map(_hashes, weeks)]
    apart = [_apart(week) for week in own]
    people = len(_apart(np.concatenate(apart))) if apart else 0
    return Visits(sum(map(len, own)), sum(map(len, apart)), people)


class _Row(NamedTuple):
    """Groups one behind the other: whom, and what lies beside them (nothing where groups hold nothing)."""

    people: Numbers
    numbers: Numbers
    amounts: Numbers


def _row(groups: Sequence[Group], members: bytes | None) -> _Row:
    np = _numpy()
    people = _hashes(*(each.people for each in groups))
    numbers = np.frombuffer(b"".join(each.numbers for each in groups), ">i4").astype(np.int64)
    amounts = _hashes(*(each.amounts for each in groups))
    if members is None:
        return _Row(people, numbers, amounts)
    kept = _among(people, members)
    return _Row(people[kept], *(each[kept] if len(each) else each for each in (numbers, amounts)))


def _apart(people: Numbers) -> Numbers:
    """Tell people apart; sorting is ten times as quick as the hash table of `numpy.unique`."""
    np = _numpy()
    ordered = np.sort(people)
    apart: Numbers = ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
    return apart


def _among(people: Numbers, members: bytes) -> Any:
    """Tell where members are, in the order in which they come: by a coarse sieve first, since most are none."""
    np = _numpy()
    own = np.sort(_hashes(members))
    if not len(own):
        return np.zeros(0, np.int64)
    mask = (16 << len(own).bit_length()) - 1
    sieve = np.zeros(mask + 1, bool)
    sieve[own & mask] = True
    found = np.flatnonzero(sieve[people & mask])
    found = found[np.argsort(people[found])]  # in order they are found five times as quickly
    at = np.minimum(np.searchsorted(own, people[found]), len(own) - 1)
    return np.sort(found[own[at] == people[found]])


def _hashes(*found: bytes) -> Numbers:
    """Read 64-bit numbers, the most significant byte first, as PostgreSQL sends them."""
    np = _numpy()
    read: Numbers = np.frombuffer(b"".join(found), ">i8").astype(np.int64)
    return read


def _numpy() -> Any:
    import numpy as np  # noqa: PLC0415  some 20 MB: for reports alone

    return np
