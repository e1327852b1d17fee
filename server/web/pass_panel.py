"""The dashboard's panel of passes: how many were issued in the days shown, and how they fare in wallets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from server.errors import Unavailable
from server.store import pass_counts
from server.web.call import Call
from server.web.instants import Range
from server.web.languages import Language, say_count, say_share
from server.web.pass_reports import PassesRow, row_of

_FIGURES: Final = ("issued", "saved", "shared", "removed", "waiting")
_COUNT_S: Final = 0.5
"""Every pass is looked at: a chain's whole quarter takes longer, and the page does not wait for it."""


class PassFigure(NamedTuple):
    """One figure in words: its name, count and share of the issued."""

    name: str
    told: str
    share: str


class PassPanel(NamedTuple):
    """The figures of all offers that may be shown, none where nothing is; and a sentence beside them, "" for none."""

    figures: list[PassFigure]
    note: str


async def count_passes(call: Call, span: Range) -> list[PassesRow] | None:
    """Count the passes of the days shown, by offer; None where that takes longer than a page may."""
    try:
        async with asyncio.timeout(_COUNT_S), call.connection() as db:
            counted = await pass_counts.count(db, start=span.start, end=span.end)
    except (TimeoutError, Unavailable):
        return None
    return [row_of(each, least=call.parts.settings.privacy.min_group) for each in counted]


def panel_of(rows: Sequence[PassesRow] | None, *, words: Mapping[str, str], language: Language) -> PassPanel:
    """Add up the offers that are shown: with the hidden ones in it, the total would tell what they hide."""
    if rows is None:
        return PassPanel([], words["too_many"])
    shown = [row for row in rows if not row.suppressed]
    sums = {name: sum(int(getattr(row, name) or 0) for row in shown) for name in _FIGURES}
    if not sums["issued"]:
        return PassPanel([], "")
    return PassPanel(
        [
            PassFigure(
                words[f"passes_{name}"],
                say_count(count, language),
                "" if name == "issued" else say_share(count, sums["issued"], language),
            )
            for name, count in sums.items()
        ],
        words["partly"] if len(shown) < len(rows) else "",
    )
