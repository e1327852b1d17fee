"""How many people: counted out of the hashes that rows of days hold. Pure.

Rule 1: active at an instant is who bought or redeemed something within so many days before it.
Rule 2: how often somebody bought is on how many days: a purchase and its coupon are two events, and one visit to the till.
Rule 3: of several answers of one customer to the same question the last one in the range counts.
Rule 4: people are told apart by 64 bits: among ten million of them two are taken for one with a chance of three in a million.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from server.store.loyalty import Group, Part, Piece, Total

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


class Told(NamedTuple):
    """A group as numbers: its people, and what lies beside them (nothing where a group holds nothing)."""

    piece: int
    part: Part
    currency: str
    people: Numbers
    numbers: Numbers
    amounts: Numbers


def told(groups: Sequence[Group], members: Members | None = None) -> list[Told]:
    """Read groups part by part, of `members` alone if some are given."""
    parts = sorted({each.part for each in groups})
    return [each for part in parts for each in _told([group for group in groups if group.part == part], members)]


def _told(groups: Sequence[Group], members: Members | None) -> Iterator[Told]:
    np = _numpy()
    people = _hashes(*(each.people for each in groups))
    numbers = np.frombuffer(b"".join(each.numbers for each in groups), ">i4")
    amounts = np.frombuffer(b"".join(each.amounts for each in groups), ">i8")
    kept = None if members is None else members.among(people)
    ends = np.cumsum([len(each.people) // 8 for each in groups])
    columns = (_divide(values, ends, kept) for values in (people, numbers, amounts))
    return (Told(each.piece, each.part, each.currency, *own) for each, *own in zip(groups, *columns, strict=True))


def lives(found: Sequence[Told], pieces: Sequence[Piece], *, start: datetime, since: datetime) -> Lives:
    """Count who was active before `start`, who from `since` on, and who from `start` on; both are edges of pieces."""
    np = _numpy()
    found = [each for each in found if each.part == "active"]
    first = _apart(_joined(each.people for each in found if pieces[each.piece].end <= start))
    last = _apart(_joined(each.people for each in found if pieces[each.piece].start >= since))
    kept = len(np.intersect1d(first, last, assume_unique=True))
    own = np.sort(_once_a_day([each for each in found if pieces[each.piece].start >= start], pieces))
    again = own[1:] == own[:-1]  # the same person as before, on one more day
    repeating = int((again & ~np.append(False, again[:-1])).sum()) if len(again) else 0
    buyers = len(own) - int(again.sum())
    return Lives(len(first), len(last), len(last) - kept, buyers, repeating, len(own))


def _once_a_day(found: Sequence[Told], pieces: Sequence[Piece]) -> Numbers:
    """Take everybody once for each day: who is in a piece is so once, and few days are of several pieces."""
    days: defaultdict[date, list[Numbers]] = defaultdict(list)
    for each in found:
        days[pieces[each.piece].day].append(each.people)
    return _joined(of[0] if len(of) == 1 else _apart(_joined(of)) for of in days.values())


def orders(found: Sequence[Told]) -> list[Orders]:
    """Add up what was bought, the currency of most purchases first."""
    added = []
    for currency in sorted({each.currency for each in found if each.part == "orders"}):
        own = [each for each in found if (each.part, each.currency) == ("orders", currency)]
        buyers = len(_apart(_joined(each.people for each in own)))
        if buyers:
            number, amount = sum(int(each.numbers.sum()) for each in own), sum(int(each.amounts.sum()) for each in own)
            added.append(Orders(currency, number, amount, buyers))
    return sorted(added, key=lambda each: -each.orders)


def sold(totals: Iterable[Total]) -> list[Orders]:
    """Add up the totals of pieces likewise: there are as many buyers at least as in the piece that has most of them."""
    found: dict[str, Orders] = {}
    for currency, people, number, amount in totals:
        old = found.get(currency, Orders(currency, 0, 0))
        found[currency] = Orders(currency, old.orders + number, old.revenue_minor + amount, max(old.buyers, people))
    return sorted(found.values(), key=lambda each: (-each.orders, each.currency))


def scores(found: Sequence[Told]) -> Scores:
    """Count the last answer of everybody; the groups are in the order of time."""
    np = _numpy()
    own = [each for each in reversed(found) if each.part == "answers"]
    _, last = np.unique(_joined(each.people for each in own), return_index=True)
    given = _joined(each.numbers for each in own)[last]
    return Scores(len(given), int((given >= 9).sum()), int((given <= 6).sum()))


def visits(weeks: Sequence[bytes], members: Members | None = None) -> Visits:
    """Count visits, given for each week the hashes of who came, as often as they did."""
    people = _hashes(*weeks)
    ends = _numpy().cumsum([len(each) // 8 for each in weeks])
    came = _divide(people, ends, None if members is None else members.among(people))
    apart = [_apart(week) for week in came]
    return Visits(sum(map(len, came)), sum(map(len, apart)), len(_apart(_joined(apart))))


class Members:
    """Hashes to find among many: each has a slot by some of its bits, which says which one it is; few share one with others."""

    def __init__(self, hashes: bytes) -> None:
        np = _numpy()
        self._own = own = _hashes(hashes)
        self._mask = (16 << len(own).bit_length()) - 1
        slots, numbers = own & self._mask, np.arange(len(own), dtype=np.int32)
        self._slots = np.zeros(self._mask + 1, np.int32)
        self._slots[slots] = numbers
        self._others = np.sort(own[self._slots[slots] != numbers])
        self._taken, self._shared = np.zeros(self._mask + 1, bool), np.zeros(self._mask + 1, bool)
        self._taken[slots] = True
        self._shared[self._others & self._mask] = True

    def among(self, people: Numbers) -> Numbers:
        """Tell where members are, in the order in which they come."""
        np = _numpy()
        slots = people & self._mask
        maybe = np.flatnonzero(self._taken[slots])  # mostly few: all else is asked of these alone
        some, slots = people[maybe], slots[maybe]
        found = self._own[self._slots[slots]] == some
        unsure = np.flatnonzero(self._shared[slots] & ~found)
        if len(unsure):
            at = np.searchsorted(self._others, some[unsure])
            found[unsure] = self._others[np.minimum(at, len(self._others) - 1)] == some[unsure]
        where: Numbers = maybe[found]
        return where


def _divide(values: Any, ends: Numbers, kept: Numbers | None) -> list[Numbers]:
    """Divide values among groups that end at these places; `kept` are the places of those that are wanted, in order."""
    np = _numpy()
    if kept is not None and len(values):
        values, ends = values[kept], np.searchsorted(kept, ends)
    values = values.astype(np.int64, copy=False)
    if not len(values):
        return [values] * len(ends)
    return [values[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)]


def _joined(parts: Iterable[Numbers]) -> Numbers:
    np = _numpy()
    joined: Numbers = np.concatenate([np.zeros(0, np.int64), *parts])
    return joined


def _apart(people: Numbers) -> Numbers:
    """Tell people apart; sorting is ten times as quick as the hash table of `numpy.unique`."""
    np = _numpy()
    ordered = np.sort(people)
    apart: Numbers = ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
    return apart


def _hashes(*found: bytes) -> Numbers:
    """Read hashes as they lie there: they are only compared, so that the order of their bytes is all the same."""
    np = _numpy()
    read: Numbers = np.frombuffer(b"".join(found), np.int64)
    return read


def _numpy() -> Any:
    import numpy as np  # noqa: PLC0415  some 20 MB: for reports alone

    return np
