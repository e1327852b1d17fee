"""One look for everybody who watches, and none where nobody does."""

from __future__ import annotations

import asyncio

from server.errors import Unavailable
from server.web.today_board import Board


class Figures:
    """What is looked at: told in turn, the last of it for ever; None is a database that is away."""

    def __init__(self, *told: int | None) -> None:
        self.told = list(told)
        self.looks = 0
        self.looked = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        found = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if len(self.told) == 1:
            self.looked.set()
        if found is None:
            raise Unavailable(retry_after_s=1)
        return found


async def test_all_who_watch_share_one_look_and_hear_of_changes_alone() -> None:
    board: Board[int] = Board()
    figures = Figures(1, 1, None, 2)
    with board.watch("a", figures.look, every_s=0.001) as one, board.watch("b", figures.look, every_s=0.001) as two:
        assert (board.watchers("a"), board.watchers("b"), board.watchers("c")) == (1, 1, 0)
        seen = []
        while seen[-1:] != [2]:
            await asyncio.wait_for(one.wait(), 10)
            one.clear()
            seen.append(board.shown)
        assert seen == [1, 2]
        assert two.is_set()
        assert figures.looks == 4  # two watch, and each figure was looked at once
        with board.watch("a", figures.look, every_s=0.001) as late:
            assert late.is_set()  # what is known already need not be waited for
            assert board.watchers("a") == 2


async def test_where_nobody_watches_nobody_looks() -> None:
    board: Board[int] = Board()
    figures = Figures(1)
    with board.watch("a", figures.look, every_s=0.001) as woken:
        await asyncio.wait_for(woken.wait(), 10)
    looks = figures.looks
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert figures.looks == looks
    assert board.shown is None
    with board.watch("a", figures.look, every_s=0.001) as woken:
        await asyncio.wait_for(woken.wait(), 10)
        assert board.shown == 1
