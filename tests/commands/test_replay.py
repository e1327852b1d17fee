"""Replay against a server that stands in: what is sent, in which batches, with which spacing, and how it waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from rich.progress import Progress

from server.commands.replay import BATCH, Outcome, ping_id, replay, requests_of
from server.commands.track import TrackPoint
from server.errors import Unavailable
from tests.signals.standin import standing_in

BEGIN = datetime(2026, 11, 2, 7, 45, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def ride(fixes: int, *, every_s: float = 1.0) -> list[TrackPoint]:
    return [
        TrackPoint(52.66 + number / 1e4, -8.63, BEGIN + timedelta(seconds=number * every_s), 8.0)
        for number in range(fixes)
    ]


def told(value: str) -> datetime:
    return datetime.fromisoformat(value)


class Server:
    """Records the batches; answers the first ones as it is told, then accepts every fix it has not seen."""

    def __init__(self, *first: web.Response, moment_at: int | None = None) -> None:
        self.first = list(first)
        self.moment_at = moment_at
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[web.Request] = []
        self.seen: set[str] = set()

    async def __call__(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        body = await request.json()
        if self.first:
            return self.first.pop(0)
        self.bodies.append(body)
        results = []
        for ping in body["pings"]:
            status = "duplicate" if ping["id"] in self.seen else "accepted"
            self.seen.add(ping["id"])
            results.append({"id": ping["id"], "status": status})
        moments = [{"id": "m1", "title": "Coffee on us"}] if len(self.bodies) - 1 == self.moment_at else []
        return web.json_response({"results": results, "moments": moments, "watch": {}})

    @property
    def pings(self) -> list[dict[str, Any]]:
        return [ping for body in self.bodies for ping in body["pings"]]


async def run(server: Server, points: list[TrackPoint], **options: Any) -> Outcome:
    async with standing_in(server) as base:
        return await replay(points, server=base, token="kc_token", **options)


def test_the_last_fix_is_now_and_the_spacing_is_the_rides() -> None:
    points = ride(5, every_s=7.25)
    [body] = requests_of(points, token="t", now=NOW)
    times = [told(ping["captured_at"]) for ping in body["pings"]]
    assert (times[-1], told(body["sent_at"])) == (NOW, NOW)
    assert [later - times[0] for later in times] == [point.at - points[0].at for point in points]


@pytest.mark.parametrize(
    ("fixes", "batches"), [(1, [1]), (BATCH, [BATCH]), (BATCH + 1, [BATCH, 1]), (250, [100, 100, 50])]
)
def test_a_ride_goes_out_in_batches_in_its_order(fixes: int, batches: list[int]) -> None:
    points = ride(fixes)
    bodies = requests_of(points, token="t", now=NOW)
    assert [len(body["pings"]) for body in bodies] == batches
    sent = [(ping["lat"], ping["lon"], ping["accuracy_m"]) for body in bodies for ping in body["pings"]]
    assert sent == [(point.lat, point.lon, point.accuracy_m) for point in points]


def test_an_id_is_the_same_for_the_same_fix_of_the_same_customer_alone() -> None:
    first, second = ride(2)
    ids = [ping_id("a", first), ping_id("a", first), ping_id("a", second), ping_id("b", first)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(each.version == 8 for each in ids)


async def test_the_server_is_told_who_it_is_and_every_fix_is_counted() -> None:
    server = Server(moment_at=1)
    outcome = await run(server, ride(230))
    assert outcome.statuses == {"accepted": 230}
    assert [moment["id"] for moment in outcome.moments] == ["m1"]
    assert {request.path for request in server.requests} == {"/v1/pings"}
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer kc_token"}
    assert len({UUID(ping["id"]) for ping in server.pings}) == 230
    assert all(body["app"]["foreground"] is True for body in server.bodies)


async def test_the_rides_spacing_arrives_over_all_batches() -> None:
    server, points = Server(), ride(230, every_s=1.5)
    await run(server, points)
    times = [told(ping["captured_at"]) for ping in server.pings]
    assert [later - times[0] for later in times] == [point.at - points[0].at for point in points]
    assert {told(body["sent_at"]) for body in server.bodies} == {times[-1]}


async def test_a_second_replay_is_told_that_it_was_here_before() -> None:
    server, points = Server(moment_at=0), ride(120)
    await run(server, points)
    server.moment_at = 2
    outcome = await run(server, points)
    assert outcome.statuses == {"duplicate": 120}
    assert [moment["id"] for moment in outcome.moments] == ["m1"]


def test_a_moment_that_is_given_twice_counts_once() -> None:
    outcome = Outcome()
    for _ in range(2):
        outcome.add({"results": [{"id": "1", "status": "accepted"}], "moments": [{"id": "m1"}, {"id": "m2"}]})
    assert [moment["id"] for moment in outcome.moments] == ["m1", "m2"]
    assert outcome.statuses == {"accepted": 2}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_patience_is_waited_for_and_gets_the_same_batch(status: int) -> None:
    server = Server(web.Response(status=status, headers={"Retry-After": "0"}), web.Response(status=status))
    outcome = await run(server, ride(3))
    assert outcome.statuses == {"accepted": 3}
    assert len(server.requests) == 3
    assert len(server.bodies) == 1


async def test_it_waits_as_long_as_it_is_asked_to() -> None:
    class Clocked(Server):
        """Accepts nothing until the pause that it asked for is over."""

        until = 0.0

        async def __call__(self, request: web.Request) -> web.Response:
            now = asyncio.get_running_loop().time()
            if not self.until:
                self.until = now + 1.0
                return web.Response(status=429, headers={"Retry-After": "1"})
            if now < self.until:
                return web.Response(status=400, text="too early")
            return await super().__call__(request)

    assert (await run(Clocked(), ride(2))).statuses == {"accepted": 2}


async def test_patience_ends() -> None:
    server = Server(*[web.Response(status=503, headers={"Retry-After": "0"}) for _ in range(11)])
    with pytest.raises(Unavailable, match="ten times"):
        await run(server, ride(2))
    assert len(server.requests) == 10


@pytest.mark.parametrize("status", [401, 403, 422, 500])
async def test_a_refusal_ends_the_replay_with_the_servers_words(status: int) -> None:
    server = Server(web.Response(status=status, text='{"code": "consent_required"}'))
    with pytest.raises(Unavailable, match=f"{status}.*consent_required"):
        await run(server, ride(150))
    assert len(server.requests) == 1


async def test_live_sends_each_batch_as_of_its_own_last_fix() -> None:
    server, points = Server(), ride(BATCH + 20, every_s=0.001)
    outcome = await run(server, points, live=True)
    assert outcome.statuses == {"accepted": BATCH + 20}
    for body, group in zip(server.bodies, (points[:BATCH], points[BATCH:]), strict=True):
        ages = [told(body["sent_at"]) - told(ping["captured_at"]) for ping in body["pings"]]
        assert ages == [group[-1].at - point.at for point in group]


async def test_the_bar_is_full_at_the_end() -> None:
    progress = Progress(disable=True)
    await run(Server(), ride(130), progress=progress)
    [task] = progress.tasks
    assert (task.completed, task.total) == (130, 130)


async def test_every_status_is_counted_by_its_name() -> None:
    class Picky(Server):
        async def __call__(self, request: web.Request) -> web.Response:
            pings = (await request.json())["pings"]
            results = [
                {"id": ping["id"], "status": "ignored" if at % 3 else "accepted"} for at, ping in enumerate(pings)
            ]
            return web.json_response({"results": results, "moments": []})

    assert (await run(Picky(), ride(9))).statuses == Counter(accepted=3, ignored=6)
