"""GET /dashboard: the funnel by offer, for people: figures, a picture, and in words what is not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from server.decision.formats import say_money
from server.decision.wall import instant_of
from server.errors import Invalid
from server.model.money import Money
from server.signals.weather.credits import CREDITS
from server.store import letters, webhooks
from server.web.call import Call, Reply
from server.web.door import door
from server.web.effects import Effect, effects_of
from server.web.endings import may_see_to, tell
from server.web.instants import Range, read_range
from server.web.languages import DASHBOARD, Language, language_of, say_count, say_share
from server.web.lift import LiftAnswer
from server.web.pages import HTML, render
from server.web.pass_panel import count_passes, panel_of
from server.web.picture import HEIGHT, WIDTH, Column, draw
from server.web.reports import NO_CURRENCY, FunnelRow, count
from server.web.webhook_words import say_broken

STEPS: Final = ("decided", "delivered", "opened", "clicked", "passes", "redeemed")
_CHOICES: Final = ("1", "7", "28", "90")
_LONGEST: Final = timedelta(days=1100)


class DashboardQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The last so many days up to today, or from a first day to a last one, both included."""

    days: Literal["1", "7", "28", "90"] | None = None
    first: str | None = None
    last: str | None = None


class Chosen(NamedTuple):
    """The days that are shown: as instants, as the form tells them, and whether they were asked for wrongly."""

    span: Range
    first: date
    last: date
    days: str | None
    wrong: bool = False


class Figure(NamedTuple):
    """One step of one group in words: its name, count and share of the decided."""

    name: str
    told: str
    share: str


class Group(NamedTuple):
    """One offer, or all: its figures, money, control group and picture; hidden: fewer people than may be shown.

    `tried`: somebody was held out of it; without `effects` there is not enough data to tell what it did.
    """

    label: str
    hidden: bool
    figures: list[Figure]
    value: str
    control: str
    columns: list[Column]
    shape: str
    tried: bool = False
    effects: Sequence[Effect] = ()


@door(
    "GET",
    "/dashboard",
    query=DashboardQuery,
    produces=HTML,
    summary="The funnel by offer, as a page",
    tags=("Pages",),
)
async def show_dashboard(call: Call) -> Reply:
    """Show the page; days that cannot be are said so, and the usual ones are shown."""
    settings = call.parts.settings
    zone, least = settings.programme.time_zone, settings.privacy.min_group
    chosen = choose(call.query, now=call.parts.clock.now(), zone=zone)
    async with call.connection() as db:
        rows = await count(db, chosen.span, by="offer", settings=settings)
        whole = await count(db, chosen.span, by="programme", settings=settings)
        standings = await letters.standings(db)
    counted = await count_passes(call, chosen.span)
    language = language_of(call.request.headers.get("Accept-Language"))
    words = DASHBOARD[language]
    now, admin = call.parts.clock.now(), may_see_to(call.principal)
    body = render(
        "dashboard.html",
        endings=await _see_to(call, now=now, language=language) if admin else [],
        admin=admin,
        brand=settings.programme.name,
        csrf=call.csrf or "",
        language=language,
        words=words,
        chosen=chosen,
        choices=[(days, words["today"] if days == "1" else words["days"].format(days)) for days in _CHOICES],
        total=total_of(rows, whole, words=words, language=language),
        groups=[group_of(row, words=words, language=language) for row in rows],
        wallets=panel_of(counted, words=words, language=language),
        ways=[way_of(each, now=now, words=words, language=language) for each in standings],
        hidden=words["hidden"].format(least),
        about=words["about"].format(zone),
        width=WIDTH,
        height=HEIGHT,
        credit=CREDITS.get(settings.weather.provider),
    )
    return Reply(200, body, headers={"Vary": "Accept-Language, Cookie", "Content-Language": language}, media=HTML)


async def _see_to(call: Call, *, now: datetime, language: Language) -> list[str]:
    """Say what somebody must do something about: certificates that end, webhooks that were turned off."""
    async with call.connection() as db:
        broken = await webhooks.count_broken(db)
    ends = tell(call.parts.watch.notices(now), now=now, language=language)
    return [*ends, *say_broken(broken, language)]


class WayOut(NamedTuple):
    """One service that takes what leaves the house: what waits for it, in words; `dead` where somebody should look."""

    name: str
    waiting: str
    sending: str
    late: str
    told_dead: str
    dead: bool


def way_of(standing: letters.Standing, *, now: datetime, words: Mapping[str, str], language: Language) -> WayOut:
    """Put how one way stands into words."""
    late_s = max(0, round((now - standing.due_at).total_seconds())) if standing.due_at is not None else 0
    return WayOut(
        name=standing.way,
        waiting=say_count(standing.waiting, language),
        sending=say_count(standing.sending, language),
        late=words["seconds"].format(say_count(late_s, language)),
        told_dead=say_count(standing.dead, language),
        dead=standing.dead > 0,
    )


def choose(query: DashboardQuery, *, now: datetime, zone: str) -> Chosen:
    """Read which days are wanted; pure. The usual ones are the last seven."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if query.first or query.last:
        try:
            after = date.fromisoformat(query.last or "") + timedelta(days=1)
            span = read_range(query.first, after.isoformat(), zone=zone)
            if span.end - span.start <= _LONGEST:
                return Chosen(span, date.fromisoformat(query.first or ""), after - timedelta(days=1), None)
        except (ValueError, OverflowError, Invalid):
            pass
        return _last("7", today, zone)._replace(wrong=True)
    return _last(query.days or "7", today, zone)


def _last(days: str, today: date, zone: str) -> Chosen:
    first, place = today - timedelta(days=int(days) - 1), ZoneInfo(zone)
    start = instant_of(first, time.min, place)
    return Chosen(Range(start, instant_of(today + timedelta(days=1), time.min, place)), first, today, days)


def group_of(row: FunnelRow, *, words: Mapping[str, str], language: Language) -> Group:
    """Put one offer into words."""
    if row.suppressed:
        return Group(row.label, True, [], "", "", [], "")
    counts = {step: int(getattr(row, step) or 0) for step in (*STEPS, "control")}
    group = _group(row.label, counts, _money(row), words=words, language=language)
    return _tried(group, row, words=words, language=language)


def _tried(group: Group, row: FunnelRow, *, words: Mapping[str, str], language: Language) -> Group:
    """Add what showing did, where somebody was held out."""
    if not isinstance(row.lift, LiftAnswer):
        return group
    return group._replace(tried=True, effects=effects_of(row.lift, words=words, language=language))


def total_of(
    rows: Sequence[FunnelRow], whole: Sequence[FunnelRow] = (), *, words: Mapping[str, str], language: Language
) -> Group:
    """Add up the offers that are shown: with the hidden ones in it, the total would tell what they hide.

    What the programme did as a whole is in no sum: it is measured by its own control group.
    """
    shown = [row for row in rows if not row.suppressed]
    counts = {step: sum(int(getattr(row, step) or 0) for row in shown) for step in (*STEPS, "control")}
    money: Counter[str] = Counter()
    for row in shown:
        money.update(_money(row))
    total = _group(words["all"], counts, money, words=words, language=language)
    return _tried(total, whole[0], words=words, language=language) if whole else total


def _money(row: FunnelRow) -> dict[str, int]:
    amounts = row.values if isinstance(row.values, list) else [row.value] if row.value is not None else []
    return {each.currency: each.minor for each in amounts if each.currency != NO_CURRENCY}


def _group(
    label: str, counts: Mapping[str, int], money: Mapping[str, int], *, words: Mapping[str, str], language: Language
) -> Group:
    told: dict[str, Any] = {step: say_count(counts[step], language) for step in counts}
    figures = [Figure(words[step], told[step], say_share(counts[step], counts["decided"], language)) for step in STEPS]
    amounts = [say_money(Money(minor, currency), language) for currency, minor in sorted(money.items())]
    return Group(
        label=label,
        hidden=False,
        figures=figures,
        value=" + ".join(amounts) or "–",
        control=told["control"],
        columns=draw([counts[step] for step in STEPS]),
        shape=words["shape"].format(told["decided"], told["redeemed"]),
    )
