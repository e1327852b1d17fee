"""A view is its address: what was chosen stands in it, what is usual does not, and each change is a link."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import msgspec
import pytest

from server.web.screens.dashboard import view_of
from server.web.screens.dashboard_view import DashboardQuery, View, facts_of

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
OFFER = UUID(int=7)


def view(**asked: Any) -> View:
    return view_of(DashboardQuery(**asked), now=NOW, zone="Europe/Berlin")


def test_the_usual_view_has_the_shortest_address() -> None:
    assert view().link() == "/dashboard"
    assert view(days="7", by="offer", step="redeemed", heat="redeemed").link() == "/dashboard"


def test_a_change_keeps_everything_else() -> None:
    seen = view(days="28", compare="before", by="store", channel="push", step="opened", offer_id=OFFER)
    changed = urlsplit(seen.link("table", weather="rain", channel=None))
    assert (changed.path, changed.fragment) == ("/dashboard", "table")
    assert parse_qs(changed.query) == {
        "days": ["28"], "compare": ["before"], "by": ["store"], "step": ["opened"], "offer_id": [str(OFFER)],
        "weather": ["rain"],
    }  # fmt: skip


def test_a_link_leads_to_the_same_view_again() -> None:
    for asked in (
        {"days": "90", "variant": "a&b=c#d ?", "heat": "decided"},
        {"first": "2026-11-01", "last": "2026-11-02", "variant": 'ü<>"'},
        {"days": "1", "compare": "before", "store_id": str(OFFER)},
    ):
        seen = view(**asked)
        query = msgspec.convert(dict(parse_qsl(urlsplit(seen.link()).query)), DashboardQuery)
        assert view_of(query, now=NOW, zone="Europe/Berlin") == seen


def test_chosen_dates_and_the_last_so_many_days_are_never_both_in_an_address() -> None:
    assert (
        view(days="28", first="2026-11-01", last="2026-11-02").link() == "/dashboard?first=2026-11-01&last=2026-11-02"
    )
    assert (
        view(days="28", first="2026-11-03", last="2026-11-02").link() == "/dashboard"
    )  # they were wrong: the usual ones
    assert view(first="2026-11-01", last="2026-11-02").link(days="1", first=None, last=None) == "/dashboard?days=1"


def test_the_form_shows_the_days_that_are_shown_and_what_was_typed_where_that_was_wrong() -> None:
    assert view(days="7").typed == ("2026-10-29", "2026-11-04")
    assert view(first="2026-11-01", last="2026-11-02").typed == ("2026-11-01", "2026-11-02")
    assert view(first="2023-01-01", last="2026-11-28").typed == ("2023-01-01", "2026-11-28")
    assert view(last="2026-11-28").typed == ("", "2026-11-28")


def test_reports_are_asked_for_the_same_days_and_narrowed_as_far_as_they_can_be() -> None:
    seen = view(first="2026-11-01", last="2026-11-02", by="store", channel="push", offer_id=OFFER, compare="before")
    days = {"from": ["2026-11-01"], "to": ["2026-11-03"]}
    offer, channel = {"offer_id": [str(OFFER)]}, {"channel": ["push"]}
    asked = {name: urlsplit(address) for name, address in seen.reports().items()}
    assert {name: (each.path, parse_qs(each.query)) for name, each in asked.items()} == {
        "funnel": ("/v1/reports/funnel", days | offer | channel | {"by": ["store"]}),
        "trend": ("/v1/reports/funnel", days | offer | channel | {"by": ["day"]}),
        "trend_before": (
            "/v1/reports/funnel",
            offer | channel | {"by": ["day"], "from": ["2026-10-30"], "to": ["2026-11-01"]},
        ),
        "heat": ("/v1/reports/heat", days | offer | channel),
        "stores": ("/v1/reports/stores", days | offer | channel),
        "money": ("/v1/reports/money", days | offer),
        "kpis": ("/v1/reports/kpis", days),
    }


def test_a_map_of_stores_is_not_narrowed_to_one() -> None:
    assert "store_id" not in view(store_id=str(OFFER)).reports()["stores"]
    assert "trend_before" not in view().reports()


@pytest.mark.parametrize("store", ["none", str(OFFER)])
def test_a_place_is_an_id_or_none(store: str) -> None:
    assert msgspec.convert({"store_id": store}, DashboardQuery).store_id == store
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"store_id": f"x{store}"}, DashboardQuery)


@pytest.mark.parametrize(("days", "by"), [("1", "hour"), ("7", "day")])
def test_a_single_day_goes_by_its_hours(days: str, by: str) -> None:
    assert view(days=days).by_time == by


def test_scripts_are_told_both_ranges_with_their_ends_behind_the_last_day() -> None:
    facts = facts_of(view(compare="before", channel="push"), least=10)
    assert facts["range"] == {"from": "2026-10-29", "to": "2026-11-05", "days": 7}
    assert facts["earlier"] == {"from": "2026-10-22", "to": "2026-10-29", "days": 7}
    assert (facts["narrowed"], facts["least"]) == ({"channel": "push"}, 10)
    assert facts_of(view(), least=10)["earlier"] is None
