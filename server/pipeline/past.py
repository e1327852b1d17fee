"""Reading the past for a replay, page by page, and deciding it again as it goes.

Rule 1: what was recorded is read as of then; profiles, segments and consents are those of today, and the result says so.
Rule 2: between two pages somebody may ask how far it is, or that it stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from server.decision.plan import STATES
from server.decision.rules import Identity
from server.decision.ruleset import Ruleset
from server.errors import FieldError, Invalid, NotFound
from server.model.customer import Shown, State
from server.model.offer import Offer
from server.pipeline import authoring
from server.pipeline.grants import Grants
from server.pipeline.recall import Ground
from server.pipeline.replay import Outcome, Person, Replay
from server.pipeline.rules import Snapshot
from server.pipeline.tally import Tally
from server.pipeline.traces import read_trace
from server.store import arrivals, offers, past, skies
from server.store.arrivals import Known
from server.store.past import PastMoment, PastPing
from server.store.pool import Connection, Pool

WARM: Final = timedelta(hours=24)
"""So long before the period fixes are looked at for where customers already were: a stay without evidence ends by then."""

LEDGER: Final = timedelta(days=35)
"""Longer than any period that a cap counts in."""

PAGE: Final = 2_000
_MOMENTS: Final = 1_000
_PEOPLE: Final = 500

ASSUMES: Final = (
    "Profiles, segments and consents are those of today.",
    "The competing offers are those that are live now.",
    "Fixes beside no fence are not looked at: they set nothing off.",
    "A moment that did not come out then counts as delivered.",
)


class Stopped(Exception):
    """Nobody waits for the result any more."""


async def tried(db: Connection, *, offer_id: UUID, version: int | None, snapshot: Snapshot) -> tuple[Offer, list[str]]:
    """Read the version that is tried, and what is assumed of it; raises NotFound, Invalid (also where no fix sets it off)."""
    row = await offers.find(db, offer_id=offer_id, version=version)
    if row is None:
        raise NotFound
    identity = Identity(row.id, row.version, row.created_at)
    programme = snapshot.ruleset.programme
    offer = (await authoring.read(db, document=row.document, programme=programme, identity=identity)).offer
    if not is_set_off_by_fixes(offer):
        raise Invalid(errors=[FieldError("when.trigger", "no fix sets this off, and only fixes are replayed")])
    assumes = list(ASSUMES)
    if row.status != "live" and (offer.active_from or offer.active_to):
        offer = replace(offer, active_from=None, active_to=None)
        assumes.append("The offer's dates (active) are not asked: it is not live yet, or no more.")
    if offer.when.trigger == "near":
        assumes.append("Where no live offer wants to be as near, the middle of the fix's cell stands for the fix.")
    return offer, assumes


def is_set_off_by_fixes(offer: Offer) -> bool:
    """Tell whether fixes set an offer off (or timers that they start)."""
    return offer.when.trigger in STATES or offer.when.trigger == "near"


def ruleset_with(offer: Offer, live: Ruleset) -> Ruleset:
    """Put the offer that is tried beside the live ones, or in its own live version's stead."""
    return Ruleset.build(
        offers=[*(each for each in live.offers if each.id != offer.id), offer],
        places=live.places,
        programme=live.programme._replace(paused=False),  # a switch of today says nothing of then
        segments=live.segments,
        epoch=live.epoch,
    )


async def replay_past(
    pool: Pool,
    *,
    offer_id: UUID,
    version: int | None,
    start: datetime,
    end: datetime,
    snapshot: Snapshot,
    min_group: int,
    progress: Callable[[float], Awaitable[bool]],
    told: Callable[[Outcome], None] | None = None,
) -> dict[str, Any]:
    """Decide [start, end) again with the offer, and give the sums; raises Stopped when `progress` says so."""
    async with pool.acquire() as db:
        offer, assumes = await tried(db, offer_id=offer_id, version=version, snapshot=snapshot)
    ruleset = ruleset_with(offer, snapshot.ruleset)
    ground = Ground(ruleset, live=snapshot.ruleset, fences=snapshot.fences)
    grants = Grants(ruleset.offers, ruleset.programme)
    value = offer.reward.value if offer.reward is not None else None
    tally = Tally(value=value, min_group=min_group)
    replay = Replay(ground, draft=offer.id, start=start, grants=grants, tally=tally, told=told)
    for identifier in grants.offers:
        async with pool.transaction(readonly=True) as db:
            replay.gave(await past.granted(db, offer_id=identifier, before=start))
    mark = past.first(start - WARM)
    rest: list[PastPing] = []
    while True:
        async with pool.acquire() as db:
            page = await past.page(db, after=mark, end=end, limit=PAGE)
            await _prepare(db, page, replay, ground, start=start, end=end)
        rest = _feed(replay, [*rest, *page], whole=len(page) < PAGE)
        if len(page) < PAGE:
            break
        mark = page[-1].received_at, page[-1].customer_id, page[-1].at, page[-1].id
        if not await progress(min(1.0, max(0.0, (mark[0] - start) / (end - start)))):
            raise Stopped
    replay.finish(end)
    names = {each.id: each.name for each in ruleset.offers}
    return tally.result(names) | {"assumes": assumes}


def _feed(replay: Replay, pings: Sequence[PastPing], *, whole: bool) -> list[PastPing]:
    """Hand over fixes that were decided together; the last ones, which the next page may go on with, are given back."""
    groups = [list(group) for _, group in groupby(pings, key=lambda each: (each.received_at, each.customer_id))]
    rest = [] if whole or not groups else groups.pop()
    for group in groups:
        if group[0].customer_id in replay.people:
            replay.feed(group)
    return rest


async def _prepare(
    db: Connection, page: Sequence[PastPing], replay: Replay, ground: Ground, *, start: datetime, end: datetime
) -> None:
    """Read what a page names: people who were not met before, and weather that was not cited before."""
    new = list({each.customer_id for each in page} - replay.people.keys())
    for number in range(0, len(new), _PEOPLE):
        some = new[number : number + _PEOPLE]
        loaded = await arrivals.load(db, asked={each: [] for each in some}, bought=True)
        made = await past.moments(db, customers=some, start=start - LEDGER, end=end, most=_MOMENTS)
        _meet(replay, loaded.customers, made, ruleset=ground.ruleset, start=start, end=end)
    cited = {each.sky for ping in page for each in read_trace(ping.trace).fences if each.sky}
    if wanted := cited - ground.readings.keys():
        ground.readings |= await skies.read(db, ids=wanted)


def _meet(
    replay: Replay,
    known: Mapping[UUID, Known],
    made: Iterable[PastMoment],
    *,
    ruleset: Ruleset,
    start: datetime,
    end: datetime,
) -> None:
    mine: dict[UUID, list[PastMoment]] = {}
    for moment in made:
        mine.setdefault(moment.customer_id, []).append(moment)
    for identifier, each in known.items():
        moments = mine.get(identifier, [])
        elsewhere = [entry for entry in each.state.shown if entry.offer_id is None and entry.at < end]
        before = [Shown(one.created_at, one.offer_id, one.pressure) for one in moments if _counts(one, start)]
        shown = sorted([*before, *(entry for entry in elsewhere if entry.at < start)], key=lambda entry: entry.at)
        happened = [entry for entry in elsewhere if entry.at >= start]
        happened += [
            Shown(one.created_at, one.offer_id, one.pressure)
            for one in moments
            if one.created_at >= start and _is_unmoved(one, ruleset)
        ]
        fates = {one.id: one for one in moments}
        replay.meet(Person(each.customer, State(shown=tuple(shown)), fates), happened)


def _counts(moment: PastMoment, start: datetime) -> bool:
    """Tell whether a moment from before the period still counts when it begins."""
    over = moment.unseen and moment.expired_at is not None and moment.expired_at < start
    return moment.created_at < start and not over


def _is_unmoved(moment: PastMoment, ruleset: Ruleset) -> bool:
    """Tell whether a moment comes whatever is decided on fixes: its offer is live, and something else sets it off."""
    offer = ruleset.by_id.get(moment.offer_id)
    return offer is not None and not is_set_off_by_fixes(offer)
