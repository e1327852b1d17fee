"""Ways out of a house whose day can be moved while it runs (a demonstration's): the services it sends to live today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from server.channels.base import Alert, Channel, Receipt, Stir
from server.web.parts import Parts


class Unmoved:
    """A channel that is handed the world's time; what it tells comes back in the house's."""

    def __init__(self, channel: Channel[Any, Any], ahead: Callable[[], timedelta]) -> None:
        """Wrap a channel; `ahead` tells how far the house's time is ahead of the world's."""
        self._channel, self._ahead = channel, ahead

    @property
    def name(self) -> str:
        """The channel's own."""
        return self._channel.name

    async def send(self, thing: Any, address: Any, *, now: datetime) -> Receipt:
        """Try once."""
        ahead = self._ahead()
        if isinstance(thing, Alert | Stir):
            thing = replace(thing, expires_at=thing.expires_at - ahead)
        receipt = await self._channel.send(thing, address, now=now - ahead)
        return receipt if receipt.gone_since is None else replace(receipt, gone_since=receipt.gone_since + ahead)

    async def close(self) -> None:
        """Let go of the channel's connections."""
        await self._channel.close()


def unmoved(channel: Channel[Any, Any], parts: Parts) -> Channel[Any, Any]:
    """Wrap a channel where the house's day can be moved."""
    scene = parts.scene
    return channel if scene is None else Unmoved(channel, lambda: scene.ahead)
