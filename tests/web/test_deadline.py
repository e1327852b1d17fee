"""What takes too long is given up, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from server.web.deadline import Deadline


async def test_what_is_in_time_gives_its_value() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    deadline = Deadline(5.0)
    assert await deadline.hold(work()) == 7
    assert not deadline._due


async def test_what_takes_too_long_is_given_up_and_the_task_lives_on() -> None:
    deadline = Deadline(0.02)
    with pytest.raises(TimeoutError):
        await deadline.hold(asyncio.sleep(30))
    assert not deadline._due
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        await deadline.hold(asyncio.sleep(30))  # and it looks again


async def test_many_at_once_have_a_deadline_each() -> None:
    deadline = Deadline(0.05)
    outcomes = await asyncio.gather(
        *(asyncio.create_task(deadline.hold(asyncio.sleep(30 if number % 2 else 0, number))) for number in range(20)),
        return_exceptions=True,
    )
    assert [isinstance(outcome, TimeoutError) for outcome in outcomes] == [bool(number % 2) for number in range(20)]


async def test_what_somebody_else_cancels_is_cancelled() -> None:
    task = asyncio.create_task(Deadline(30).hold(asyncio.sleep(30)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_the_work_raises_comes_through() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    deadline = Deadline(5.0)
    with pytest.raises(ZeroDivisionError):
        await deadline.hold(broken())
    assert not deadline._due


async def test_the_look_out_rests_when_nothing_is_under_way() -> None:
    deadline = Deadline(0.01)
    await deadline.hold(asyncio.sleep(0))
    for _ in range(5_000):
        if deadline._timer is None:
            break
        await asyncio.sleep(0.001)
    assert deadline._timer is None
