"""What a dashboard shows, as its address tells it: the days, the grouping, and what it is narrowed to.

Rule 1: everything that somebody chose stands in the address: a link keeps the view, and the browser's back button works.
Rule 2: what is usual is left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from server.web.screens.days import USUAL, Chosen

PATH: Final = "/dashboard"
STEPS: Final = ("decided", "delivered", "opened", "clicked", "passes", "redeemed")
CHOICES: Final = ("1", "7", "28", "90")

Step = Literal["decided", "delivered", "opened", "clicked", "passes", "redeemed"]
Grouping = Literal["offer", "store", "channel", "placement", "variant", "weather"]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Place = Annotated[str, msgspec.Meta(pattern=r"^(none|[0-9a-fA-F-]{36})$")]

GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)
NARROWING: Final[Mapping[str, Grouping]] = {
    "offer_id": "offer",
    "store_id": "store",
    "channel": "channel",
    "placement": "placement",
    "variant": "variant",
    "weather": "weather",
}
"""By what a view is narrowed (the name is that of the report's parameter), and whose rows lead there."""

_REPORTS: Final = {
    "funnel": "funnel",
    "trend": "funnel",
    "heat": "heat",
    "stores": "stores",
    "money": "money",
    "kpis": "kpis",
}
_NOT_BY: Final = {
    "stores": ("store_id",),
    "money": ("store_id", "channel", "placement", "variant", "weather"),
    "kpis": tuple(NARROWING),
}
"""What a report cannot be narrowed by."""

_DAYS: Final = frozenset({"days", "first", "last"})
_USUAL: Final = {"days": USUAL, "by": "offer", "step": "redeemed", "heat": "redeemed"}


class DashboardQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The last so many days up to today, or from a first day to a last one, both included; and all else that was chosen.

    `compare=before` sets the same number of days before beside them. `step` is what the line over time is about, `heat`
    what the hours of the week are coloured by.
    """

    days: Literal["1", "7", "28", "90"] | None = None
    first: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    last: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    compare: Literal["before"] | None = None
    by: Grouping = "offer"
    step: Step = "redeemed"
    heat: Step = "redeemed"
    offer_id: UUID | None = None
    store_id: Place | None = None
    channel: Literal["in_app", "push"] | None = None
    placement: Literal["banner", "card", "interstitial", "inbox"] | None = None
    variant: Text | None = None
    weather: Text | None = None


class Chip(NamedTuple):
    """Something that the view is narrowed to: what kind of thing, which, and the address without it."""

    kind: str
    name: str
    without: str


class View(NamedTuple):
    """What was asked for, the days it comes to, and those before if they are to be compared."""

    query: DashboardQuery
    chosen: Chosen
    earlier: Chosen | None

    @property
    def narrowed(self) -> dict[str, str]:
        """What the view is narrowed to, by the parameters of reports."""
        found = {name: getattr(self.query, name) for name in NARROWING}
        return {name: str(value) for name, value in found.items() if value is not None}

    @property
    def typed(self) -> tuple[str, str]:
        """The first day and the last as the form shows them: what was wrong stays there to be mended."""
        if self.chosen.wrong:
            return self.query.first or "", self.query.last or ""
        return self.chosen.first.isoformat(), self.chosen.last.isoformat()

    @property
    def by_time(self) -> Literal["day", "hour"]:
        """By what the line over time goes: a single day has hours."""
        return "hour" if self.chosen.first == self.chosen.last else "day"

    def stated(self) -> dict[str, str]:
        """Everything that was chosen and is not usual, in the order of the query; days that were wrong are forgotten."""
        days = self.chosen.days
        said = {"days": days} if days is not None else {"first": self.query.first, "last": self.query.last}
        said |= {name: getattr(self.query, name) for name in DashboardQuery.__struct_fields__ if name not in _DAYS}
        return {name: str(value) for name, value in said.items() if value is not None and value != _USUAL.get(name)}

    def link(self, anchor: str = "", /, **changes: str | None) -> str:
        """Give the address of this view with some things changed; None takes one away."""
        said: dict[str, Any] = {**self.stated(), **changes}
        kept = {name: value for name, value in said.items() if value is not None and value != _USUAL.get(name)}
        query = f"?{urlencode(kept)}" if kept else ""
        return f"{PATH}{query}{f'#{anchor}' if anchor else ''}"

    def reports(self) -> dict[str, str]:
        """Give the addresses of the reports on these days, narrowed as this view is as far as they can be."""
        found = {name: _address(path, self.chosen, self.narrowed, self._more(name)) for name, path in _REPORTS.items()}
        if self.earlier is not None:
            found["trend_before"] = _address(_REPORTS["trend"], self.earlier, self.narrowed, self._more("trend"))
        return found

    def _more(self, report: str) -> dict[str, str]:
        return {"by": self.by_time} if report == "trend" else {"by": self.query.by} if report == "funnel" else {}


def _address(path: str, days: Chosen, narrowed: Mapping[str, str], more: Mapping[str, str]) -> str:
    ends = {"from": days.first.isoformat(), "to": days.until.isoformat()}
    kept = {name: value for name, value in narrowed.items() if name not in _NOT_BY.get(path, ())}
    return f"/v1/reports/{path}?{urlencode({**ends, **kept, **more})}"


def facts_of(view: View, *, least: int) -> dict[str, Any]:
    """Tell the page's scripts what is shown."""
    return {
        "reports": view.reports(),
        "range": _ends(view.chosen),
        "earlier": _ends(view.earlier) if view.earlier is not None else None,
        "narrowed": view.narrowed,
        "by_time": view.by_time,
        "least": least,
    }


def _ends(days: Chosen) -> dict[str, Any]:
    first, until = days.first, days.until
    return {"from": first.isoformat(), "to": until.isoformat(), "days": (until - first).days}
