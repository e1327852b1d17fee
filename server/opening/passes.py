"""What the clock does with passes: number what changed, walk after edits, look where they come up, end what is over, say the
last word, count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from server.jobs.scheduler import Job
from server.pipeline import pass_jobs
from server.pipeline.numbering import number_all, numbering_of
from server.pipeline.redraw import redraw
from server.pipeline.relevance import Relevance
from server.store import farewell, pass_tags, passes
from server.store import pass_jobs as jobs
from server.web.parts import Parts

ROWS = 1000
"""Passes ended in one transaction: some tens of milliseconds."""


def passes_jobs(parts: Parts) -> list[Job]:
    """List them; each may run twice without harm."""
    every, pool, clock = parts.settings.jobs, parts.pool, parts.clock
    numbers = numbering_of(parts.settings, pass_type=parts.desk.pass_type_id)
    last_word = timedelta(seconds=parts.settings.privacy.farewell_s)
    relevance = Relevance(pool, parts.rules, every=timedelta(seconds=parts.settings.wallet.relevance_s))
    return [
        Job("number passes", every.passes_s, lambda: number_all(pool, terms=numbers)),
        Job("walk passes", every.passes_s, lambda: pass_jobs.work(pool, redraw=redraw)),
        Job("look where passes come up", every.relevance_s, lambda: relevance.look(now=clock.now())),
        Job("expire passes", every.expire_s, lambda: pool.attempt(partial(passes.expire, now=clock.now(), limit=ROWS))),
        Job("say farewell", every.expire_s, lambda: pool.attempt(partial(farewell.end, after=last_word))),
        Job("count waiting passes", every.expire_s, _counting(parts)),
    ]


def _counting(parts: Parts) -> Callable[[], Awaitable[None]]:
    """Give the look that sets the gauges; they tell something in the process whose jobs tick."""
    waiting = parts.metrics.passes_waiting

    async def look() -> None:
        async with parts.pool.acquire() as db:
            backlog = await jobs.backlog(db)
            waiting.labels("number").set(await pass_tags.waiting(db))
        waiting.labels("walk").set(backlog.passes)

    return look
