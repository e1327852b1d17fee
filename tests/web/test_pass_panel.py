"""The panel adds up what may be shown, says what it leaves out, and never holds the page up."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from server.errors import Unavailable
from server.store.ids import new_id
from server.store.pass_counts import Fared
from server.web.call import Call
from server.web.instants import Range
from server.web.languages import catalogue
from server.web.pass_panel import PassFigure, PassPanel, count_passes, panel_of
from server.web.pass_reports import PassesRow, row_of
from tests.store.test_examination import NOW

ENGLISH, GERMAN = catalogue("dashboard")["en"], catalogue("dashboard")["de"]


def fared(*figures: int, people: int = 10) -> PassesRow:
    """An offer with issued, saved, shared, removed and waiting passes."""
    return row_of(Fared(new_id(), "coffee", people, *figures), least=10)


def test_the_offers_are_added_up_with_their_shares_of_the_issued() -> None:
    rows = [fared(1000, 600, 30, 12, 0), fared(500, 400, 20, 3, 2)]
    assert panel_of(rows, words=ENGLISH, language="en") == PassPanel(
        [
            PassFigure("Issued", "1,500", ""),
            PassFigure("Saved", "1,000", "66.7%"),
            PassFigure("On several devices", "50", "3.3%"),
            PassFigure("Thrown away", "15", "1.0%"),
            PassFigure("Update on its way", "2", "0.1%"),
        ],
        "",
    )
    assert panel_of(rows, words=GERMAN, language="de").figures[1] == PassFigure("Gespeichert", "1.000", "66,7\u00a0%")


def test_what_is_hidden_is_in_no_sum_and_that_is_said() -> None:
    panel = panel_of([fared(1000, 600, 30, 12, 0), fared(9, 9, 9, 9, 9, people=9)], words=ENGLISH, language="en")
    assert (panel.figures[0].told, panel.note) == ("1,000", ENGLISH["partly"])
    assert panel_of([fared(9, 9, 9, 9, 9, people=9)], words=ENGLISH, language="en") == PassPanel([], "")


def test_without_passes_there_is_no_panel() -> None:
    assert panel_of([], words=ENGLISH, language="en") == PassPanel([], "")


def test_what_could_not_be_counted_in_time_is_said() -> None:
    assert panel_of(None, words=GERMAN, language="de") == PassPanel([], GERMAN["too_many"])


@pytest.mark.parametrize("error", [TimeoutError(), Unavailable("busy")])
async def test_a_count_that_takes_too_long_is_none(error: Exception) -> None:
    @contextlib.asynccontextmanager
    async def connection() -> AsyncIterator[Any]:
        raise error
        yield

    call = cast("Call", SimpleNamespace(connection=connection))
    assert await count_passes(call, Range(NOW, NOW)) is None
