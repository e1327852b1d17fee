"""The push services that are set up: opened with the house, closed with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog

from server.channels.base import Channel
from server.opening.apple import apns_of, apple_wallet_of
from server.opening.firebase import account_of, fcm_of
from server.opening.unmoved import unmoved
from server.opening.web_push import web_push_of
from server.web.parts import Parts

Channels = Mapping[str, Channel[Any, Any]]
"""By way; alerts for `apns`, `fcm` and `webpush`, stirs for `apple_wallet`."""

Found = dict[str, Channel[Any, Any] | None]

_log = structlog.get_logger("kairos.channels")


def apples_of(parts: Parts) -> Found:
    """Make Apple's channels, as far as they are set up. Raises Misconfigured naming what is wrong."""
    return {
        "apns": apns_of(parts.settings, log=_log),
        "apple_wallet": apple_wallet_of(parts.settings, parts.desk, log=_log),
    }


async def channels_of(parts: Parts) -> dict[str, Channel[Any, Any]]:
    """Make a channel for each service that the settings name, by its way. Raises Misconfigured naming what is wrong."""
    account = await asyncio.to_thread(account_of, parts.settings)  # it reads files, and so do Apple's
    found = await asyncio.to_thread(apples_of, parts)
    found["webpush"] = web_push_of(parts.settings, parts.vapid, log=_log)
    found["fcm"] = fcm_of(parts.settings, account, log=_log)
    return {way: unmoved(channel, parts) for way, channel in found.items() if channel is not None}


@contextlib.asynccontextmanager
async def open_channels(parts: Parts) -> AsyncIterator[Channels]:
    """Give the channels, and let go of their connections in the end."""
    channels = await channels_of(parts)
    try:
        yield channels
    finally:
        for channel in channels.values():
            await channel.close()
