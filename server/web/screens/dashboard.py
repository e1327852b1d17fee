"""GET /dashboard: what offers came to, for people: figures, a picture, and in words what is not shown.

What stands in the address is rendered here, and can be read without a script; what is drawn or lives is the scripts' part.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from server.decision.formats import say_day, say_sky
from server.store import geofences, letters, offers, stores, webhooks
from server.store.pool import Connection
from server.web.call import Call, Reply
from server.web.door import door
from server.web.endings import may_see_to, tell
from server.web.instants import Range
from server.web.languages import catalogue, say_count
from server.web.pages import HTML
from server.web.pass_panel import count_passes, panel_of
from server.web.picture import HEIGHT, WIDTH
from server.web.questions import NOWHERE, UNKNOWN, PlacedQuery, filters_of
from server.web.reports import FunnelRow, count
from server.web.screens.dashboard_groups import (
    NOTHING,
    Group,
    Speech,
    Sums,
    group_of,
    nothing_of,
    sums_of,
    total_of,
)
from server.web.screens.dashboard_view import (
    CHOICES,
    GROUPINGS,
    NARROWING,
    PATH,
    STEPS,
    Chip,
    DashboardQuery,
    Grouping,
    View,
    facts_of,
)
from server.web.screens.days import LONGEST, before, choose
from server.web.screens.frame import language_for, show
from server.web.webhook_words import say_broken

_LOCALES: Final = {"de": "de-DE", "en": "en-GB"}


class Counted(NamedTuple):
    """What was counted: by offer, the programme as a whole, by what the table is about; and the same of the days before."""

    offers: Sequence[FunnelRow]
    whole: Sequence[FunnelRow]
    rows: Sequence[FunnelRow]
    earlier_offers: Sequence[FunnelRow] | None = None
    earlier_rows: Sequence[FunnelRow] | None = None


@door(
    "GET",
    PATH,
    query=DashboardQuery,
    produces=HTML,
    summary="What offers came to, as a page",
    tags=("Pages",),
)
async def show_dashboard(call: Call) -> Reply:
    """Show the page; days that cannot be are said so, and the usual ones are shown."""
    settings, now, language = call.parts.settings, call.parts.clock.now(), language_for(call)
    speech = Speech({**catalogue("common")[language], **catalogue("dashboard")[language]}, language)
    view = view_of(call.query, now=now, zone=settings.programme.time_zone)
    async with call.connection() as db:
        counted = await _count(call, db, view)
        chips = await _chips(db, view, counted, speech)
        standings = await letters.standings(db)
    passes = await count_passes(call, view.chosen.span)
    return show(
        call,
        "dashboard.html",
        words="dashboard",
        facts=facts_of(view, least=settings.privacy.min_group),
        endings=await _see_to(call, now=now, speech=speech) if may_see_to(call.principal) else [],
        begun=view.chosen.span.start < now,  # who was active before days to come, nobody knows
        wallets=panel_of(passes, words=speech.words, language=language),
        ways_out=[way_of(each, now=now, speech=speech) for each in standings],
        hidden=speech.words["minimum"].format(least=settings.privacy.min_group),
        about=speech.words["about"].format(zone=settings.programme.time_zone),
        **_chosen(view, chips, speech),
        **_told(view, counted, speech),
    )


def _chosen(view: View, chips: Sequence[Chip], speech: Speech) -> dict[str, Any]:
    """Give the template what was chosen, and what may be chosen."""
    return {
        "view": view,
        "chips": chips,
        "compared": _compared(view, speech),
        "choices": CHOICES,
        "longest": say_count(LONGEST, speech.language),
        "groupings": GROUPINGS,
        "narrowing": NARROWING,
        "all_steps": STEPS,
    }


def _told(view: View, counted: Counted, speech: Speech) -> dict[str, Any]:
    """Give the template what was counted, in words."""
    name, earlier = speech.words["chosen" if view.narrowed else "all"], counted.earlier_offers
    return {
        "total": total_of(counted.offers, counted.whole, label=name, speech=speech, earlier=earlier),
        "partly": any(row.suppressed for row in (*counted.offers, *(earlier or ()))),
        "groups": groups_of(counted, view, speech),
        "reports": view.reports(),
        "width": WIDTH,
        "height": HEIGHT,
    }


def view_of(query: DashboardQuery, *, now: datetime, zone: str) -> View:
    """Read the address; pure."""
    chosen = choose(query.days, query.first, query.last, now=now, zone=zone)
    return View(query, chosen, before(chosen, zone=zone) if query.compare else None)


async def _count(call: Call, db: Connection, view: View) -> Counted:
    """Count what is shown. What the programme did as a whole is told where all of it is looked at."""
    settings, by = call.parts.settings, view.query.by
    filters = filters_of(msgspec.convert(view.narrowed, PlacedQuery))

    async def counted(span: Range, by: Grouping) -> Sequence[FunnelRow]:
        return await count(db, span, by=by, settings=settings, filters=filters)

    spans = [days.span for days in (view.chosen, view.earlier) if days is not None]
    own = [await counted(span, "offer") for span in spans]
    rows = own if by == "offer" else [await counted(span, by) for span in spans]
    whole = [] if view.narrowed else await count(db, view.chosen.span, by="programme", settings=settings)
    if view.earlier is None:
        return Counted(own[0], whole, rows[0])
    return Counted(own[0], whole, rows[0], own[1], rows[1])


def groups_of(counted: Counted, view: View, speech: Speech) -> list[Group]:
    """Put the rows of the table into words, each with what it was before and a link that narrows the view to it.

    What was there only before is a row as well: else the rows would not add up to what the total was.
    """
    by = view.query.by
    earlier = {row.key: row for row in counted.earlier_rows} if counted.earlier_rows is not None else None
    now = {row.key for row in counted.rows}
    gone = [nothing_of(row) for row in counted.earlier_rows or () if row.key not in now]
    groups = []
    for row in (*counted.rows, *gone):
        was: Sums | None = None
        hidden = False
        if earlier is not None:
            found = earlier.get(row.key)
            hidden = found is not None and found.suppressed
            was = None if hidden else sums_of(found) if found is not None else NOTHING
        group = group_of(row, speech=speech, label=label_of(row, by, speech), before=was, link=_narrow(view, row))
        groups.append(group._replace(note=speech.words["before_hidden"]) if hidden and not group.hidden else group)
    return sorted(groups, key=lambda group: group.hidden)


def _narrow(view: View, row: FunnelRow) -> str:
    """Give the address of the view narrowed to a row; "" where it is that already."""
    name = next(name for name, by in NARROWING.items() if by == view.query.by)
    return "" if name in view.narrowed else view.link("table", **{name: row.key})


def label_of(row: FunnelRow, by: Grouping, speech: Speech) -> str:
    """Say what a row is about: names are people's own, the rest is in the page's words."""
    if by == "store" and row.key == NOWHERE:
        return speech.words["no_place"]
    return row.label if by in ("offer", "store", "variant") else say_key(by, row.key, speech)


def say_key(by: Grouping, key: str, speech: Speech) -> str:
    """Say a channel, placement or weather in words; one that there are none for as it is called."""
    if key == UNKNOWN:
        return speech.words["unknown"]
    if by == "weather":
        said = say_sky(key, speech.language)
        return f"{said[:1].upper()}{said[1:]}"
    known = {"channel": f"channel_{key}", "placement": f"placement_{key}"}
    return speech.words.get(known.get(by, ""), key)


async def _chips(db: Connection, view: View, counted: Counted, speech: Speech) -> list[Chip]:
    """List what the view is narrowed to."""
    rows = {row.key: row.label for row in (*counted.offers, *counted.rows, *(counted.earlier_rows or ()))}
    chips = []
    for name, key in view.narrowed.items():
        by = NARROWING[name]
        if by not in ("offer", "store"):
            known: str | None = say_key(by, key, speech)
        else:
            known = speech.words["no_place"] if key == NOWHERE else rows.get(key) or await _name(db, by, UUID(key))
        chips.append(Chip(speech.words[by], known or key, view.link(**{name: None})))
    return chips


async def _name(db: Connection, by: Grouping, of: UUID) -> str | None:
    """Look up what an offer or a place is called where no row tells it."""
    if by == "offer":
        offer = await offers.find(db, offer_id=of)
        return offer.name if offer is not None else None
    place = await stores.find(db, store_id=of) or await geofences.find(db, geofence_id=of)
    return place.name if place is not None else None


async def _see_to(call: Call, *, now: datetime, speech: Speech) -> list[str]:
    """Say what somebody must do something about: certificates that end, webhooks that were turned off."""
    async with call.connection() as db:
        broken = await webhooks.count_broken(db)
    ends = tell(call.parts.watch.notices(now), now=now, language=speech.language)
    return [*ends, *say_broken(broken, speech.language)]


def _compared(view: View, speech: Speech) -> str:
    """Say which days the view is compared with."""
    if view.earlier is None:
        return ""
    ends = [datetime.combine(each, time.min) for each in (view.earlier.first, view.earlier.last)]
    first, last = (say_day(each, _LOCALES[speech.language], year=True) for each in ends)
    return speech.words["compared"].format(first=first, last=last)


class WayOut(NamedTuple):
    """One service that takes what leaves the house: what waits for it, in words; `dead` where somebody should look."""

    name: str
    waiting: str
    sending: str
    late: str
    told_dead: str
    dead: bool


def way_of(standing: letters.Standing, *, now: datetime, speech: Speech) -> WayOut:
    """Put how one way stands into words."""
    late_s = max(0, round((now - standing.due_at).total_seconds())) if standing.due_at is not None else 0
    return WayOut(
        name=catalogue("admin")[speech.language].get(f"way_{standing.way}", standing.way),
        waiting=say_count(standing.waiting, speech.language),
        sending=say_count(standing.sending, speech.language),
        late=speech.words["seconds"].format(count=say_count(late_s, speech.language)),
        told_dead=say_count(standing.dead, speech.language),
        dead=standing.dead > 0,
    )
