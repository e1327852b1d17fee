"""The engine: much at once, nothing lost, nobody held up by somebody else; a queue in memory stands in for the rows.

What PostgreSQL's rows add to it is in test_deliveries.py; what kills processes in tests/street/test_outbox.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from server.channels.base import Outcome, Receipt
from server.errors import Unavailable
from server.pipeline.outbox import Sender
from server.pipeline.queue import Ended, Terms
from tests.pipeline.test_queue import TERMS

QUICK = replace(TERMS, at_once=3, lease_s=0.3, send_s=5.0, poll_s=30.0, first_retry_s=0.01)
SENT = Receipt(Outcome.SENT, "ok")


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Thing:
    """Something to send."""

    name: str
    deliver_by: datetime = field(default_factory=lambda: now() + timedelta(hours=1))
    attempts: int = 0


class Shelf:
    """A queue of things, each with its own way of being sent, and a record of all that was asked of it."""

    name, channel = "apns", "push"

    def __init__(self, *things: Thing, send: Callable[[Thing], Awaitable[Receipt]] | None = None) -> None:
        self.waiting: list[tuple[datetime, Thing]] = [(now(), thing) for thing in things]
        self.out: list[Thing] = []
        self.sent: list[str] = []
        self.ended: list[Ended[Thing]] = []
        self.released: list[Thing] = []
        self.limits: list[int] = []
        self.renewed = self.most_out = 0
        self.lost: set[str] = set()
        self.away = 0
        self.changed = asyncio.Event()
        self._send = send

    def _reach(self) -> None:
        self.changed.set()
        if self.away:
            self.away -= 1
            raise Unavailable(retry_after_s=1)

    async def lease(self, *, limit: int, now: datetime, for_s: float) -> Sequence[Thing]:
        self._reach()
        self.limits.append(limit)
        due = [(at, thing) for at, thing in self.waiting if at <= now][:limit]
        for each in due:
            self.waiting.remove(each)
            each[1].attempts += 1
        self.out += [thing for _, thing in due]
        self.most_out = max(self.most_out, len(self.out))
        return [thing for _, thing in due]

    async def send(self, item: Thing, *, now: datetime) -> Receipt:
        self.sent.append(item.name)
        return await self._send(item) if self._send is not None else SENT

    async def renew(self, items: Sequence[Thing], *, until: datetime) -> Collection[int]:
        self._reach()
        self.renewed += 1
        return {place for place, each in enumerate(items) if each.name not in self.lost}

    async def end(self, ended: Sequence[Ended[Thing]], *, now: datetime) -> None:
        self._reach()
        for each in ended:
            self.out.remove(each.item)
            self.ended.append(each)
            if each.not_before is not None:
                self.waiting.append((each.not_before, each.item))

    async def release(self, items: Sequence[Thing], *, now: datetime) -> None:
        self._reach()
        self.released += items

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(20):
            while not holds():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.02)

    def states(self) -> dict[str, str]:
        return {each.item.name: each.state for each in self.ended}


class Counted:
    """A tally."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}

    def tried(self, name: str, outcome: str, count: int = 1) -> None:
        key = ("tried", name, outcome)
        self.counts[key] = self.counts.get(key, 0) + count

    def ended(self, name: str, state: str, count: int = 1) -> None:
        key = ("ended", name, state)
        self.counts[key] = self.counts.get(key, 0) + count


@dataclass(slots=True)
class Running:
    """A sender at work."""

    sender: Sender[Any]
    stopping: asyncio.Event
    task: asyncio.Task[None]
    tally: Counted

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.wait_for(self.task, 20)


@contextlib.asynccontextmanager
async def sending(shelf: Shelf, terms: Terms = QUICK, *, shutdown_s: float = 5.0) -> AsyncIterator[Running]:
    """Send while the block lasts."""
    tally = Counted()
    sender = Sender(shelf, terms=terms, clock=now, chance=lambda: 0.5, tally=tally, rest_s=0.01)
    stopping = asyncio.Event()
    running = Running(sender, stopping, asyncio.create_task(sender.run(stopping, shutdown_s=shutdown_s)), tally)
    try:
        yield running
    finally:
        await running.stop()


def things(*names: str) -> list[Thing]:
    return [Thing(name) for name in names]


async def test_all_that_waits_is_sent_with_never_more_at_once_than_there_is_room_for() -> None:
    async def slowly(thing: Thing) -> Receipt:
        await asyncio.sleep(0.001)
        return SENT

    names = [str(number) for number in range(50)]
    shelf = Shelf(*things(*names), send=slowly)
    async with sending(shelf) as running:
        await shelf.until(lambda: len(shelf.ended) == 50)
    assert sorted(shelf.sent) == sorted(names)
    assert set(shelf.states().values()) == {"delivered"}
    assert shelf.most_out == QUICK.at_once
    assert max(shelf.limits) == QUICK.at_once
    assert running.tally.counts == {("tried", "apns", "sent"): 50, ("ended", "apns", "delivered"): 50}


async def test_a_slow_one_holds_up_nobody() -> None:
    end = asyncio.Event()

    async def one_hangs(thing: Thing) -> Receipt:
        if thing.name == "slow":
            await end.wait()
        return SENT

    names = [str(number) for number in range(20)]
    shelf = Shelf(*things("slow", *names), send=one_hangs)
    async with sending(shelf):
        await shelf.until(lambda: len(shelf.ended) == 20)
        assert "slow" not in shelf.states()
        end.set()
        await shelf.until(lambda: len(shelf.ended) == 21)


async def test_a_knock_for_its_channel_wakes_it_and_one_for_another_does_not() -> None:
    shelf = Shelf()
    async with sending(shelf) as running:
        await shelf.until(lambda: len(shelf.limits) == 1)
        shelf.waiting.append((now(), Thing("late")))
        running.sender.hear("apple_wallet")
        await asyncio.sleep(0.02)
        assert shelf.sent == []
        running.sender.hear("push")
        await shelf.until(lambda: shelf.sent == ["late"])
        shelf.waiting.append((now(), Thing("later")))
        running.sender.hear(None)
        await shelf.until(lambda: shelf.sent == ["late", "later"])


async def test_without_any_knock_it_looks_by_itself() -> None:
    shelf = Shelf()
    async with sending(shelf, replace(QUICK, poll_s=0.01)):
        await shelf.until(lambda: len(shelf.limits) > 1)
        shelf.waiting.append((now(), Thing("late")))
        await shelf.until(lambda: shelf.sent == ["late"])
    assert shelf.states() == {"late": "delivered"}


async def test_a_try_that_failed_is_repeated_when_it_is_due_without_a_knock() -> None:
    async def third_time(thing: Thing) -> Receipt:
        return SENT if thing.attempts == 3 else Receipt(Outcome.LATER, "busy")

    shelf = Shelf(Thing("one"), send=third_time)
    async with sending(shelf):
        await shelf.until(lambda: shelf.states().get("one") == "delivered")
    assert shelf.sent == ["one"] * 3
    assert [each.state for each in shelf.ended] == ["queued", "queued", "delivered"]


async def test_a_send_that_hangs_has_an_end() -> None:
    async def never(thing: Thing) -> Receipt:
        await asyncio.Event().wait()
        return SENT

    shelf = Shelf(Thing("one"), send=never)
    async with sending(shelf, replace(QUICK, send_s=0.02, attempts=1)):
        await shelf.until(lambda: bool(shelf.ended))
    assert (shelf.ended[0].state, shelf.ended[0].reason) == ("dead", "timeout")


async def test_a_channel_that_breaks_is_a_try_that_failed() -> None:
    async def broken(thing: Thing) -> Receipt:
        raise RuntimeError("a bug")

    shelf = Shelf(Thing("one"), send=broken)
    async with sending(shelf, replace(QUICK, attempts=2)):
        await shelf.until(lambda: shelf.states().get("one") == "dead")
    assert shelf.sent == ["one", "one"]
    assert shelf.ended[-1].reason == "broke"


async def test_what_is_too_late_is_not_sent() -> None:
    shelf = Shelf(Thing("late", deliver_by=now()), Thing("timely"))
    async with sending(shelf) as running:
        await shelf.until(lambda: len(shelf.ended) == 2)
    assert shelf.sent == ["timely"]
    assert shelf.states() == {"late": "expired", "timely": "delivered"}
    assert running.tally.counts[("ended", "apns", "expired")] == 1


async def test_what_killed_its_senders_again_and_again_is_not_tried_any_more() -> None:
    """A process that dies of a delivery leaves its lease to run out: the next would die of it, too."""
    shelf = Shelf(Thing("poison", attempts=QUICK.attempts))
    async with sending(shelf):
        await shelf.until(lambda: bool(shelf.ended))
    assert shelf.sent == []
    assert (shelf.ended[0].state, shelf.ended[0].reason) == ("dead", "never_answered")


async def test_leases_are_renewed_while_a_send_runs() -> None:
    end = asyncio.Event()

    async def waiting(thing: Thing) -> Receipt:
        await end.wait()
        return SENT

    shelf = Shelf(Thing("one"), send=waiting)
    async with sending(shelf, replace(QUICK, lease_s=0.06)):
        await shelf.until(lambda: shelf.renewed >= 4)
        end.set()
        await shelf.until(lambda: bool(shelf.ended))
    assert shelf.states() == {"one": "delivered"}


async def test_what_was_taken_from_us_is_cut_and_nothing_is_written_about_it() -> None:
    cut = asyncio.Event()

    async def waiting(thing: Thing) -> Receipt:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.set()
            raise
        return SENT

    shelf = Shelf(Thing("one"), send=waiting)
    async with sending(shelf, replace(QUICK, lease_s=0.06)):
        await shelf.until(lambda: shelf.sent == ["one"])
        shelf.lost.add("one")
        await asyncio.wait_for(cut.wait(), 20)
    assert shelf.ended == []
    assert shelf.released == []


async def test_while_postgresql_is_away_nothing_is_lost_and_it_goes_on_by_itself() -> None:
    shelf = Shelf(*things("one", "two"))
    shelf.away = 2
    async with sending(shelf):
        await shelf.until(lambda: len(shelf.ended) == 2)
    assert sorted(shelf.sent) == ["one", "two"]
    assert set(shelf.states().values()) == {"delivered"}


async def test_what_became_of_a_send_is_kept_while_postgresql_is_away() -> None:
    async def then_away(thing: Thing) -> Receipt:
        shelf.away = 3
        return SENT

    shelf = Shelf(Thing("one"), send=then_away)
    async with sending(shelf):
        await shelf.until(lambda: bool(shelf.ended))
    assert shelf.sent == ["one"]
    assert shelf.states() == {"one": "delivered"}
    assert shelf.away == 0


async def test_at_the_end_what_is_under_way_may_finish_and_nothing_new_begins() -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def waiting(thing: Thing) -> Receipt:
        begun.set()
        await end.wait()
        return SENT

    shelf = Shelf(Thing("one"), send=waiting)
    async with sending(shelf) as running:
        await asyncio.wait_for(begun.wait(), 20)
        running.stopping.set()
        shelf.waiting.append((now(), Thing("new")))
        running.sender.hear("push")
        await asyncio.sleep(0.02)
        end.set()
        await asyncio.wait_for(running.task, 20)
    assert shelf.sent == ["one"]
    assert shelf.states() == {"one": "delivered"}


async def test_at_the_end_what_does_not_finish_is_cut_and_put_back() -> None:
    async def mixed(thing: Thing) -> Receipt:
        if thing.name == "hangs":
            await asyncio.Event().wait()
        return SENT

    shelf = Shelf(*things("hangs", "ends"), send=mixed)
    async with sending(shelf, shutdown_s=0.05) as running:
        await shelf.until(lambda: bool(shelf.ended))
        await running.stop()
    assert [each.name for each in shelf.released] == ["hangs"]
    assert shelf.states() == {"ends": "delivered"}
