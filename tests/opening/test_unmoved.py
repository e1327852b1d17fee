"""A house whose day was moved tells services the world's time, and hears from them in its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.channels.base import Alert, Outcome, Receipt, Stir
from server.opening.unmoved import Unmoved, unmoved
from tests.builders import NOON
from tests.web.serving import parts_of, settings_with

AHEAD = timedelta(days=3)


@dataclass
class Service:
    """A channel that keeps what it was handed."""

    name: str = "apns"
    given: list[tuple[Any, Any, datetime]] = field(default_factory=list)
    closed: bool = False

    async def send(self, thing: Any, address: Any, *, now: datetime) -> Receipt:
        self.given.append((thing, address, now))
        return Receipt(Outcome.GONE, "Unregistered", gone_since=now - timedelta(hours=1))

    async def close(self) -> None:
        self.closed = True


async def test_a_push_is_sent_in_the_worlds_time_and_its_receipt_is_in_the_houses() -> None:
    service = Service()
    channel = Unmoved(service, lambda: AHEAD)
    alert = Alert(id=UUID(int=1), moment_id=UUID(int=2), title="T", body="B", collapse_id="c", expires_at=NOON)
    stir = Stir(id=UUID(int=3), expires_at=NOON)
    for thing in (alert, stir, "a webhook's message"):
        receipt = await channel.send(thing, "address", now=NOON)
        assert receipt.gone_since == NOON - timedelta(hours=1)
    await channel.close()
    assert [now for _, _, now in service.given] == [NOON - AHEAD] * 3
    assert [getattr(thing, "expires_at", thing) for thing, _, _ in service.given] == [
        NOON - AHEAD,
        NOON - AHEAD,
        "a webhook's message",
    ]
    assert (channel.name, service.closed) == ("apns", True)


def test_every_other_house_has_its_channels_as_they_are() -> None:
    service = Service()
    assert unmoved(service, parts_of(settings_with(), None)) is service
