"""The cuts of the cube: sums of cells over hours, days and spans of 16 days, each by some of the columns that reports group by.

A report over years adds up some thousand of these instead of millions of cells. They are written by the statement that writes
the cells (server.store.funnel, server.store.trials), so that they are the same sums at any time.

Rule 1: a question takes of each length the narrowest cut that keeps all it asks for; what no cut keeps is added up from cells.
Rule 2: lengths lie within each other and begin at one origin, so that a range is cut up without gap or overlap.
Rule 3: where a long range takes more than half of a span, it may be the whole span less the rest of it, which is shorter.
Rule 4: numbers are stored: a cut is never changed, it gets a new number and a migration that sums it up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
SPAN: Final = timedelta(days=16)

NO_LEAD: Final = UUID(int=2**128 - 1)
"""What stands for an offer or a place where a cut does not keep it; 0 is no place, and the programme's own trial."""

WORDS: Final = ("channel", "placement", "variant", "weather")
_WORDS: Final = frozenset(WORDS)
_CLOCK: Final = frozenset({"weekday", "local_hour"})
_WHEN: Final = _CLOCK | {"local_day", "hour"}


Lead = Literal["offer_id", "place_id"]


class Cut(NamedTuple):
    """One cut: how long its sums are, what they are by, and whether its rows lie offer by offer or place by place: then some
    must be asked for."""

    number: int
    step: timedelta
    keeps: frozenset[str]
    lead: Lead | None = None


_OFFER, _PLACE = frozenset({"offer_id"}), frozenset({"place_id"})
_DAILY = _OFFER | {"local_day"}


def _each_word(first: int, step: timedelta, keeps: frozenset[str], *, lead: Lead | None = None) -> tuple[Cut, ...]:
    """Give four cuts that keep one word each: a question mostly names one, and the others make many sums of few."""
    return tuple(Cut(first + place, step, keeps | {word}, lead) for place, word in enumerate(WORDS))


CUTS: Final = (
    Cut(1, SPAN, _OFFER),
    Cut(2, SPAN, _PLACE),
    Cut(3, SPAN, _CLOCK),
    Cut(4, SPAN, _WORDS),
    Cut(7, SPAN, _OFFER | _WORDS),
    Cut(5, SPAN, _OFFER | _CLOCK, lead="offer_id"),
    Cut(6, SPAN, _OFFER | _PLACE, lead="offer_id"),
    *_each_word(30, SPAN, _PLACE),
    *_each_word(34, SPAN, _CLOCK),
    *_each_word(38, SPAN, _OFFER | _CLOCK, lead="offer_id"),
    *_each_word(42, SPAN, _OFFER | _PLACE, lead="offer_id"),
    Cut(27, SPAN, _PLACE | _CLOCK, lead="place_id"),
    Cut(29, SPAN, _OFFER | _PLACE, lead="place_id"),
    Cut(8, SPAN, _WORDS | _CLOCK),
    Cut(9, SPAN, _PLACE | _WORDS),
    Cut(25, SPAN, _OFFER | _WORDS | _CLOCK, lead="offer_id"),
    Cut(26, SPAN, _OFFER | _PLACE | _WORDS, lead="offer_id"),
    Cut(11, DAY, _DAILY),
    Cut(12, DAY, _PLACE),
    Cut(14, DAY, _WORDS | {"local_day"}),
    *_each_word(50, DAY, _PLACE),
    *_each_word(54, DAY, _DAILY),
    Cut(16, DAY, _OFFER | _PLACE, lead="offer_id"),
    Cut(28, DAY, _DAILY | _PLACE, lead="place_id"),
    Cut(17, DAY, _DAILY | _WORDS),
    Cut(19, DAY, _PLACE | _WORDS),
    Cut(21, HOUR, _OFFER | _WHEN),
    Cut(24, HOUR, _WORDS | _WHEN),
    *_each_word(60, HOUR, _OFFER | _WHEN),
)
"""All cuts; of each length the narrow ones first. Hours have few: a range has at most two days beside its whole ones."""


def choose(needs: Collection[str], *, offered: bool, placed: bool) -> list[Cut]:
    """Choose the cuts for a question, the long ones first; `offered`: some offers are named, `placed`: one place is.

    What no cut of its own place has is read from the cells of that place, which are few, and found by an index.
    """
    leads: tuple[Lead | None, ...] = ("place_id",) if placed else (None, "offer_id") if offered else (None,)
    found = []
    for step in (SPAN, DAY, HOUR):
        fit = (cut for cut in CUTS if cut.step == step and cut.keeps.issuperset(needs) and cut.lead in leads)
        found += [cut for cut in [next(fit, None)] if cut is not None]
    return found


class Piece(NamedTuple):
    """A stretch of time, as whole steps of one cut or as cells (None).

    It is added (`sign` 1) or taken away (-1). `sure`: all of it is in the range, and all of its people are.
    """

    cut: Cut | None
    start: datetime
    end: datetime
    sign: Literal[1, -1] = 1
    sure: bool = True


SURE_SPANS: Final = 4
"""Whose people are in so many spans, of them enough are seen in most groups, whoever else was there at the ends of a range."""


def divide(start: datetime, end: datetime, cuts: Sequence[Cut], *, over: bool = False) -> list[Piece]:
    """Divide [start, end) among the cuts, the long ones first, without gap or overlap; pure.

    With `over`, a long range may take a whole span at its ends and give back what is too much.
    """
    return list(_divide(start, end, cuts, over=over))


def _divide(start: datetime, end: datetime, cuts: Sequence[Cut], *, over: bool) -> Iterator[Piece]:
    if start >= end:
        return
    if not cuts:
        yield Piece(None, start, end)
        return
    cut, finer = cuts[0], cuts[1:]
    first, last = start + (ORIGIN - start) % cut.step, end - (end - ORIGIN) % cut.step
    if first >= last:
        yield from _divide(start, end, finer, over=False)
        return
    yield Piece(cut, first, last)
    over = over and cut.step == SPAN and last - first >= SURE_SPANS * SPAN
    before, behind = first - cut.step, last + cut.step
    for whole, wanted, rest in (
        ((before, first), (start, first), (before, start)),
        ((last, behind), (last, end), (end, behind)),
    ):
        if over and rest[1] - rest[0] < wanted[1] - wanted[0]:
            yield Piece(cut, *whole, sure=False)
            yield from (each._replace(sign=-1, sure=False) for each in _divide(*rest, finer, over=False))
        else:
            yield from _divide(*wanted, finer, over=False)


def masks() -> str:
    """Write the cuts as rows of SQL: number, length, and of which columns each keeps what."""
    return ", ".join(
        f"({cut.number}, interval '{round(cut.step / HOUR)} hours', {cut.lead == 'offer_id'}, {cut.lead == 'place_id'},"
        f" {'offer_id' in cut.keeps},"
        f" {'place_id' in cut.keeps}, {', '.join(str(word in cut.keeps) for word in WORDS)}, {'local_day' in cut.keeps},"
        f" {cut.keeps >= _CLOCK})"
        for cut in CUTS
    )


_NOBODY = f"'{NO_LEAD}'::uuid"
KEYS: Final = (
    *("cut", "lead", "at", "offer_id", "place_id", "channel", "placement", "variant", "weather"),
    *("local_day", "local_hour", "weekday", "currency"),
)
"""The columns of a sum's key; in the index the words come before offer and place (schema 0260)."""


def keyed(row: str, at: str) -> str:
    """Write the key of a row of that name, with its time in that column, in the cut `k` of `masks`."""
    return f"""k.cut, CASE WHEN k.by_offer THEN {row}.offer_id WHEN k.by_place THEN {row}.place_id ELSE {_NOBODY} END AS lead,
           date_bin(k.length, {row}.{at}, timestamptz '2000-01-01 00:00:00+00') AS at,
           CASE WHEN k.offer THEN {row}.offer_id ELSE {_NOBODY} END AS offer_id,
           CASE WHEN k.place THEN {row}.place_id ELSE {_NOBODY} END AS place_id,
           CASE WHEN k.channel THEN {row}.channel ELSE '' END AS channel,
           CASE WHEN k.placement THEN {row}.placement ELSE '' END AS placement,
           CASE WHEN k.variant THEN {row}.variant ELSE '' END AS variant,
           CASE WHEN k.weather THEN {row}.weather ELSE '' END AS weather,
           CASE WHEN k.day THEN {row}.local_day ELSE date '1970-01-01' END AS local_day,
           CASE WHEN k.clock THEN {row}.local_hour ELSE -1::smallint END AS local_hour,
           CASE WHEN k.clock THEN {row}.weekday ELSE -1::smallint END AS weekday"""


MASKS: Final = (
    f"(VALUES {masks()}) AS k (cut, length, by_offer, by_place, offer, place, {', '.join(WORDS)}, day, clock)"
)
