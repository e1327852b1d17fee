"""Rows of the funnel in words for people: figures, shares, money, what they were before, a picture, what showing did. Pure.

Rule 1: a group of fewer people than may be shown is said to be so, and is in no total: the total would tell what it hides.
Rule 2: a change is told as a figure beside the figure it changed from; a colour says nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from server.decision.formats import say_money
from server.model.money import Money
from server.web.effects import Effect, effects_of
from server.web.languages import Language, say_count, say_share, say_signed
from server.web.lift import LiftAnswer
from server.web.picture import Column, draw
from server.web.reports import NO_CURRENCY, Amount, FunnelRow
from server.web.screens.dashboard_view import STEPS

_COUNTED: Final = (*STEPS, "control")


class Speech(NamedTuple):
    """The words of the page, and the language that numbers are written in."""

    words: Mapping[str, str]
    language: Language


class Figure(NamedTuple):
    """One step of one group in words: its name, count, share of the decided, and what it was before ("" if not compared)."""

    step: str
    name: str
    told: str
    share: str
    before: str = ""


class Group(NamedTuple):
    """One group, or all: its figures, money, control group and picture; hidden: fewer people than may be shown.

    `tried`: somebody was held out of it; without `effects` there is not enough data to tell what it did. `link` narrows
    the view to it, "" where there is no such view; `note` is said below its name.
    """

    label: str
    hidden: bool
    figures: list[Figure]
    value: str
    control: str
    columns: list[Column]
    shape: str
    value_before: str = ""
    tried: bool = False
    effects: Sequence[Effect] = ()
    link: str = ""
    note: str = ""


class Sums(NamedTuple):
    """What is told of a group: its steps, and its money by currency."""

    counts: Mapping[str, int]
    money: Mapping[str, int]


NOTHING: Final = Sums(dict.fromkeys(_COUNTED, 0), {})


def nothing_of(row: FunnelRow) -> FunnelRow:
    """Give the row of a group that was there only before: hidden may be what it was, not that there is nobody now."""
    currency = row.value.currency if row.value is not None else NO_CURRENCY
    figures: dict[str, Any] = dict(NOTHING.counts)
    return FunnelRow(key=row.key, label=row.label, **figures, value=Amount(0, currency), suppressed=False)


def group_of(row: FunnelRow, *, speech: Speech, label: str = "", before: Sums | None = None, link: str = "") -> Group:
    """Put one row into words; `before` is what it came to in the days before, if that is to be compared and may be told."""
    if row.suppressed:
        return Group(label or row.label, True, [], "", "", [], "")
    group = _group(label or row.label, sums_of(row), before=before, speech=speech)
    return _tried(group, row, speech=speech)._replace(link=link)


def total_of(
    rows: Sequence[FunnelRow],
    whole: Sequence[FunnelRow] = (),
    *,
    label: str,
    speech: Speech,
    earlier: Sequence[FunnelRow] | None = None,
) -> Group:
    """Add up the rows that are shown.

    What the programme did as a whole is in no sum: it is measured by its own control group.
    """
    before = add_up(earlier) if earlier is not None else None
    total = _group(label, add_up(rows), before=before, speech=speech)
    return _tried(total, whole[0], speech=speech) if whole else total


def sums_of(row: FunnelRow) -> Sums:
    """Read the figures of a row that is shown."""
    amounts = row.values if isinstance(row.values, list) else [row.value] if row.value is not None else []
    return Sums(
        {step: int(getattr(row, step) or 0) for step in _COUNTED},
        {each.currency: each.minor for each in amounts if each.currency != NO_CURRENCY},
    )


def add_up(rows: Sequence[FunnelRow]) -> Sums:
    """Add up the rows that are shown, money each currency by itself."""
    counts, money = Counter(NOTHING.counts), Counter[str]()
    for row in rows:
        if not row.suppressed:
            found = sums_of(row)
            counts.update(found.counts)
            money.update(found.money)
    return Sums(counts, money)


def say_change(now: int, before: int, told: str, speech: Speech) -> str:
    """Say what something was before, and by how much it is more or less now; nothing can be said of a share of nothing."""
    said = speech.words["before"].format(count=told)
    if now == before:
        return f"{said}, {speech.words['same']}" if now else said
    if before <= 0:
        return said
    percent = say_signed(100 * (now - before) / before, speech.language, digits=1)
    return f"{said}, {percent}" + ("\u00a0%" if speech.language == "de" else "%")


def _tried(group: Group, row: FunnelRow, *, speech: Speech) -> Group:
    """Add what showing did, where somebody was held out."""
    if not isinstance(row.lift, LiftAnswer):
        return group
    return group._replace(tried=True, effects=effects_of(row.lift, words=speech.words, language=speech.language))


def _group(label: str, sums: Sums, *, before: Sums | None, speech: Speech) -> Group:
    words, language, counts = speech.words, speech.language, sums.counts
    told = {step: say_count(count, language) for step, count in counts.items()}

    def was(step: str) -> str:
        if before is None:
            return ""
        return say_change(counts[step], before.counts[step], say_count(before.counts[step], language), speech)

    return Group(
        label=label,
        hidden=False,
        figures=[
            Figure(step, words[step], told[step], say_share(counts[step], counts["decided"], language), was(step))
            for step in STEPS
        ],
        value=_amounts(sums.money, language),
        value_before=_money_before(sums.money, before.money, speech) if before is not None else "",
        control=told["control"],
        columns=draw([counts[step] for step in STEPS]),
        shape=words["shape"].format(decided=told["decided"], redeemed=told["redeemed"]),
    )


def _money_before(now: Mapping[str, int], before: Mapping[str, int], speech: Speech) -> str:
    """Say what was redeemed before; how much more or less only where it is money of one currency."""
    told = _amounts(before, speech.language)
    if len(now.keys() | before.keys()) == 1:
        return say_change(sum(now.values()), sum(before.values()), told, speech)
    return speech.words["before"].format(count=told)


def _amounts(money: Mapping[str, int], language: Language) -> str:
    return " + ".join(say_money(Money(minor, currency), language) for currency, minor in sorted(money.items())) or "–"
