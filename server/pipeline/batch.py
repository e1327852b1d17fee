"""What a phone hands in, and what it is told: the words of one report."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.place import Circle
from server.signals.assemble import Reported
from server.store.moments import Shown


class Batch(NamedTuple):
    """One report of one customer: fixes, the phone's time of sending, and whether the app is being looked at.

    `timer` and `occasions` are reports that nobody sent, without fixes: the end of a dwell time; what else happened. `proof` is
    the hash of the token that it came with, where that has yet to be proven the customer's, with the state.
    """

    customer_id: UUID
    sent_at: datetime | None
    fixes: tuple[Reported, ...]
    foreground: bool = False
    zone: str | None = None
    timer: bool = False
    occasions: tuple[UUID, ...] = ()
    proof: bytes | None = None


class Result(NamedTuple):
    """What became of one fix; `reason` is a word: too_old, out_of_order, mock, teleport, coarse, or a clock's flag."""

    id: UUID
    status: Literal["accepted", "duplicate", "ignored"]
    reason: str | None = None


class Watched(NamedTuple):
    """One fence that the phone may watch by itself, as a circle around it; `written` the same as JSON, for all answers."""

    id: UUID
    circle: Circle
    written: bytes


class Watch(NamedTuple):
    """Which fences to watch, nearest first, and when (s) to report again at the latest."""

    circles: tuple[Watched, ...] = ()
    next_ping_s: int = 60


class Answer(NamedTuple):
    """What a report is answered: a result for each fix in its order, moments, what to watch; `now` is our time."""

    results: tuple[Result, ...]
    moments: tuple[Shown, ...]
    watch: Watch
    now: datetime
