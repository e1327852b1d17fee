"""/dashboard/webhooks: for admins, which systems are told, how that went, and telling them once more.

Endpoints are added, changed, turned off and given another secret by the page's script, through /v1/webhooks, which asks
for the password once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.errors import FieldError, Invalid, NotFound, Refusal
from server.pipeline import webhooks as pipeline
from server.store import webhook_calls, webhooks
from server.store.pool import Connection
from server.store.webhook_calls import Logged
from server.store.webhook_events import TYPES
from server.store.webhooks import Endpoint
from server.web.body import FORM
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.languages import Language, catalogue
from server.web.pages import HTML
from server.web.screens.admin import PATH as HOUSE
from server.web.screens.admin import tabs_for
from server.web.screens.frame import language_for, show

PATH: Final = "/dashboard/webhooks"
CALLS: Final = 10
"""The last calls of each endpoint: enough to see whether it hears."""
_YEARS: Final = 1981, 2098
"""Of the days of a replay, so that they are an instant in any zone."""


class WebhookForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to do with an endpoint; `first` and `last` are the days of a replay, both included."""

    webhook: UUID
    action: Literal["replay", "test"]
    first: str | None = None
    last: str | None = None


class WrongDay(Invalid):
    """A day of a replay cannot be read."""


class WrongSpan(Invalid):
    """The last day of a replay is before the first."""


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What was just done."""

    done: Literal["replay", "test"] | None = None
    count: int | None = None


class Clock(NamedTuple):
    """How instants are written: as on the pages that are written by scripts, to the second."""

    zone: ZoneInfo
    language: Language

    def told(self, at: datetime) -> str:
        """Write an instant: `28 Nov 2026, 18:46:30`, or `28.11.2026, 18:46:30`."""
        local = at.astimezone(self.zone)
        day = f"{local:%d.%m.%Y}" if self.language == "de" else f"{local.day} {local:%b %Y}"
        return f"{day}, {local:%H:%M:%S}"


class Line(NamedTuple):
    """A call in words; `bad` where it was given up, or its last try failed."""

    type: str
    subject: str
    at: str
    state: str
    tries: int
    reason: str
    next: str
    bad: bool


class Card(NamedTuple):
    """An endpoint in words: its host (the rest of an address may be a secret), what it wants, how it is, its last calls."""

    id: UUID
    host: str
    description: str
    events: str
    state: str
    well: bool
    on: bool
    lines: list[Line]


@door("GET", PATH, query=PageQuery, produces=HTML, summary="Webhooks, as a page", tags=("Pages",))
async def show_webhooks(call: Call) -> Reply:
    """Show the page."""
    query: PageQuery = call.query
    words = catalogue("webhooks")[language_for(call)]
    said = "" if query.done is None else words[f"done_{query.done}"].format(count=query.count or 0)
    return await _page(call, 200, said=said)


@door(
    "POST",
    PATH,
    body=WebhookForm,
    media=FORM,
    produces=HTML,
    status=303,
    errors=(404, 409),
    summary="Try an endpoint, or tell it again",
    example={
        "webhook": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b",
        "action": "replay",
        "first": "2026-11-02",
        "last": "2026-11-02",
    },
    tags=("Pages",),
)
async def act(call: Call) -> Reply:
    """Do it, and show the page again; what cannot be done is said there."""
    form: WebhookForm = call.body
    try:
        async with call.transaction() as db:
            count = await _act(db, call, form)
    except (Invalid, pipeline.WebhookOff, NotFound) as refusal:
        if HTML not in call.request.headers.get("Accept", ""):
            raise
        return await _page(call, refusal.status, complaint=_complaint(call, refusal), form=form)
    more = "" if count is None else f"&count={count}"
    return Reply(303, headers={"Location": f"{PATH}?done={form.action}{more}"})


async def _act(db: Connection, call: Call, form: WebhookForm) -> int | None:
    now, limits = call.parts.clock.now(), call.parts.settings.limits
    if form.action == "test":
        await pipeline.test(db, webhook_id=form.webhook, now=now)
        return None
    span = days_of(form, zone=call.parts.settings.programme.time_zone)
    most = limits.webhook_replay
    return await pipeline.replay(db, webhook_id=form.webhook, span=span, events=(), most=most, by=call.author)


def days_of(form: WebhookForm, *, zone: str) -> Range:
    """Read the days of a replay, the last one included; raises Invalid."""
    first, last = _day(form.first), _day(form.last)
    if first is None or last is None:
        wrong = [name for name, day in (("first", first), ("last", last)) if day is None]
        raise WrongDay(errors=[FieldError(name, "must be a date such as 2026-11-01") for name in wrong])
    if last < first:
        raise WrongSpan(errors=[FieldError("last", "must not be before first")])
    return read_range(first.isoformat(), (last + timedelta(days=1)).isoformat(), zone=zone)


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if _YEARS[0] <= day.year <= _YEARS[1] else None


def _complaint(call: Call, refusal: Refusal) -> str:
    """Say in the page's language what could not be done; whatever is invalid besides days are too many events."""
    language = language_for(call)
    words = catalogue("webhooks")[language]
    match refusal:
        case NotFound():
            return catalogue("common")[language]["trouble_not_found"]
        case pipeline.WebhookOff():
            return words["wrong_off"]
        case WrongDay():
            return words["wrong_day"]
        case WrongSpan():
            return words["wrong_span"]
    return words["wrong_many"].format(most=call.parts.settings.limits.webhook_replay)


async def _page(
    call: Call, status: int, *, said: str = "", complaint: str = "", form: WebhookForm | None = None
) -> Reply:
    """Show the page; `form` is what could not be done, so that its days need not be given once more."""
    language, settings = language_for(call), call.parts.settings
    words = catalogue("webhooks")[language]
    zone = ZoneInfo(settings.programme.time_zone)
    async with call.connection() as db:
        found = await webhooks.page(db, before=None, limit=settings.limits.page_items)
        logs = {
            each.id: await webhook_calls.log(db, webhook_id=each.id, after=None, state=None, limit=CALLS)
            for each in found
        }
    return show(
        call,
        "webhooks.html",
        words=("house", "webhooks"),
        status=status,
        below=HOUSE,
        facts={"types": TYPES},
        tabs=tabs_for("webhooks", language),
        said=said,
        complaint=complaint,
        form=form,
        cards=[card_of(each, logs[each.id], words=words, clock=Clock(zone, language)) for each in found],
        today=call.parts.clock.now().astimezone(zone).date().isoformat(),
        about=words["about"].format(days=settings.webhooks.keep_days, zone=settings.programme.time_zone),
    )


def card_of(endpoint: Endpoint, log: Sequence[Logged], *, words: Mapping[str, str], clock: Clock) -> Card:
    """Put an endpoint into words; pure."""
    state: str = "on" if endpoint.enabled else endpoint.disabled_for or "off"
    if state == "on" and endpoint.failing_since is not None:
        state = "trouble"
    since = "" if endpoint.failing_since is None else clock.told(endpoint.failing_since)
    return Card(
        id=endpoint.id,
        host=host_of(endpoint.url),
        description=endpoint.description or "",
        events=", ".join(each.removeprefix("kairos.") for each in endpoint.events).replace("*", words["everything"]),
        state=words[f"state_{state}"].format(since=since),
        well=state == "on",
        on=endpoint.enabled,
        lines=[_line(each, words=words, clock=clock) for each in log],
    )


def host_of(url: str) -> str:
    """Give what of an address may stand on a page: whoever looks over a shoulder learns no token."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def _line(row: Logged, *, words: Mapping[str, str], clock: Clock) -> Line:
    return Line(
        type=row.type.removeprefix("kairos."),
        subject=row.subject,
        at=clock.told(row.at),
        state=words[f"call_{row.state}"],
        tries=row.attempts,
        reason=say_reason(row.reason or "", words),
        next=clock.told(row.next) if row.next is not None and row.attempts else "",
        bad=row.state == "dead" or (row.state == "queued" and row.attempts > 0),
    )


def say_reason(reason: str, words: Mapping[str, str]) -> str:
    """Say in words what became of a try: `timeout`, `status 503`; what there are no words for stands as it is."""
    status = reason.removeprefix("status ")
    if status != reason:
        return words["reason_status"].format(status=status)
    return words.get(f"reason_{reason}", reason)
