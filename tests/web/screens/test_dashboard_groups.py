"""Rows of the funnel in words: sums, money of several currencies, what it was before, and nothing of who is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from server.web.languages import Language, catalogue
from server.web.reports import Amount, FunnelRow
from server.web.screens.dashboard_groups import NOTHING, Speech, add_up, group_of, say_change, sums_of, total_of

EN, DE = (Speech({**catalogue("common")[each], **catalogue("dashboard")[each]}, each) for each in ("en", "de"))
NARROW, WIDE = "\u2212", "\u00a0"


def figures(label: str = "coffee", *, suppressed: bool = False, value: Amount | None = None, **more: Any) -> FunnelRow:
    counts = dict.fromkeys(("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control"), 0) | more
    values = counts.pop("values", None)
    shown = {step: None if suppressed else count for step, count in counts.items()}
    told: dict[str, Any] = {} if values is None else {"values": values}
    return FunnelRow(
        key=label, label=label, suppressed=suppressed, value=None if suppressed else value, **told, **shown
    )


ROWS = [
    figures("a", decided=10, value=Amount(100, "EUR"), values=[Amount(5, "CHF"), Amount(100, "EUR")]),
    figures("b", decided=10, value=Amount(250, "EUR")),
    figures("c", suppressed=True),
]


def test_money_of_several_currencies_is_added_up_each_by_itself() -> None:
    total = total_of(ROWS, label="All", speech=EN)
    assert total.value == "CHF\u00a00.05 + €3.50"
    assert total.figures[0].told == "20"


def test_no_currency_is_no_money() -> None:
    assert group_of(figures(decided=3, value=Amount(0, "XXX")), speech=EN).value == "–"


def test_a_hidden_group_carries_no_figure_at_all() -> None:
    group = group_of(figures(suppressed=True), speech=EN, before=NOTHING, link="/dashboard?offer_id=x")
    assert (group.hidden, group.figures, group.columns, group.value, group.control) == (True, [], [], "", "")
    assert (group.value_before, group.link) == ("", "")


def test_what_was_before_stands_beside_each_figure() -> None:
    now = figures(decided=12, redeemed=6, value=Amount(1500, "EUR"))
    was = figures(decided=8, redeemed=6, value=Amount(2000, "EUR"))
    group = group_of(now, speech=EN, before=sums_of(was))
    said = {figure.step: figure.before for figure in group.figures}
    assert (said["decided"], said["redeemed"], said["opened"]) == (
        "before 8, +50.0%",
        "before 6, unchanged",
        "before 0",
    )
    assert group.value_before == f"before €20.00, {NARROW}25.0%"
    assert [figure.before for figure in group_of(now, speech=EN).figures] == [""] * 6


def test_money_of_other_currencies_than_before_is_told_without_a_share() -> None:
    group = group_of(figures(value=Amount(100, "EUR")), speech=EN, before=sums_of(figures(value=Amount(100, "CHF"))))
    assert group.value_before == "before CHF\u00a01.00"
    assert group_of(figures(), speech=EN, before=NOTHING).value_before == "before –"


def test_a_total_is_compared_with_the_total_before() -> None:
    total = total_of(ROWS, label="All", speech=EN, earlier=[figures("b", decided=25), figures("c", suppressed=True)])
    assert total.figures[0].before == f"before 25, {NARROW}20.0%"
    assert add_up([figures("c", suppressed=True)]) == NOTHING


@pytest.mark.parametrize(
    ("now", "before", "language", "said"),
    [
        (15, 10, "en", "before 10, +50.0%"),
        (5, 10, "en", f"before 10, {NARROW}50.0%"),
        (15, 10, "de", f"vorher 10, +50,0{WIDE}%"),
        (10, 10, "de", "vorher 10, unverändert"),
        (0, 10, "en", f"before 10, {NARROW}100.0%"),
        (7, 0, "en", "before 0"),
        (0, 0, "en", "before 0"),
        (100_001, 100_000, "en", "before 100000, 0.0%"),
    ],
)
def test_a_change_is_said_in_figures_where_it_is_a_share_of_something(
    now: int, before: int, language: Language, said: str
) -> None:
    assert say_change(now, before, str(before), EN if language == "en" else DE) == said
