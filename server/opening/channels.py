"""The push services that are set up: opened with the house, closed with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from server.channels.base import Channel
from server.settings import Settings

Channels = Mapping[str, Channel[Any, Any]]
"""By way; alerts for `apns`, `fcm` and `webpush`, stirs for `apple_wallet`."""


def channels_of(settings: Settings) -> dict[str, Channel[Any, Any]]:
    """Make a channel for each service that the settings name, by its way."""
    return {}


@contextlib.asynccontextmanager
async def open_channels(settings: Settings) -> AsyncIterator[Channels]:
    """Give the channels, and let go of their connections in the end."""
    channels = channels_of(settings)
    try:
        yield channels
    finally:
        for channel in channels.values():
            await channel.close()
