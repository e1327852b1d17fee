"""`kairos replay`: send a recorded track through a running server, fix by fix, with the spacing that it had.

The last fix is sent as of now and all others as much older as they were, in batches as a phone sends them after a tunnel;
`--live` waits between batches as long as the ride did. Ids are derived from the track and the customer, so a second replay
on the same day is told "duplicate" and gets the first one's moments.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
from rich.progress import Progress

from server.commands.track import TrackPoint
from server.errors import Unavailable

BATCH = 100
"""Fixes in one request: half of what a request may hold."""


@dataclass(slots=True)
class Outcome:
    """What the server said: how many fixes by status, and each moment once, in order."""

    statuses: dict[str, int] = field(default_factory=dict)
    moments: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        """Count one answer's results and keep its new moments."""
        for result in answer["results"]:
            self.statuses[result["status"]] = self.statuses.get(result["status"], 0) + 1
        known = {moment["id"] for moment in self.moments}
        self.moments += [moment for moment in answer["moments"] if moment["id"] not in known]


def ping_id(token: str, point: TrackPoint) -> UUID:
    """Derive a fix's id from the customer and the recorded fix."""
    digest = hashlib.sha256(f"{token} {point.lat} {point.lon} {point.at.isoformat()}".encode()).digest()
    number = int.from_bytes(digest[:16])
    # RFC 9562's version 8, "of one's own making", which Python 3.11's UUID does not set by itself.
    number = number & ~(0xF000 << 64 | 0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48
    return UUID(int=number)


def requests_of(points: Sequence[TrackPoint], *, token: str, now: datetime, batch: int = BATCH) -> list[dict[str, Any]]:
    """Lay the track so that its last fix is `now`: the bodies of POST /v1/pings, in order."""
    shift = now - points[-1].at
    return [
        {
            "sent_at": now.isoformat(),
            "app": {"foreground": True},
            "pings": [
                {
                    "id": str(ping_id(token, point)),
                    "captured_at": (point.at + shift).isoformat(),
                    "lat": point.lat,
                    "lon": point.lon,
                    "accuracy_m": point.accuracy_m,
                    "source": "replay",
                }
                for point in group
            ],
        }
        for group in (points[start : start + batch] for start in range(0, len(points), batch))
    ]


async def replay(
    points: Sequence[TrackPoint], *, server: str, token: str, live: bool = False, progress: Progress | None = None
) -> Outcome:
    """Send the track and gather what came out; waits as long as a 429 or 503 asks, at most ten times for one batch."""
    outcome = Outcome()
    bar = progress.add_task("fixes", total=len(points)) if progress else None
    now = datetime.now(UTC)  # noqa: TID251  a phone's clock: this command is one
    bodies = requests_of(points, token=token, now=now)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, headers={"Authorization": f"Bearer {token}"}) as session:
        for number, body in enumerate(bodies):
            if live:
                await asyncio.sleep(_pause(points, number).total_seconds())
            group = points[number * BATCH : (number + 1) * BATCH]
            outcome.add(await _send(session, f"{server}/v1/pings", _live(body, group) if live else body))
            if progress and bar is not None:
                progress.advance(bar, len(body["pings"]))
    return outcome


def _live(body: dict[str, Any], group: Sequence[TrackPoint]) -> dict[str, Any]:
    """Send the batch as of its own last fix."""
    pings = [{**ping, "captured_at": point.at.isoformat()} for ping, point in zip(body["pings"], group, strict=True)]
    return {**body, "sent_at": group[-1].at.isoformat(), "pings": pings}


def _pause(points: Sequence[TrackPoint], number: int) -> timedelta:
    """Tell how long the ride took from the last fix of the batch before to the last of this one."""
    last = points[min((number + 1) * BATCH, len(points)) - 1]
    before = points[number * BATCH - 1] if number else last
    return last.at - before.at


async def _send(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> dict[str, Any]:
    for _ in range(10):
        async with session.post(url, json=body) as response:
            if response.status == 200:
                answer: dict[str, Any] = await response.json()
                return answer
            if response.status not in (429, 503):
                raise Unavailable(f"the server answered {response.status}: {(await response.text())[:500]}")
            pause = float(response.headers.get("Retry-After", "1"))
        await asyncio.sleep(min(pause, 30.0))
    raise Unavailable("the server answered 429 or 503 ten times to one batch")
